"""What the bootstrap promises: the values of the metrics on repeated rows, the same rows for all, honest intervals."""

import re

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.metrics import METRICS, _resampling, bootstrap
from polytag.metrics.bootstrap import (
    MEASURES,
    _over_seeds,
    difference,
    difference_of_measured,
    measured,
    numbered,
    paired_difference,
    photo_counts,
    photo_folds,
    resampled,
)

NAN = float("nan")
SCORES = np.array([[2.0], [1], [-1], [-2]])
TARGETS = np.array([[1], [0], [1], [0]], dtype=np.int8)


def drawn(monkeypatch, *counts):
    """Values of one resample with these counts of the four photos."""
    monkeypatch.setattr(
        bootstrap, "photo_counts", lambda items, seed, draw, clusters=None: np.array(counts, dtype=np.int32)
    )
    values = resampled(SCORES, TARGETS, draws=1)
    return [values[name].item() for name in ("mAP", "CF1", "OF1")]


def repeated(scores, targets, draws, seed, metrics=tuple(MEASURES), threshold=0.0):
    """The definition: the metrics on the rows of each resample."""
    values = {name: [] for name in metrics}
    for draw in range(draws):
        rows = np.repeat(np.arange(len(scores)), photo_counts(len(scores), seed, draw))
        for name in metrics:
            values[name].append(METRICS[name](scores[rows], targets[rows], threshold))
    return values


@pytest.mark.parametrize(
    ("counts", "average", "f1"),
    [
        ((1, 1, 1, 1), (1 + 2 / 3) / 2, 2 * 1 / (2 + 2)),
        ((1, 2, 1, 0), (1 + 2 / 4) / 2, 2 * 1 / (3 + 2)),
        ((1, 1, 2, 0), (1 + 2 * 3 / 4) / 3, 2 * 1 / (2 + 3)),
        ((0, 1, 1, 2), 1 / 2, 0.0),
        ((3, 0, 0, 1), 1.0, 1.0),
    ],
)
def test_numbers_worked_by_hand(counts, average, f1, monkeypatch):
    assert drawn(monkeypatch, *counts) == pytest.approx([average, f1, f1], rel=0, abs=1e-15)


def test_a_class_without_positives_or_negatives_is_undefined_in_that_resample(monkeypatch):
    assert drawn(monkeypatch, 0, 3, 0, 1) == pytest.approx([NAN, NAN, NAN], nan_ok=True)
    assert drawn(monkeypatch, 2, 0, 2, 0) == pytest.approx([NAN, NAN, 2 * 2 / (2 + 4)], nan_ok=True)


@pytest.mark.parametrize("known", ["tied", "masked"])
@pytest.mark.parametrize("block", [2**17, 60 * 7])
def test_equals_the_metrics_on_repeated_rows(known, block, request, monkeypatch):
    scores, targets = request.getfixturevalue(known)
    targets[:, 0] = 0  # a class that many resamples lose
    targets[7, 0] = 1
    monkeypatch.setattr(_resampling, "_BLOCK", block)
    values, expected = resampled(scores, targets, draws=70, seed=3), repeated(scores, targets, 70, 3)
    assert list(values) == ["mAP", "CF1", "OF1"]
    for name in values:
        np.testing.assert_allclose(values[name], expected[name], rtol=0, atol=1e-12)
        assert np.ptp(values[name]) > 0.01


@pytest.mark.parametrize("known", ["tied", "masked"])
def test_every_metric_can_be_resampled_at_any_threshold(known, request, monkeypatch):
    scores, targets = request.getfixturevalue(known)
    targets[:, 0] = 0  # a class that many resamples lose
    targets[7, 0] = 1
    monkeypatch.setattr(_resampling, "_BLOCK", 60 * 7)
    for threshold in (0.0, np.linspace(-1, 1, scores.shape[1])):
        values = resampled(scores, targets, 5, 3, tuple(METRICS), threshold)
        assert list(values) == list(METRICS)
        for name, expected in repeated(scores, targets, 5, 3, METRICS, threshold).items():
            np.testing.assert_allclose(values[name], expected, rtol=0, atol=1e-12, err_msg=name)


