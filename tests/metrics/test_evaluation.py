"""What an evaluation promises: batches of any size come to the numbers of one call."""

import re

import numpy as np
import pytest

from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.metrics import METRICS, ClassRow, Evaluation

CLASSES = [f"class {c}" for c in range(20)]


@pytest.mark.parametrize("cuts", [[], [1], [0, 7, 7, 59], list(range(1, 60))])
def test_any_split_into_batches_gives_the_numbers_of_one_call(masked, cuts):
    scores, targets = masked
    thresholds = np.linspace(-1, 1, 20)
    evaluation = Evaluation(CLASSES)
    for s, t in zip(np.split(scores, cuts), np.split(targets, cuts), strict=True):
        evaluation.update(s, t)
    expected = {name: metric(scores, targets, thresholds) for name, metric in METRICS.items()}
    extra = {"undefined_classes": 2, "known_labels": np.sum(targets >= 0)}
    assert evaluation.compute(thresholds) == {**expected, **extra}


def test_classes_with_many_some_and_few_training_photos_are_judged_apart(tied):
    scores, targets = tied
    evaluation = Evaluation(CLASSES)
    evaluation.update(scores, targets)
    rows = [row.average_precision for row in evaluation.per_class()]
    counts = [100] * 5 + [20] * 6 + [19] * 9
    values = evaluation.compute(train_positives=counts)
    parts = {"head": rows[:5], "medium": rows[5:11], "tail": rows[11:]}
    assert {name: values[f"mAP_{name}"] for name in parts} == pytest.approx(
        {name: np.nanmean(part) for name, part in parts.items()}
    )
    assert "mAP_head" not in evaluation.compute()
    assert np.isnan(evaluation.compute(train_positives=[500] * 20)["mAP_tail"])


def test_more_can_be_added_after_computing(tied):
    scores, targets = tied
    evaluation, whole = Evaluation(CLASSES), Evaluation(CLASSES)
    whole.update(scores, targets)
    evaluation.update(scores[:30], targets[:30])
    half = evaluation.compute()
    evaluation.update(scores[30:], targets[30:])
    assert evaluation.compute() == whole.compute() != half


def test_batches_are_copied_so_that_a_caller_may_reuse_them(tied):
    scores, targets = tied
    evaluation = Evaluation(CLASSES)
    evaluation.update(scores, targets)
    expected = evaluation.compute()
    again, buffer = Evaluation(CLASSES), (scores.copy(), targets.copy())
    again.update(*buffer)
    buffer[0][:], buffer[1][:] = 0, -1
    assert again.compute() == expected


def test_sparse_labels_are_taken_too(masked):
    scores, targets = masked
    dense, sparse = Evaluation(CLASSES), Evaluation(CLASSES)
    dense.update(scores, targets)
    sparse.update(scores, Labels.from_dense(targets, CLASSES))
    assert dense.compute() == sparse.compute()


def test_the_rows_of_classes_average_to_the_numbers_of_the_whole(masked):
    evaluation = Evaluation(CLASSES)
    evaluation.update(*masked)
    rows, values = evaluation.per_class(0.5), evaluation.compute(0.5)
    assert [row.name for row in rows] == CLASSES
    assert [row.positives for row in rows] == np.sum(masked[1] == 1, axis=0).tolist()
    for field, name in {"average_precision": "mAP", "precision": "CP", "recall": "CR", "f1": "CF1_mean"}.items():
        column = np.array([getattr(row, field) for row in rows])
        assert np.flatnonzero(np.isnan(column)).tolist() == [3, 5]
        assert np.nanmean(column) == pytest.approx(values[name], rel=1e-12)


def test_a_row_worked_by_hand():
    evaluation = Evaluation(["cat"])
    evaluation.update(np.array([[3.0], [2], [1], [-1]]), np.array([[1], [0], [1], [1]]))
    (row,) = evaluation.per_class()
    assert row == ClassRow("cat", 3, pytest.approx((1 + 2 / 3 + 3 / 4) / 3), 2 / 3, 2 / 3, 2 / 3)


def test_without_any_item_every_metric_is_undefined():
    values = Evaluation(CLASSES).compute()
    assert (values.pop("undefined_classes"), values.pop("known_labels")) == (20, 0)
    assert np.isnan(list(values.values())).all()


def test_another_number_of_classes_is_refused():
    with pytest.raises(OptionError, match=f"^{re.escape('scores must have 20 columns, one a class, got 2')}$"):
        Evaluation(CLASSES).update(np.zeros((1, 2)), np.zeros((1, 2)))


def test_a_score_that_is_not_a_number_is_refused_when_it_is_added():
    sentence = "scores must not be NaN, got 2, the first at [0, 1]; check what the model was fed"
    with pytest.raises(OptionError, match=f"^{re.escape(sentence)}$"):
        Evaluation(["a", "b"]).update(np.array([[0, np.nan], [np.nan, 0]]), np.zeros((2, 2)))
