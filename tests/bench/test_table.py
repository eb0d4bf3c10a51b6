"""What a table promises: means over seeds, paired verdicts, and classes grouped by how frequent they are."""

from dataclasses import replace

import numpy as np
import pytest
from scored_runs import answers, make_scored
from table_toys import COST, DATA, run, suite

from polytag._random import generator
from polytag.bench import table
from polytag.bench.answers import answers as answers_of
from polytag.bench.answers import thresholds
from polytag.bench.table import detectable, make_table
from polytag.bench.types import ADAPTED, COMPARED, Cost, Row, Suite
from polytag.labels.facts import TAIL
from polytag.metrics import METRICS
from polytag.metrics.bootstrap import MEASURES, difference_of_measured, measured, paired_difference, resampled
from polytag.run import Run
from polytag.scores import VAL_SCORES, load_scores

NAN = float("nan")
SKILLS = {"bce": 0.6, "better": 2.0}


@pytest.fixture(autouse=True)
def no_models(monkeypatch):
    """The runs here have no model, and what it would cost is asked for elsewhere."""
    monkeypatch.setattr(table, "cost_of", lambda runs: COST)


def val_of(skill, noise):
    """Logits and targets of 300 validation photos, at which many answers are too high for a threshold of 0."""
    logits, targets = answers(skill, 300, seed=50 + noise)
    return logits + np.float32(2), targets


def test_means_and_deviations_worked_by_hand(worked):
    made = make_table(suite("asl"), {"asl": worked}, draws=100)
    (line,) = made.lines
    assert line.means == pytest.approx(
        {"mAP": 8 / 9, "CF1": 5 / 6, "OF1": 5 / 6, "head": 11 / 12, "medium": 1.0, "tail": 3 / 4}
    )
    apart = {"mAP": 2 / 9, "CF1": 1 / 3, "OF1": 1 / 3, "head": 1 / 6, "medium": 0.0, "tail": 1 / 2}
    assert line.deviations == pytest.approx({name: value / np.sqrt(2) for name, value in apart.items()})
    assert (line.name, line.runs, line.differences, line.cost) == ("asl", tuple(worked), {}, COST)
    assert (made.classes, made.photos, made.tail_limits) == (3, 4, (100, 20))
    assert made.sizes == {"head": 1, "medium": 1, "tail": 1}
    assert np.isnan(made.detectable)  # by the noise of differences, and there is none


def test_further_metrics_are_those_of_the_table_of_metrics(worked):
    asked = replace(suite("asl"), metrics=("mAP_voc12", "mA"))
    (line,) = make_table(asked, {"asl": worked}, draws=100).lines
    for name in asked.metrics:
        values = [METRICS[name](*load_scores(folder)[:2], 0.0) for folder in worked]
        assert line.means[name] == pytest.approx(np.mean(values))
        assert line.deviations[name] == pytest.approx(np.std(values, ddof=1))


def test_further_metrics_are_compared_with_the_baseline_too(tmp_path):
    runs = {name: [run(tmp_path / f"{name}{seed}", skill, seed) for seed in range(4)] for name, skill in SKILLS.items()}
    asked = replace(suite(*SKILLS, seeds=4), metrics=("mAP_voc12", "CF1_mean", "f1_samples", "CP_at_80"))
    base, better = (line.differences for line in make_table(asked, runs, draws=100).lines)
    assert base == {}
    assert list(better) == [*MEASURES, *asked.metrics, *TAIL]
    ours, theirs = ([load_scores(folder) for folder in runs[name]] for name in ("better", "bce"))
    for name in asked.metrics:
        a, b = ([measured(of.logits, of.targets, 100, metrics=(name,)) for of in one] for one in (ours, theirs))
        assert better[name] == difference_of_measured(a, b)[name]
    assert {better[name].verdict for name in asked.metrics[:3]} == {"up"}