def test_metrics_of_counts_are_undefined_where_their_definition_is():
    nothing, no_negatives = np.zeros_like(TARGETS), np.ones_like(TARGETS)
    for targets in (nothing, no_negatives, -no_negatives):
        values = resampled(SCORES, targets, 1, 0, tuple(METRICS))
        for name, expected in repeated(SCORES, targets, 1, 0, METRICS).items():
            np.testing.assert_allclose(values[name], expected, rtol=0, atol=1e-15, err_msg=name)


def test_sparse_labels_and_infinite_scores_are_taken(tied):
    scores, targets = tied
    scores[::5], scores[1::5] = np.inf, -np.inf
    labels = Labels.from_dense(targets, [str(c) for c in range(20)])
    values = resampled(scores, labels, draws=3)
    for name, expected in repeated(scores, targets, 3, 0).items():
        np.testing.assert_allclose(values[name], expected, rtol=0, atol=1e-12)


def test_draws_depend_on_the_seed_and_their_number_alone(tied):
    scores, targets = tied
    few, many, other = (resampled(scores, targets, n, seed)["mAP"] for n, seed in ((5, 1), (40, 1), (5, 2)))
    np.testing.assert_allclose(few, many[:5], rtol=0, atol=1e-15)
    assert not np.isin(other, many).any()
    np.testing.assert_array_equal(resampled(scores * 3 + 1, targets, 40, 1)["mAP"], many)


def test_a_resample_has_as_many_photos_as_there_are():
    counts = np.stack([photo_counts(50, 0, draw) for draw in range(2000)])
    assert set(counts.sum(axis=1)) == {50}
    # Each count is binomial with mean 1 and variance 1 - 1/50; ten standard errors of 100,000 draws.
    assert counts.mean(axis=0) == pytest.approx(1, abs=10 / np.sqrt(2000))
    assert counts.var() == pytest.approx(1 - 1 / 50, abs=10 * np.sqrt(2 / 100_000))


def test_the_interval_is_that_of_the_percentiles():
    values = np.arange(1001) / 1000  # 0, 0.001, ... 1
    assert difference(0.5, values) == pytest.approx((0.5, 0.025, 0.975, "up"))
    assert difference(-0.5, -values) == pytest.approx((-0.5, -0.975, -0.025, "down"))
    assert difference(0.0, values - 0.5).verdict == "not resolved"
    assert difference(0.5, np.append(values, [NAN] * 50)) == difference(0.5, values)


def test_an_interval_that_ends_at_zero_resolves_nothing():
    assert difference(0.1, np.r_[np.zeros(10), np.ones(90)]).verdict == "not resolved"


def test_what_is_never_defined_is_not_resolved():
    assert difference(NAN, np.full(100, NAN)) == pytest.approx((NAN, NAN, NAN, "not resolved"), nan_ok=True)


def test_a_run_against_itself_is_not_resolved(tied):
    scores, targets = tied
    for result in paired_difference([scores], [scores], targets, draws=100).values():
        assert result == (0.0, 0.0, 0.0, "not resolved")


def test_a_clearly_better_run_is_up_and_the_worse_one_down(tied):
    scores, targets = tied
    better = scores + 2 * targets - 1
    up = paired_difference([better], [scores], targets, draws=200)
    down = paired_difference([scores], [better], targets, draws=200)
    for name, measure in MEASURES.items():
        assert up[name].value == pytest.approx(measure(better, targets) - measure(scores, targets), abs=1e-12)
        assert (up[name].verdict, down[name].verdict) == ("up", "down")
        assert 0 < up[name].low < up[name].value < up[name].high
        assert (-up[name].low, -up[name].high) == pytest.approx((down[name].high, down[name].low))


