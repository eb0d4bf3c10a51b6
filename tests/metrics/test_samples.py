"""What the metrics by item promise: scikit-learn's values, over known entries, of items that have one."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, jaccard_score, precision_score, recall_score
from sklearn.metrics import hamming_loss as sklearn_hamming_loss

from polytag.metrics import METRICS

NAMES = (
    *("precision_samples", "recall_samples", "f1_samples", "accuracy_samples"),
    *("f1_samples_harmonic", "hamming_loss", "subset_accuracy"),
)


@pytest.mark.parametrize("threshold", [0.0, 2.0, 9.0])
def test_equals_scikit_learn(tied, threshold):
    scores, targets = tied
    targets[5] = 0
    predicted = (scores > threshold).astype(np.int8)
    predicted_better = np.where(np.arange(60)[:, np.newaxis] % 2, predicted, targets)  # some items wholly right
    scores = np.where(predicted_better == 1, threshold + 1, threshold)
    expected = [
        *(
            oracle(targets, predicted_better, average="samples", zero_division=0)
            for oracle in (precision_score, recall_score, f1_score, jaccard_score)
        ),
        0.0,
        sklearn_hamming_loss(targets, predicted_better),
        accuracy_score(targets, predicted_better),
    ]
    expected[4] = 2 * expected[0] * expected[1] / (expected[0] + expected[1])
    assert [METRICS[name](scores, targets, threshold) for name in NAMES] == pytest.approx(expected, rel=1e-12)


def test_numbers_worked_by_hand():
    predicted = np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0]]) - 0.5
    targets = np.array([[1, 0, 0], [1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 1]])
    precision, recall = (1 / 2 + 1 + 1) / 5, (1 + 2 / 3 + 1 / 2) / 5
    expected = [precision, recall, (2 / 3 + 4 / 5 + 2 / 3) / 5, (1 / 2 + 2 / 3 + 1 / 2) / 5]
    expected += [2 * precision * recall / (precision + recall), 6 / 15, 0]
    assert [METRICS[name](predicted, targets, 0.0) for name in NAMES] == pytest.approx(expected, rel=1e-12)


def test_equals_the_formulas_of_pedestrian_attributes(masked):
    scores, targets = masked
    kept = (targets >= 0).any(axis=1)
    predicted, present = ((scores > 0) & (targets >= 0))[kept], targets[kept] == 1
    both, either = (predicted & present).sum(axis=1), (predicted | present).sum(axis=1)
    with np.errstate(invalid="ignore"):
        shares = [np.nan_to_num(both / of).mean() for of in (predicted.sum(axis=1), present.sum(axis=1), either)]
    expected = [*shares, 2 * shares[0] * shares[1] / (shares[0] + shares[1])]
    names = ("precision_samples", "recall_samples", "accuracy_samples", "f1_samples_harmonic")
    assert [METRICS[name](scores, targets, 0.0) for name in names] == pytest.approx(expected, rel=1e-12)


def test_only_known_entries_count_and_items_without_one_are_left_out():
    predicted = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 1]]) - 0.5
    targets = np.array([[1, 0, -1, 0], [1, -1, -1, 0], [-1, -1, -1, -1]])
    # Item 0 knows three entries and errs in one; item 1 knows two and is right; item 2 does not count.
    expected = [(1 / 2 + 1) / 2, 1, (2 / 3 + 1) / 2, (1 / 2 + 1) / 2, 2 * 0.75 / 1.75, 1 / 5, 1 / 2]
    assert [METRICS[name](predicted, targets, 0.0) for name in NAMES] == pytest.approx(expected)


def test_an_item_with_nothing_present_or_nothing_predicted_counts_as_0():
    scores, targets = np.array([[-1.0, -1], [1, -1], [-1, -1]]), np.array([[0, 0], [0, 0], [1, 0]])
    assert [METRICS[name](scores, targets, 0.0) for name in NAMES[:5]] == [0] * 5


@pytest.mark.parametrize("name", NAMES)
def test_nothing_known_has_no_value(name):
    assert np.isnan(METRICS[name](np.ones((2, 2)), np.full((2, 2), -1), 0.0))
