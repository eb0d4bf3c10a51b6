"""What decisions promise: strictly above, exactly three, never an unknown label."""

import numpy as np

from polytag.metrics.decisions import over_threshold, top3, top3_thresholded

SCORES = np.array([[4.0, 3, 2, 1, 0], [1, 1, 1, 1, 1], [-5, -4, -3, -2, -1]], np.float32)
KNOWN = np.zeros((3, 5), np.int8)


def test_a_label_is_predicted_above_the_threshold_and_not_at_it():
    assert over_threshold(SCORES, KNOWN, 1.0).sum(axis=1).tolist() == [3, 0, 0]
    each = np.array([4, 2.5, 0, 1, -1])
    assert over_threshold(SCORES, KNOWN, each).astype(int).tolist() == [[0, 1, 1, 0, 1], [0, 0, 1, 0, 1], [0] * 5]


def test_a_threshold_is_rounded_to_the_type_of_the_scores():
    scores = np.array([[0.3]], np.float32)  # a little above 0.3
    for threshold in (0.3, np.array([0.3])):
        assert not over_threshold(scores, KNOWN[:1, :1], threshold)


def test_the_best_three_are_kept_whatever_the_threshold_and_the_first_of_equal_ones():
    expected = [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [0, 0, 1, 1, 1]]
    assert top3(SCORES, KNOWN, 100.0).astype(int).tolist() == expected


def test_the_best_three_above_the_threshold_can_be_fewer():
    expected = [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [0, 0, 0, 0, 1]]
    assert top3_thresholded(SCORES, KNOWN, -1.5).astype(int).tolist() == expected


def test_ties_with_the_third_fill_only_the_room_that_is_left():
    scores = np.array([[0.0, 5, 0, 5, 0, -1]])
    assert top3(scores, np.zeros((1, 6), np.int8)).astype(int).tolist() == [[1, 1, 0, 1, 0, 0]]


def test_unknown_labels_are_never_predicted_and_make_room_for_others():
    targets = np.array([[-1, -1, 0, 0, 0], [-1, 0, 0, -1, 0], [0, 0, -1, -1, -1]], np.int8)
    assert top3(SCORES, targets).astype(int).tolist() == [[0, 0, 1, 1, 1], [0, 1, 1, 0, 1], [1, 1, 0, 0, 0]]
    assert over_threshold(SCORES, targets, 0.0).astype(int).tolist() == [[0, 0, 1, 1, 0], [0, 1, 1, 0, 1], [0] * 5]


def test_scores_of_minus_infinity_are_told_from_unknown_ones():
    scores = np.full((1, 5), -np.inf)
    assert top3(scores, np.array([[-1, 0, 0, -1, 0]], np.int8)).astype(int).tolist() == [[0, 1, 1, 0, 1]]


def test_three_classes_or_fewer_are_all_predicted():
    assert (
        top3(SCORES[:, :2], np.array([[0, -1], [0, 1], [1, 1]], np.int8)).tolist() == [[True, False]] + [[True] * 2] * 2
    )
