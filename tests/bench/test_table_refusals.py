"""What a table refuses: runs that are missing, damaged, or not like beside like."""

import re

import numpy as np
import pytest
from scored_runs import CLASSES, answers, make_scored
from table_toys import COST, DATA, run, suite

from polytag.bench import table
from polytag.bench.table import make_table
from polytag.errors import OptionError, RunError


@pytest.fixture(autouse=True)
def no_models(monkeypatch):
    """The runs here have no model, and what it would cost is asked for elsewhere."""
    monkeypatch.setattr(table, "cost_of", lambda runs: COST)


def refusal(runs, *, error=RunError, seeds=1, **options):
    with pytest.raises(error) as raised:
        make_table(suite(*runs, seeds=seeds), runs, **options)
    return str(raised.value)


def test_arguments_out_of_their_range_are_refused(worked):
    assert refusal({"a": worked}, error=OptionError, draws=99) == "draws must be between 100 and 1e+06, got 99"
    for limits in ((20, 100), (5, -1)):
        assert refusal({"a": worked}, error=OptionError, tail_limits=limits) == (
            f"tail_limits must be two numbers from 0, the larger one first, got {limits}"
        )


def test_a_row_without_a_run_for_each_seed_is_refused(worked):
    sentence = (
        "the row 'asl' needs a finished run for each of 3 seeds, got 2; the same polytag bench command trains those "
        "that are missing"
    )
    assert refusal({"asl": worked}, seeds=3) == sentence
    with pytest.raises(RunError, match=r"^the row 'asl' needs a finished run for each of 1 seed, got 0; "):
        make_table(suite("asl", seeds=1), {})


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"classes": ("cat", "hat", "dog")}, "classes"),
        ({"classes": ("cat", "dog", "cow")}, "classes"),
        ({"fingerprint": "other"}, "test photos"),
    ],
)
def test_runs_on_other_classes_or_photos_are_refused(change, what, tmp_path):
    a, b = run(tmp_path / "a"), run(tmp_path / "b", **change)
    assert refusal({"bce": [a], "asl": [b]}) == (
        f"{b} and {a} must have the same {what}, and these differ; train both on the same data, with its splits marked"
    )


def test_seeds_on_other_photos_or_labels_are_refused(tmp_path):
    a = run(tmp_path / "a")
    fewer = make_scored(tmp_path / "fewer", *answers(1, 59), data=DATA)
    logits, targets = answers(1)
    targets[4, 1] = -1
    other = make_scored(tmp_path / "other", logits, targets, data=DATA)
    for folder, what in ((fewer, "test photos"), (other, "labels of the test photos")):
        assert refusal({"bce": [a, folder]}, seeds=2) == (
            f"{folder} and {a} must have the same {what}, and these differ; train both on the same data, with its "
            "splits marked"
        )


@pytest.mark.parametrize(
    "data", [{}, {"train_positives": None}, {"train_positives": [1, 2]}, {"train_positives": "abc"}]
)
def test_a_run_that_does_not_say_how_frequent_its_classes_are_is_refused(data, tmp_path):
    a, b = run(tmp_path / "a"), run(tmp_path / "b", data=data)
    assert refusal({"bce": [a], "asl": [b]}) == (
        f"{b}/config.json does not say how many training photos have each class (train_positives in data), as runs of "
        "this polytag do; train again"
    )


def test_scores_of_another_number_of_classes_are_damage(tmp_path):
    a = run(tmp_path / "a")
    b = make_scored(tmp_path / "b", np.zeros((60, 2)), np.zeros((60, 2)), CLASSES, data=DATA)
    for runs in ({"bce": [a], "asl": [b]}, {"bce": [b], "asl": [a]}):
        assert refusal(runs) == (
            f"{b}/scores/test.safetensors is damaged: it has 2 columns for 3 classes; restore it or train again"
        )


def test_what_is_no_finished_run_is_refused(tmp_path):
    a, b = run(tmp_path / "a"), run(tmp_path / "b")
    none = tmp_path / "none"
    assert refusal({"bce": [a], "asl": [none]}) == (
        f"{none} is not a run folder; give the folder that polytag train wrote"
    )
    (b / "scores" / "test.safetensors").unlink()
    assert re.match(rf"^{b}/scores/test\.safetensors is missing; ", refusal({"bce": [a], "asl": [b]}))