def test_adapted_metrics_are_at_thresholds_of_each_run_from_its_validation_photos(tmp_path):
    runs = {
        name: [run(tmp_path / f"{name}{seed}", skill, seed, val=val_of(skill, seed)) for seed in range(2)]
        for name, skill in SKILLS.items()
    }
    asked = replace(suite(*SKILLS), metrics=("OF1_adapted", "mA", "CF1_adapted"))
    base, better = make_table(asked, runs, draws=100).lines
    for name, own in ADAPTED.items():
        parts = {}
        for row, folders in runs.items():
            limits = [thresholds([Run.open(folder)]) for folder in folders]
            scores = [load_scores(folder) for folder in folders]
            parts[row] = [
                measured(of.logits, of.targets, 100, metrics=(own,), threshold=at)
                for of, at in zip(scores, limits, strict=True)
            ]
        assert base.means[name] == pytest.approx(np.mean([part.values[own] for part in parts["bce"]]))
        assert base.means[name] != pytest.approx(base.means[own])
        assert better.differences[name] == difference_of_measured(parts["better"], parts["bce"])[own]
        assert better.differences[name].verdict == "up"
    plain = make_table(suite(*SKILLS), runs, draws=100).lines[1]
    assert {name: better.means[name] for name in plain.means} == plain.means
    assert {name: better.differences[name] for name in plain.differences} == plain.differences


def test_adapted_metrics_are_undefined_where_a_run_kept_no_validation_answers(tmp_path):
    kept = val_of(1.0, 0)
    runs = {
        "bce": [run(tmp_path / f"bce{seed}", 0.6, seed, val=kept) for seed in range(2)],
        "better": [run(tmp_path / "old", 2.0, 0), run(tmp_path / "new", 2.0, 1, val=kept)],
    }
    asked = replace(suite(*SKILLS), metrics=("CF1_adapted",))
    base, better = make_table(asked, runs, draws=100).lines
    assert base.means["CF1_adapted"] > 0
    assert np.isnan([better.means["CF1_adapted"], better.differences["CF1_adapted"].value]).all()
    assert better.differences["CF1_adapted"].verdict == "not resolved"
    assert better.differences["mAP"].value > 0


def test_an_ensemble_is_the_mean_probability_of_its_members_seed_by_seed(tmp_path):
    runs = {
        name: [run(tmp_path / f"{name}{seed}", skill, 10 * place + seed, val=val_of(skill, seed)) for seed in range(2)]
        for place, (name, skill) in enumerate({"bce": 0.6, "a": 1.0, "b": 0.9}.items())
    }
    asked = suite(*runs)
    asked = replace(asked, rows=(Row("both", {}, ("a", "b")), *asked.rows), metrics=("CF1_adapted",))
    both, _, one, _ = (made := make_table(asked, runs, draws=100)).lines
    folders = [
        make_scored(tmp_path / f"both{seed}", *together[:2], val=answers_of(pair, VAL_SCORES)[:2], data=DATA)
        for seed, pair in enumerate(zip(*([Run.open(of) for of in runs[name]] for name in "ab"), strict=True))
        if (together := answers_of(pair))
    ]
    as_one = make_table(
        replace(suite("bce", "both"), metrics=("CF1_adapted",)), {"bce": runs["bce"], "both": folders}, draws=100
    ).lines[1]
    assert (both.means, both.deviations, both.differences) == (as_one.means, as_one.deviations, as_one.differences)
    assert both.means["mAP"] > one.means["mAP"]
    assert both.runs == (*runs["a"], *runs["b"])
    assert both.cost == Cost(3.0, 2000, 0.5, 7.0, 200.0)
    assert [line.name for line in made.lines] == ["both", "bce", "a", "b"]


def test_an_ensemble_may_be_the_baseline(tmp_path):
    runs = {name: [run(tmp_path / name, skill)] for name, skill in (("a", 2.0), ("b", 0.3))}
    asked = Suite("s", "S", "photos", (*map(Row, "ab", ({}, {})), Row("both", {}, ("a", "b"))), "both", (0,), "fast")
    a, b, both = make_table(asked, runs, draws=100).lines
    assert both.differences == {}
    assert a.differences["mAP"].value > 0 > b.differences["mAP"].value


