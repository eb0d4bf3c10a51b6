"""What renaming labels promises: merged by their three values, left out by an empty name, refused by mistake."""

import itertools

import numpy as np
import pytest

from polytag.errors import DataError
from polytag.labels import Labels
from polytag.labels.renaming import renamed

ROWS = list(itertools.product((1, 0, -1), repeat=3))  # every combination of three labels


def merged(*values):
    return 1 if 1 in values else -1 if -1 in values else 0


@pytest.mark.parametrize("default", ["absent", "unknown"])
def test_merged_labels_are_present_if_one_is_and_absent_if_all_are(default):
    labels = Labels.from_dense(ROWS, ["cat", "dog", "kitty"], default)
    new = renamed(labels, {"kitty": "cat"})
    assert new.classes == ("cat", "dog")
    assert new.default == default
    assert new.dense().tolist() == [[merged(cat, kitty), dog] for cat, dog, kitty in ROWS]


@pytest.mark.parametrize("default", ["absent", "unknown"])
def test_an_empty_name_leaves_a_label_out_and_others_keep_theirs(default):
    labels = Labels.from_dense(ROWS, ["a", "b", "c"], default)
    new = renamed(labels, {"b": "", "c": "z"})
    assert new.classes == ("a", "z")
    assert np.array_equal(new.dense(), np.array(ROWS)[:, [0, 2]])


def test_names_may_be_swapped():
    new = renamed(Labels.from_dense([[1, 0], [0, -1]], ["a", "b"]), {"a": "b", "b": "a"})
    assert new.classes == ("b", "a")
    assert new.dense().tolist() == [[1, 0], [0, -1]]


def test_what_is_no_label_is_refused():
    labels = Labels.from_dense([[1, 0]], ["shoes", "hat"])
    with pytest.raises(DataError, match=r"^'shoe' is to be renamed and is none of the 2 labels; did you mean 'shoes'$"):
        renamed(labels, {"shoe": "boot"})
    with pytest.raises(DataError, match="^all labels are left out by their new names; keep at least one$"):
        renamed(labels, {"shoes": "", "hat": ""})
