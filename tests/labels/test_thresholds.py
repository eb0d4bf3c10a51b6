"""Thresholds: the best cut of each class by trying all of them, and shy ones where few positives are behind."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import f1_score, precision_score, recall_score

from polytag._random import generator
from polytag.errors import OptionError
from polytag.labels.thresholds import best_thresholds


def random_case(seed, items=60, classes=4, ties=False):
    random = generator(seed)
    targets = (random.random((items, classes)) < [0.5, 0.2, 0.1, 0.4]).astype(int)
    targets[0], targets[1] = 1, 0
    scores = 1 / (1 + np.exp(-(2 * targets - 1 + 1.5 * random.standard_normal(targets.shape))))
    return np.round(scores, 1) if ties else scores, targets


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_no_cut_of_a_class_has_a_higher_f1(seed, ties):
    scores, targets = random_case(seed, ties=ties)
    found = best_thresholds(scores, targets, shrink=0.0)
    for column in range(4):
        cuts = np.concatenate([[0.0], np.unique(scores[:, column]), np.unique(scores[:, column]) - 1e-9])
        best = max(f1_score(targets[:, column], scores[:, column] > cut, zero_division=0) for cut in cuts)
        own = f1_score(targets[:, column], scores[:, column] > found[column])
        assert own == pytest.approx(best)


def test_by_hand():
    scores = np.array([[0.9], [0.7], [0.6], [0.2], [0.1]])
    targets = np.array([[1], [0], [1], [0], [0]])
    # Half way between the logits of 0.6 and 0.2, where F1 is 0.8, are odds of sqrt(3/2 * 1/4); for 0.9 and 0.7
    # they are sqrt(9 * 7/3).
    low, high = (odds / (1 + odds) for odds in (0.375**0.5, 21**0.5))
    assert best_thresholds(scores, targets, shrink=0.0) == pytest.approx([low])
    assert best_thresholds(scores, targets, "precision", 1.0, 0.0) == pytest.approx([high])
    assert best_thresholds(scores, targets, "precision", 0.6, 0.0) == pytest.approx([low])
    assert best_thresholds(scores, targets, "recall", 1.0, 0.0) == pytest.approx([low])
    assert best_thresholds(scores, targets, "recall", 0.5, 0.0) == pytest.approx([high])


@pytest.mark.parametrize("seed", range(5))
def test_a_level_is_kept_at_the_best_of_the_other(seed):
    scores, targets = random_case(seed)
    for objective, kept, other in (
        ("precision", precision_score, recall_score),
        ("recall", recall_score, precision_score),
    ):
        found = best_thresholds(scores, targets, objective, 0.7, 0.0)
        for column in range(4):
            y, s = targets[:, column], scores[:, column]
            options = [
                (kept(y, s > cut, zero_division=0), other(y, s > cut, zero_division=0))
                for cut in [0.0, *s[s < s.max()]]
            ]
            best = max((value for level, value in options if level >= 0.7), default=None)
            if best is None:  # out of reach, which another test is about
                continue
            chosen = s > found[column]
            assert kept(y, chosen) >= 0.7
            assert other(y, chosen) == pytest.approx(best)


def test_a_level_out_of_reach_is_come_near_to():
    scores, targets = np.array([[0.9], [0.8], [0.1]]), np.array([[0], [1], [0]])
    assert best_thresholds(scores, targets, "precision", 0.9, 0.0) == pytest.approx([0.4])  # one of two is the most


@pytest.mark.parametrize("grid", [0.0, 0.05])
@pytest.mark.parametrize("objective", ["precision", "recall"])
@pytest.mark.parametrize("seed", range(5))
def test_a_level_in_reach_is_kept_however_few_positives_there_are(seed, objective, grid):
    scores, targets = random_case(seed)
    judge = precision_score if objective == "precision" else recall_score
    alone, mixed = (best_thresholds(scores, targets, objective, 0.8, shrink, grid) for shrink in (0.0, 10.0))
    for column in range(4):
        y, s = targets[:, column], scores[:, column]
        within = min(0.8, judge(y, s > alone[column], zero_division=0))  # the level, or the nearest to it
        assert judge(y, s > mixed[column], zero_division=0) >= within


@pytest.mark.parametrize(
    "logits",
    [
        [16.5, 16, 15, 14],
        [-14, -15, -16, -16.5],
        [31, 30.9, 30.8, 30.7],
        [50, 40, 36, 30],  # the first two have a probability of 1
        [-600, -610, -620, -630],
    ],
)
@pytest.mark.parametrize("shrink", [0.0, 10.0])
def test_sure_scores_are_told_apart(logits, shrink):
    scores, targets = expit(np.array(logits, np.float64))[:, None], np.array([[1], [1], [0], [0]])
    found = best_thresholds(scores, targets, shrink=shrink)
    assert (scores > found).tolist() == [[True], [True], [False], [False]]
    assert found < 1


@pytest.mark.parametrize("least", range(3))
@pytest.mark.parametrize("shrink", [0.0, 10.0])
def test_neighbours_among_numbers_below_one_are_told_apart(least, shrink):
    scores = 1 - (least + np.arange(4)[:, None]) * 2.0**-53
    found = best_thresholds(scores, np.array([[1], [1], [0], [0]]), shrink=shrink)
    assert (scores > found).tolist() == [[True], [True], [False], [False]]


def test_unknown_labels_do_not_count():
    scores, targets = random_case(0)
    noisy = np.concatenate([scores, generator(9).random((40, 4))])
    unknown = np.concatenate([targets, np.full((40, 4), -1)])
    np.testing.assert_allclose(best_thresholds(noisy, unknown), best_thresholds(scores, targets))


def test_few_positives_stay_near_the_cut_of_all_classes():
    scores, targets = random_case(3, items=400)
    free, shared = best_thresholds(scores, targets, shrink=0.0), best_thresholds(scores, targets, shrink=1e9)
    assert np.ptp(shared) < 1e-6
    some = best_thresholds(scores, targets, shrink=30.0)
    assert ((some - shared) * (free - shared) >= -1e-9).all()
    assert (np.abs(some - shared) <= np.abs(free - shared) + 1e-9).all()
    positives = targets.sum(axis=0)
    logit = lambda p: np.log(p / (1 - p))  # noqa: E731
    expected = (positives * logit(free) + 30 * logit(shared)) / (positives + 30)
    np.testing.assert_allclose(logit(some), expected, atol=1e-6)


def test_a_class_that_cannot_be_judged_has_the_shared_cut():
    scores, targets = random_case(1)
    targets[:, 2] = 0
    targets[:, 3] = -1
    found = best_thresholds(scores, targets, shrink=0.0)
    assert found[2] == found[3]
    np.testing.assert_allclose(found[:2], best_thresholds(scores[:, :2], targets[:, :2], shrink=0.0))


@pytest.mark.parametrize("objective", ["f1", "precision", "recall"])
@pytest.mark.parametrize("shrink", [0.0, 10.0])
def test_on_a_grid_cuts_are_its_multiples(objective, shrink):
    scores, targets = random_case(2)
    found = best_thresholds(scores, targets, objective, shrink=shrink, grid=0.05)
    np.testing.assert_allclose(found / 0.05, np.rint(found / 0.05), atol=1e-9)
    assert (found > 0).all()


def test_scores_of_zero_give_no_cut():
    assert best_thresholds(np.zeros((2, 1)), np.array([[1], [0]]), shrink=0.0) == pytest.approx([0.5])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"objective": "f2"}, "objective must be one of f1, precision, recall, got 'f2'"),
        ({"objective": "recall", "level": 2.0}, "level must be between 0 and 1, got 2.0"),
        ({"level": 0.8}, "level goes with objective precision or recall, got 0.8 with f1; leave it out"),
        ({"shrink": -1.0}, "shrink must be between 0 and 1e+09, got -1.0"),
        ({"grid": 0.9}, "grid must be between 0.0001 and 0.5, got 0.9"),
        ({"grid": 1e-9}, "grid must be between 0.0001 and 0.5, got 1e-09"),
        (
            {"scores": np.array([[3.0], [1.0]])},
            "scores must be probabilities from 0 to 1; use scipy.special.expit on logits",
        ),
        (
            {"scores": np.array([[np.nan], [1.0]])},
            "scores must be probabilities from 0 to 1; use scipy.special.expit on logits",
        ),
        (
            {"targets": np.array([[1], [1]])},
            "no class has both a known positive and a known negative; give other photos",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(options, sentence):
    arguments = {"scores": np.array([[0.9], [0.1]]), "targets": np.array([[1], [0]])} | options
    with pytest.raises(OptionError) as error:
        best_thresholds(**arguments)
    assert str(error.value) == sentence