@pytest.mark.parametrize(
    ("limits", "sizes", "means"),
    [
        ((100, 19), (1, 2, 0), (11 / 12, (1 + 3 / 4) / 2, NAN)),
        ((20, 20), (2, 0, 1), ((11 / 12 + 1) / 2, NAN, 3 / 4)),
        ((200, 101), (0, 0, 3), (NAN, NAN, 8 / 9)),
        ((0, 0), (3, 0, 0), (8 / 9, NAN, NAN)),
    ],
)
def test_limits_say_which_classes_are_head_medium_and_tail(limits, sizes, means, worked):
    made = make_table(suite("asl"), {"asl": worked}, limits, draws=100)
    assert tuple(made.sizes.values()) == sizes
    found = tuple(made.lines[0].means[name] for name in ("head", "medium", "tail"))
    assert found == pytest.approx(means, nan_ok=True)


def test_the_mean_over_runs_counts_where_their_training_photos_differ(tmp_path):
    counts = {"a": [101, 25, 40], "b": [97, 15, 18]}  # means 99, 20 and 29
    runs = [run(tmp_path / name, data={"train_positives": positives}) for name, positives in counts.items()]
    assert make_table(suite("asl"), {"asl": runs}, draws=100).sizes == {"head": 0, "medium": 3, "tail": 0}


def test_a_class_that_the_test_photos_do_not_define_is_left_out_of_its_group(tmp_path):
    targets = np.array([[1, 0, 1], [0, 0, 0]], dtype=np.int8)
    data = {"train_positives": [5, 5, 200]}
    right_then_wrong = np.array([[1.0, 0, -1], [-1, 0, 1]])
    folder = make_scored(tmp_path / "run", right_then_wrong, targets, data=data)
    (line,) = (made := make_table(suite("asl", seeds=1), {"asl": [folder]}, draws=100)).lines
    assert made.sizes == {"head": 1, "medium": 0, "tail": 2}
    assert made.undefined == {"head": 0, "medium": 0, "tail": 1}
    assert (line.means["head"], line.means["tail"]) == (0.5, 1.0)


def test_rows_are_compared_with_the_baseline_seed_by_seed(tmp_path):
    skills = {"bce": 0.6, "better": 2.0, "same": 0.6, "worse": 0.1}
    runs = {
        name: [run(tmp_path / f"{name}-{seed}", skill, seed) for seed in range(3)] for name, skill in skills.items()
    }
    made = make_table(suite(*skills, seeds=3), runs, draws=200)
    assert [line.name for line in made.lines] == list(skills)
    base, better, same, worse = (line.differences for line in made.lines)
    assert base == {}
    assert list(better) == list(COMPARED)
    assert {better[name].verdict for name in MEASURES} == {"up"}
    assert set(same.values()) == {(0.0, 0.0, 0.0, "not resolved")}
    assert worse["mAP"].verdict == "down"
    _, targets = answers(0)
    logits = {
        name: [
            (skill * (2 * targets - 1.0) + generator(seed).normal(size=targets.shape)).astype(np.float32)
            for seed in range(3)
        ]
        for name, skill in skills.items()
    }
    assert {name: better[name] for name in MEASURES} == paired_difference(
        logits["better"], logits["bce"], targets, draws=200
    )
    for column, group in enumerate(("head", "medium", "tail")):  # of one class each
        own = [[of[:, [column]] for of in logits[name]] for name in ("better", "bce")]
        assert better[group] == paired_difference(*own, targets[:, [column]], draws=200)["mAP"]
    assert better["mAP"].value == pytest.approx(made.lines[1].means["mAP"] - made.lines[0].means["mAP"])
    noises = []
    for line, name in zip(made.lines[1:], ("better", "same", "worse"), strict=True):
        of, base = ([resampled(each, targets, 200)["mAP"] for each in logits[which]] for which in (name, "bce"))
        apart = [
            METRICS["mAP"](a, targets, 0.0) - METRICS["mAP"](b, targets, 0.0)
            for a, b in zip(logits[name], logits["bce"], strict=True)
        ]
        assert line.differences["mAP"].value == pytest.approx(np.mean(apart))
        noises.append((np.mean(np.array(of) - base, axis=0).var(ddof=1), np.var(apart, ddof=1) / 3))
    assert made.detectable == pytest.approx(detectable(*np.mean(noises, axis=0), 3))


