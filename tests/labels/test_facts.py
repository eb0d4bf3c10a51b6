"""What facts about labels promise: counts worked by hand."""

import numpy as np
import pytest

from polytag.labels import Labels
from polytag.labels.facts import labels_per_item, pairs_together, partners, tail

LABELS = Labels.from_dense([[1, 1, 0], [1, 1, -1], [1, 0, 0], [0, 0, 0]], ["a", "b", "c"])


def test_labels_of_an_item():
    assert labels_per_item(LABELS).tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("counts", "groups"), [([100, 99, 20, 19, 0], (1, 2, 2)), ([], (0, 0, 0)), ([5, 5], (0, 0, 2))]
)
def test_head_medium_and_tail(counts, groups):
    assert tail(np.array(counts, np.int64)) == groups


def test_pairs_name_the_rarer_label_first_and_what_chance_would_bring():
    (pair,) = pairs_together(LABELS)
    assert (pair.first, pair.second, pair.photos, pair.share) == (1, 0, 2, 1.0)
    assert pair.expected == pytest.approx(3 * 2 / 4)


@pytest.mark.parametrize("default", ["absent", "unknown"])
def test_photos_on_which_a_label_is_unknown_say_nothing_of_it(default):
    rows = [[1, 1]] * 3 + [[1, -1]] * 4 + [[-1, 1]] * 2 + [[0, 0], [1, 0], [0, 1]]
    (pair,) = pairs_together(Labels.from_dense(rows, ["a", "b"], default=default))
    assert (pair.first, pair.second, pair.photos) == (1, 0, 3)
    assert pair.share == pytest.approx(3 / 4)  # of four photos with b on which a is known
    assert pair.expected == pytest.approx(4 * 4 / 6)


def test_partners_are_counted_once_and_without_the_label_itself():
    rows = [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [0, 0, 0, 1, 0]]
    assert partners(Labels.from_dense(rows, list("abcde"))).tolist() == [2, 1, 1, 0, 0]


def test_the_most_frequent_pairs_come_first_and_some_are_left_out():
    rows = [[1, 1, 0]] * 3 + [[0, 1, 1]] * 5 + [[1, 0, 1]]
    labels = Labels.from_dense(rows, ["a", "b", "c"])
    found = [({pair.first, pair.second}, pair.photos) for pair in pairs_together(labels)]
    assert found == [({1, 2}, 5), ({0, 1}, 3), ({0, 2}, 1)]
    assert len(pairs_together(labels, most=2)) == 2
