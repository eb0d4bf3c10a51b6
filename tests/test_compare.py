"""What a comparison promises: the metrics of each run, paired intervals, and a refusal of what is not comparable."""

import re

import numpy as np
import pytest
from scored_runs import CLASSES, answers, make_scored

from polytag.compare import compare
from polytag.errors import OptionError, RunError
from polytag.metrics import METRICS
from polytag.metrics.bootstrap import paired_difference


@pytest.fixture
def runs(tmp_path):
    """A poor run, a good one and the poor one again."""
    skills = {"poor": 0.3, "good": 1.5, "again": 0.3}
    return [make_scored(tmp_path / name, *answers(skill)) for name, skill in skills.items()]


def refusal(*folders, error=OptionError, **options):
    with pytest.raises(error) as raised:
        compare(folders, **options)
    return str(raised.value)


def test_runs_are_measured_and_compared_with_the_first(runs):
    (poor, targets), (good, _) = answers(0.3), answers(1.5)
    comparison = compare(runs, draws=200, seed=5)
    assert (comparison.photos, comparison.classes, comparison.draws, comparison.seed) == (60, CLASSES, 200, 5)
    base, better, same = comparison.runs
    assert [run.path for run in comparison.runs] == runs
    assert base.metrics == {name: METRICS[name](poor, targets, 0.0) for name in ("mAP", "CF1", "OF1")}
    assert base.differences == {}
    assert better.metrics["mAP"] == METRICS["mAP"](good, targets, 0.0)
    assert better.differences == paired_difference([good], [poor], targets, draws=200, seed=5)
    assert {moved.verdict for moved in better.differences.values()} == {"up"}
    assert set(same.differences.values()) == {(0.0, 0.0, 0.0, "not resolved")}


def test_a_worse_run_is_down(runs):
    assert compare([runs[1], runs[0]]).runs[1].differences["mAP"].verdict == "down"


def test_classes_in_another_order_are_the_same_classes(runs, tmp_path):
    logits, targets = answers(1.5)
    order = [2, 0, 1]
    turned = make_scored(tmp_path / "turned", logits[:, order], targets[:, order], [CLASSES[c] for c in order])
    comparison = compare([runs[1], turned], draws=100)
    assert comparison.runs[0].metrics == comparison.runs[1].metrics
    assert set(comparison.runs[1].differences.values()) == {(0.0, 0.0, 0.0, "not resolved")}
    assert compare([turned, runs[1]], draws=100).classes == ("hat", "cat", "dog")


def test_unknown_labels_are_masked(tmp_path):
    (poor, targets), (good, _) = answers(0.3), answers(1.5)
    targets[::3, 1] = -1
    folders = [make_scored(tmp_path / name, scores, targets) for name, scores in (("a", poor), ("b", good))]
    assert compare(folders, draws=100).runs[1].metrics["CF1"] == METRICS["CF1"](good, targets, 0.0)


def test_fewer_than_two_runs_are_refused(runs):
    assert refusal(runs[0]) == "a comparison needs at least two run folders, got 1"
    assert refusal() == "a comparison needs at least two run folders, got 0"


def test_a_run_given_twice_is_refused(runs, tmp_path):
    other = tmp_path / "x" / ".." / "poor"
    (tmp_path / "x").mkdir()
    assert refusal(*runs, other) == f"{other} is given twice; give each run once"


def test_too_few_draws_are_refused(runs):
    assert refusal(*runs, draws=99) == "draws must be between 100 and 1e+06, got 99"


def test_other_classes_are_refused(runs, tmp_path):
    other = make_scored(tmp_path / "other", *answers(1), ("cat", "dog", "cow"))
    assert refusal(runs[0], other) == f"{other} and {runs[0]} must have the same classes, and 'cow' is in only one"


@pytest.mark.parametrize(("items", "fingerprint"), [(60, "other"), (59, "photos")])
def test_other_photos_are_refused(items, fingerprint, runs, tmp_path):
    other = make_scored(tmp_path / "other", *answers(1, items), fingerprint=fingerprint)
    assert refusal(runs[0], other) == (
        f"{other} and {runs[0]} must be judged on the same test photos, and these differ; train both with the same "
        "data and seed, or mark the test photos in the data"
    )


def test_other_labels_are_refused(runs, tmp_path):
    logits, targets = answers(1)
    targets[4, 1] = -1
    other = make_scored(tmp_path / "other", logits, targets)
    assert refusal(runs[0], other) == (
        f"{other} and {runs[0]} must be judged on the same labels, and those of the test photos differ; train both "
        "with the same data"
    )


def test_scores_of_another_number_of_classes_are_damage(runs, tmp_path):
    other = make_scored(tmp_path / "other", np.zeros((60, 2)), np.zeros((60, 2)))
    assert refusal(runs[0], other, error=RunError) == (
        f"{other}/scores/test.safetensors is damaged: it has 2 columns for 3 classes; restore it or train again"
    )


def test_what_is_no_finished_run_is_refused(runs, tmp_path):
    assert refusal(runs[0], tmp_path / "none", error=RunError) == (
        f"{tmp_path}/none is not a run folder; give the folder that polytag train wrote"
    )
    (runs[1] / "scores" / "test.safetensors").unlink()
    assert re.match(rf"{runs[1]}/scores/test\.safetensors is missing; ", refusal(*runs, error=RunError))