def test_photos_of_a_group_are_drawn_together(tmp_path):
    groups = np.repeat(np.arange(12), 5)
    runs = {
        name: [run(tmp_path / f"{name}{n}", skill, n, groups=groups) for n in range(2)]
        for name, skill in SKILLS.items()
    }
    made = make_table(suite(*SKILLS), runs, draws=100)
    assert made.groups == 12
    ours, theirs = ([load_scores(folder) for folder in runs[name]] for name in ("better", "bce"))
    logits = [[each.logits for each in of] for of in (ours, theirs)]
    expected = paired_difference(*logits, ours[0].targets, draws=100, clusters=groups)
    assert made.lines[1].differences["mAP"] == expected["mAP"]
    assert expected["mAP"] != paired_difference(*logits, ours[0].targets, draws=100)["mAP"]


def test_in_a_ladder_rows_are_compared_with_the_row_above(tmp_path):
    skills = {"bce": 0.6, "better": 2.0, "worse": 0.1}
    runs = {name: [run(tmp_path / f"{name}-{n}", skill, n) for n in range(4)] for name, skill in skills.items()}
    asked = suite(*skills, seeds=4)
    ladder = make_table(replace(asked, ladder=True), runs, draws=100)
    beside = make_table(replace(asked, baseline="better"), runs, draws=100)
    assert [line.differences for line in ladder.lines[:1]] == [{}]
    assert ladder.lines[1].differences == make_table(asked, runs, draws=100).lines[1].differences
    assert ladder.lines[2].differences == beside.lines[2].differences
    assert ladder.lines[2].differences["mAP"].verdict == "down"


def test_the_baseline_may_stand_anywhere(tmp_path):
    runs = {name: [run(tmp_path / name, skill)] for name, skill in (("better", 2.0), ("bce", 0.3))}
    asked = Suite("s", "S", "photos", (Row("better", {}), Row("bce", {})), "bce", (0,), "fast")
    better, base = make_table(asked, runs, draws=100).lines
    assert (better.differences["mAP"].verdict, base.differences) == ("up", {})


def test_one_seed_has_neither_deviations_nor_a_detectable_difference(tmp_path):
    runs = {"a": [run(tmp_path / "a", 0.5)], "b": [run(tmp_path / "b", 0.5, noise=1)]}
    made = make_table(suite("a", "b", seeds=1), runs, draws=100)
    assert np.isnan([*made.lines[0].deviations.values(), made.detectable]).all()
    low, high = made.lines[1].differences["mAP"][1:3]
    assert low < high  # of the photos


def test_a_table_may_be_of_the_validation_photos(tmp_path):
    runs = {}
    for row, skill in SKILLS.items():
        folders = [tmp_path / f"{row} {noise}" for noise in (0, 1)]
        runs[row] = [run(folder, 1.0, noise, val=val_of(skill, 0)) for noise, folder in enumerate(folders)]
    made = make_table(replace(suite(*SKILLS), split="val"), runs, draws=100)
    assert made.photos == 300
    for line in made.lines:
        values = [METRICS["mAP"](*load_scores(folder, VAL_SCORES)[:2]) for folder in runs[line.name]]
        assert line.means["mAP"] == pytest.approx(np.mean(values))
    assert made.lines[1].differences["mAP"].verdict == "up"  # as on the test photos, whose rows are alike, it is not
    tested = make_table(suite(*SKILLS), runs, draws=100)
    assert (tested.photos, tested.lines[1].differences["mAP"].value) == (60, 0)