def test_one_pair_is_a_bootstrap_of_photos_alone(tied):
    scores, targets = tied
    other = np.roll(scores, 1, axis=0)
    moved = resampled(scores, targets, 150, 4)["mAP"] - resampled(other, targets, 150, 4)["mAP"]
    result = paired_difference([scores], [other], targets, draws=150, seed=4)["mAP"]
    assert (result.low, result.high) == pytest.approx(tuple(np.quantile(moved, (0.025, 0.975))), rel=0, abs=1e-15)


def test_with_several_seeds_the_interval_is_that_of_the_t_test_where_photos_do_not_matter():
    targets = np.ones((20, 2), dtype=np.int8)
    right, wrong = np.full((20, 2), 1.0), np.full((20, 2), -1.0)  # OF1 1 and 0 whatever the photos
    result = paired_difference([right, right, right], [wrong, right, wrong], targets, draws=100)["OF1"]
    expected = ttest_1samp([1, 0, 1], 0).confidence_interval(0.95)
    assert result == pytest.approx((2 / 3, expected.low, expected.high, "not resolved"))
    steady = paired_difference([right, right], [wrong, wrong], targets, draws=100)["OF1"]
    assert steady == (1.0, 1.0, 1.0, "up")


def test_where_seeds_do_not_matter_it_is_that_of_the_photos(tied):
    scores, targets = tied
    other = np.roll(scores, 1, axis=0)
    moved = resampled(scores, targets, 150, 4)["mAP"] - resampled(other, targets, 150, 4)["mAP"]
    result = paired_difference([scores] * 3, [other] * 3, targets, draws=150, seed=4)["mAP"]
    assert (result.high - result.low) / 2 == pytest.approx(1.959964 * moved.std(ddof=1))
    assert (result.high + result.low) / 2 == pytest.approx(result.value)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])  # of the photos' variance in that of the mean over seeds
def test_equal_runs_are_called_unequal_at_most_once_in_twenty_whatever_the_number_of_seeds(seeds, share):
    random, called = np.random.default_rng(0), []
    luck = random.normal(0, np.sqrt(share / seeds), 2000)
    luck_told = luck[:100] / (luck[:100].std(ddof=1) or 1) * np.sqrt(share / seeds)
    for one in luck:
        called.append(_over_seeds(random.normal(size=seeds) + one, luck_told).verdict != "not resolved")
    assert np.mean(called) < 0.05 + 0.015
    if not share:
        assert np.mean(called) == pytest.approx(0.05, abs=0.015)


def test_the_interval_puts_those_of_photos_and_of_seeds_together():
    resamples = np.tile([0.2, 0.0], 50)  # of variance 0.01 * 100 / 99
    result = _over_seeds(np.array([0.05, 0.15, 0.10]), resamples)
    far = np.sqrt(1.959964**2 * 0.01 * 100 / 99 + 4.302653**2 * 0.0025 / 3)
    assert result == pytest.approx((0.1, 0.1 - far, 0.1 + far, "not resolved"), abs=1e-6)


def test_photos_of_a_cluster_are_drawn_together():
    clusters = numbered(np.array([70, -3, 70, 5, 5, 70]))
    np.testing.assert_array_equal(clusters, [2, 0, 2, 1, 1, 2])
    for draw in range(20):
        counts = photo_counts(6, 3, draw, clusters)
        assert counts.dtype == np.int32
        assert counts[[1, 3, 0]].sum() == 3  # as many clusters as there are
        np.testing.assert_array_equal(counts[[2, 5, 4]], counts[[0, 0, 3]])
    np.testing.assert_array_equal(photo_counts(6, 3, 1, np.arange(6)), photo_counts(6, 3, 1))


