"""What average precision promises: its formula, ties and gaps as scikit-learn would rank them, sparse or dense."""

import re

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.metrics import METRICS, average_precision, voc12_average_precision

NAN = float("nan")


def names(matrix):
    return [str(c) for c in range(matrix.shape[1])]


def by_definition(scores, targets, envelope):
    """The area under one curve, from counts at every distinct score."""
    cuts = np.unique(scores)[::-1]
    precision = np.array([targets[scores >= cut].mean() for cut in cuts])
    recall = np.array([targets[scores >= cut].sum() / targets.sum() for cut in cuts])
    if envelope:
        precision = np.array([precision[i:].max() for i in range(len(cuts))])
    return np.sum(np.diff(recall, prepend=0) * precision)


def test_numbers_worked_by_hand():
    scores, targets = np.array([[6.0], [5], [4], [3], [2], [1]]), np.array([[0], [1], [1], [0], [0], [1]])
    # Precision at the positives, from the top: 1/2, 2/3, 3/6.
    assert average_precision(scores, targets) == pytest.approx([(1 / 2 + 2 / 3 + 1 / 2) / 3])
    assert voc12_average_precision(scores, targets) == pytest.approx([(2 / 3 + 2 / 3 + 1 / 2) / 3])


def test_tied_items_share_the_last_rank_of_their_group():
    scores, targets = np.array([[2.0], [2], [1], [1]]), np.array([[1], [0], [1], [0]])
    assert average_precision(scores, targets) == pytest.approx([(1 / 2 + 2 / 4) / 2])
    assert average_precision(np.zeros((4, 1)), targets) == pytest.approx([0.5])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_equals_scikit_learn_with_many_ties(tied, dtype):
    scores, targets = tied
    expected = average_precision_score(targets, scores, average=None)
    np.testing.assert_allclose(average_precision(scores.astype(dtype), targets), expected, rtol=0, atol=1e-12)
    assert METRICS["mAP"](scores.astype(dtype), targets, 0.0) == pytest.approx(expected.mean(), rel=0, abs=1e-12)


@pytest.mark.parametrize("share", [0.002, 0.5, 0.998])
def test_equals_scikit_learn_without_ties(share):
    rng = np.random.default_rng(2)
    targets = (rng.random((3000, 37)) < share).astype(np.int8)  # more classes than are sorted together
    targets[0], targets[1] = 1, 0
    scores = rng.normal(size=targets.shape)
    expected = average_precision_score(targets, scores, average=None)
    np.testing.assert_allclose(average_precision(scores, targets), expected, rtol=0, atol=1e-12)


def test_float64_scores_that_float32_cannot_tell_apart_are_ranked_exactly():
    scores = 1 + np.array([[1e-12], [0.0]])
    assert average_precision(scores, np.array([[1], [0]])) == [1.0]
    assert average_precision(scores.astype(np.float32), np.array([[1], [0]])) == [0.5]


@pytest.mark.parametrize("metric", [average_precision, voc12_average_precision])
def test_unknown_entries_are_left_out_of_the_ranking(masked, metric):
    scores, targets = masked
    values = metric(scores, targets)
    for c in range(targets.shape[1]):
        known = targets[:, c] >= 0
        if c in (3, 5):
            assert np.isnan(values[c])
        else:
            envelope = metric is voc12_average_precision
            expected = by_definition(scores[known, c], targets[known, c], envelope)
            assert values[c] == pytest.approx(expected, rel=0, abs=1e-12)


def test_the_envelope_equals_its_definition_and_is_never_below(tied):
    scores, targets = tied
    values = voc12_average_precision(scores, targets)
    expected = [by_definition(scores[:, c], targets[:, c], envelope=True) for c in range(targets.shape[1])]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)
    assert (values >= average_precision(scores, targets)).all()
    assert values.mean() > METRICS["mAP"](scores, targets, 0.0)


@pytest.mark.parametrize("default", ["absent", "unknown"])
def test_sparse_labels_give_the_same_bits_as_their_matrix(masked, default):
    scores, targets = masked
    labels = Labels.from_dense(targets, names(targets), default)
    np.testing.assert_array_equal(average_precision(scores, labels), average_precision(scores, targets))
    np.testing.assert_array_equal(voc12_average_precision(scores, labels), voc12_average_precision(scores, targets))


@pytest.mark.parametrize("default", [None, "absent", "unknown"])
def test_infinite_scores_rank_as_the_largest_numbers_do_also_beside_unknown_ones(masked, default):
    scores, targets = masked
    finite, infinite = np.clip(scores, -2, 2), scores.copy()
    infinite[scores >= 2], infinite[scores <= -2] = np.inf, -np.inf
    labels = targets if default is None else Labels.from_dense(targets, names(targets), default)
    np.testing.assert_array_equal(average_precision(infinite, labels), average_precision(finite, targets))


def test_a_class_without_a_positive_or_without_a_negative_is_undefined_and_left_out_of_the_mean():
    scores = np.array([[3.0, 3, 3], [2, 2, 2], [1, 1, 1]])
    targets = np.array([[0, 0, 1], [1, 0, 1], [0, -1, -1]])
    np.testing.assert_array_equal(average_precision(scores, targets), [0.5, NAN, NAN])
    assert METRICS["mAP"](scores, targets, 0.0) == METRICS["mAP_voc12"](scores, targets, 0.0) == 0.5


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_nothing_at_all_has_no_mean(shape):
    scores, targets = np.empty(shape, np.float32), np.empty(shape, np.int8)
    assert average_precision(scores, targets).shape == shape[1:]
    assert np.isnan(METRICS["mAP"](scores, targets, 0.0))


def test_does_not_change_its_arguments(masked):
    scores, targets = masked
    before = scores.copy(), targets.copy()
    average_precision(scores, targets)
    average_precision(scores, Labels.from_dense(targets, names(targets)))
    np.testing.assert_array_equal((scores, targets), before)


def test_sparse_labels_of_another_shape_are_refused():
    labels = Labels.from_dense([[1, 0]], ["a", "b"])
    sentence = (
        "targets must have the shape of scores (2, 2), got (1, 2); "
        "lists of label names are turned into a matrix with polytag.Labels.from_names(...).dense()"
    )
    with pytest.raises(OptionError, match=rf"^{re.escape(sentence)}$"):
        average_precision(np.zeros((2, 2)), labels)
