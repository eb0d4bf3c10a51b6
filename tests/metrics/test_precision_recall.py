"""What precision, recall and F1 promise: their formulas, scikit-learn's values, and no guess where undefined."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, recall_score

from polytag.metrics import METRICS, undefined_classes
from polytag.metrics.precision_recall import class_scores

PREDICTED = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0]]) - 0.5
PRESENT = np.array([[1, 0, 0], [1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 1]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CP", (2 / 3 + 0 + 2 / 2) / 3),
        ("CR", (2 / 3 + 0 + 2 / 3) / 3),
        ("CF1", 2 * (5 / 9) * (4 / 9) / (5 / 9 + 4 / 9)),
        ("CF1_mean", (2 / 3 + 0 + 4 / 5) / 3),
        ("mA", ((2 / 3 + 1 / 2) + (0 + 2 / 3) + (2 / 3 + 2 / 2)) / 6),
        ("OP", 4 / 6),
        ("OR", 4 / 8),
        ("OF1", 4 / 7),
    ],
)
def test_numbers_worked_by_hand(name, value):
    assert METRICS[name](PREDICTED, PRESENT, 0.0) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "value"),
    [  # the best three of item 0 are a, b, c; of item 1, where d is unknown, b, c, e
        ("CP_top3", (1 / 1 + 1 / 2 + 1 / 2 + 0) / 4),
        ("CR_top3", (1 / 1 + 1 / 1 + 1 / 1 + 0) / 4),
        ("OP_top3", 3 / 6),
        ("OR_top3", 3 / 4),
        ("OF1_top3", 2 * 3 / (6 + 4)),
        ("CP_top3_thresholded", (1 / 1 + 1 / 2 + 0 + 0) / 4),
        ("CR_top3_thresholded", (1 / 1 + 1 / 1 + 0 + 0) / 4),
        ("OP_top3_thresholded", 2 / 5),
        ("OR_top3_thresholded", 2 / 4),
        ("OF1_top3_thresholded", 2 * 2 / (5 + 4)),
    ],
)
def test_top_3_numbers_worked_by_hand(name, value):
    scores = np.array([[3.0, 2, 1, 0, -1], [-2, 2, -1, 9, 1]])
    targets = np.array([[1, 1, 0, 0, 1], [0, 0, 1, -1, 0]])  # d is undefined: left out
    assert METRICS[name](scores, targets, 0.5 if "thresholded" in name else 99.0) == pytest.approx(value)


def test_a_probability_of_80_percent_decides_whatever_the_threshold():
    scores = np.log(
        [[0.9 / 0.1, 0.81 / 0.19, 0.85 / 0.15, 0.95 / 0.05], [0.79 / 0.21, 0.3 / 0.7, 0.9 / 0.1, 0.7 / 0.3]]
    )
    targets = np.array([[1, 0, 0, 1], [1, 1, 1, 0]])
    names = ("CP", "CR", "OP", "OR")  # the first label has no negative: left out of CP and CR
    assert [METRICS[f"{name}_at_80"](scores, targets, 99.0) for name in names] == pytest.approx(
        [(0 + 1 / 2 + 1) / 3, (0 + 1 + 1) / 3, 3 / 5, 3 / 5]
    )
    # Of the first photo the second label, with 0.81, is the fourth.
    assert [METRICS[f"{name}_top3_at_80"](scores, targets, -99.0) for name in names] == pytest.approx(
        [(0 + 1 / 2 + 1) / 3, (0 + 1 + 1) / 3, 3 / 4, 3 / 5]
    )


@pytest.mark.parametrize(
    ("name", "oracle", "average"),
    [
        ("CP", precision_score, "macro"),
        ("CR", recall_score, "macro"),
        ("CF1_mean", f1_score, "macro"),
        ("f1_macro", f1_score, "macro"),
        ("OP", precision_score, "micro"),
        ("OR", recall_score, "micro"),
        ("OF1", f1_score, "micro"),
        ("f1_micro", f1_score, "micro"),
    ],
)
@pytest.mark.parametrize("threshold", [0.0, 1.0, 3.0])
def test_equals_scikit_learn(tied, name, oracle, average, threshold):
    scores, targets = tied
    expected = oracle(targets, scores > threshold, average=average, zero_division=0)
    assert METRICS[name](scores, targets, threshold) == pytest.approx(expected, rel=1e-12)


def test_unknown_entries_are_left_out_as_if_never_annotated(masked):
    scores, targets = masked
    values = class_scores(scores, targets)
    for c in range(targets.shape[1]):
        known = targets[:, c] >= 0
        y, predicted = targets[known, c], scores[known, c] > 0
        oracles = (precision_score, recall_score, f1_score)
        expected = [np.nan] * 3 if c in (3, 5) else [oracle(y, predicted, zero_division=0) for oracle in oracles]
        assert [of[c] for of in values] == pytest.approx(expected, rel=1e-12, nan_ok=True)
    flat = targets >= 0
    assert METRICS["OF1"](scores, targets, 0.0) == pytest.approx(f1_score(targets[flat], scores[flat] > 0), rel=1e-12)


def test_ma_is_the_mean_of_balanced_accuracies_of_known_entries(masked):
    scores, targets = masked
    expected = []
    for c in np.delete(np.arange(20), [3, 5]):
        known = targets[:, c] >= 0
        expected.append(balanced_accuracy_score(targets[known, c], scores[known, c] > 0.5))
    assert METRICS["mA"](scores, targets, 0.5) == pytest.approx(np.mean(expected), rel=1e-12)


def test_ma_counts_both_sides_alike_however_rare_one_is():
    scores, targets = np.full((100, 1), -1.0), np.zeros((100, 1), int)
    targets[:2] = 1
    assert METRICS["mA"](scores, targets, 0.0) == 0.5
    scores[0] = 1
    assert METRICS["mA"](scores, targets, 0.0) == 0.75
    assert METRICS["mA"](-scores, targets, 0.0) == 0.25


def test_one_threshold_a_class_is_used_for_that_class(tied):
    scores, targets = tied
    thresholds = np.linspace(-1, 1, 20)
    expected = f1_score(targets, scores > thresholds, average="macro")
    assert METRICS["f1_macro"](scores, targets, thresholds) == pytest.approx(expected, rel=1e-12)


def test_undefined_classes_are_counted_and_left_out_of_every_mean_over_classes(masked):
    scores, targets = masked
    defined = np.delete(np.arange(20), [3, 5])
    assert undefined_classes(targets) == 2
    for name in ("mAP", "mAP_voc12", "CP", "CR", "CF1", "CF1_mean", "mA", "f1_macro"):
        assert METRICS[name](scores, targets, 0.0) == METRICS[name](scores[:, defined], targets[:, defined], 0.0)


def test_a_class_that_is_never_predicted_has_precision_0():
    scores, targets = np.array([[-1.0, 1], [-1, -1]]), np.array([[1, 1], [0, 0]])
    assert class_scores(scores, targets).precision.tolist() == [0, 1]
    assert METRICS["CP"](scores, targets, 0.0) == 0.5


@pytest.mark.parametrize("name", ["CP", "CR", "CF1", "CF1_mean", "OP", "OR", "OF1"])
def test_nothing_predicted_is_worth_0(name):
    assert METRICS[name](np.full((2, 1), -1.0), np.array([[1], [0]]), 0.0) == 0


@pytest.mark.parametrize("name", ["CP", "CR", "CF1", "CF1_mean", "mA", "OP", "OR", "OF1"])
def test_without_a_known_positive_there_is_no_value(name):
    assert np.isnan(METRICS[name](np.ones((3, 2)), np.array([[0, -1], [0, 0], [-1, -1]]), 0.0))