def test_photos_of_a_cluster_share_a_fold():
    clusters = np.repeat(np.arange(7), [1, 2, 3, 4, 5, 6, 7])
    folds = photo_folds(28, 0, 3, clusters)
    np.testing.assert_array_equal(np.sort(np.concatenate(folds)), np.arange(28))
    assert all(set(clusters[a]).isdisjoint(clusters[b]) for a in folds for b in folds if a is not b)
    alone = photo_folds(28, 0, 3)
    assert [len(fold) for fold in alone] == [10, 9, 9]
    for fold, own in zip(alone, photo_folds(28, 0, 3, np.arange(28)), strict=True):
        np.testing.assert_array_equal(np.sort(fold), own)


def test_alike_photos_of_a_patient_do_not_make_a_difference_sure():
    called = {"apart": 0, "together": 0}
    clusters = np.repeat(np.arange(30), 6)
    for number in range(60):  # two models that are as good, on 30 patients of 6 nearly equal photos
        random = np.random.default_rng(number)
        targets = (random.random((30, 2)) < 0.5).astype(np.int8)[clusters]
        a, b = (
            (random.normal(size=(30, 2)))[clusters] + targets + 0.01 * random.normal(size=(180, 2)) for _ in range(2)
        )
        for name, drawn_together in (("apart", None), ("together", clusters)):
            moved = paired_difference([a], [b], targets, draws=100, clusters=drawn_together)["mAP"]
            called[name] += moved.verdict != "not resolved"
    assert called["together"] < 10 < called["apart"]


def test_what_no_resample_defines_is_not_resolved_over_seeds_either():
    assert _over_seeds(np.array([0.1, 0.2]), np.full(100, NAN)).verdict == "not resolved"
    assert _over_seeds(np.array([NAN, 0.2]), np.zeros(100)) == pytest.approx(
        (NAN, NAN, NAN, "not resolved"), nan_ok=True
    )


def test_runs_that_were_measured_once_give_the_same_differences(tied):
    scores, targets = tied
    a, b = [scores + targets, scores], [np.roll(scores, 1, axis=0), scores + 0.5 * targets]
    once = [[measured(of, targets, draws=120, seed=6) for of in runs] for runs in (a, b)]
    assert once[0][0].values == {name: measure(a[0], targets) for name, measure in MEASURES.items()}
    np.testing.assert_array_equal(once[1][1].resamples["CF1"], resampled(b[1], targets, 120, 6)["CF1"])
    other = measured(a[0], targets, draws=120, seed=6, metrics=("mA",), threshold=0.3)
    assert other.values == {"mA": METRICS["mA"](a[0], targets, 0.3)}
    np.testing.assert_array_equal(other.resamples["mA"], resampled(a[0], targets, 120, 6, ("mA",), 0.3)["mA"])
    assert difference_of_measured(*once) == paired_difference(a, b, targets, draws=120, seed=6)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: resampled(SCORES, TARGETS, draws=0), "draws must be between 1 and 1e+06, got 0"),
        (lambda: resampled(SCORES, TARGETS, seed=-1), "seed must be between 0 and 4.61169e+18, got -1"),
        (
            lambda: resampled(SCORES, TARGETS, metrics=("mAPs",)),
            f"each of metrics must be one of {', '.join(METRICS)}, got 'mAPs'",
        ),
        (lambda: resampled(SCORES[:0], TARGETS[:0]), "there must be at least one photo to resample, got none"),
        (lambda: difference(0.0, np.zeros(99)), "draws must be between 100 and 1e+06, got 99"),
        (
            lambda: paired_difference([SCORES], [SCORES], TARGETS, draws=50),
            "draws must be between 100 and 1e+06, got 50",
        ),
        (
            lambda: paired_difference([SCORES], [SCORES] * 2, TARGETS),
            "a and b must hold scores of the same training seeds, got 1 and 2 arrays",
        ),
        (
            lambda: paired_difference([], [], TARGETS),
            "a and b must hold scores of the same training seeds, got 0 and 0 arrays",
        ),
    ],
)
def test_what_cannot_be_resampled_is_refused(call, sentence):
    with pytest.raises(OptionError, match=rf"^{re.escape(sentence)}$"):
        call()
