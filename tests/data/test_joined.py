"""What joining promises: the photos of all, under the classes of all, each label as its own set has it."""

import numpy as np
import pytest

from polytag.data.joined import joined
from polytag.data.labelled_set import ImageArrays, ImageFiles, LabelledSet
from polytag.data.paths import Paths
from polytag.errors import DataError
from polytag.labels import Labels


def make(root, names, matrix, classes, default="absent", split=None):
    split = None if split is None else np.array(split, np.int8)
    return LabelledSet(
        ImageFiles(root, Paths(names)), Labels.from_dense(matrix, classes, default), split, notes=[root.name]
    )


def test_photos_follow_each_other_under_all_classes(tmp_path):
    one = make(tmp_path / "a", ["1.jpg", "2.jpg"], [[1, -1], [0, 1]], ["cat", "hat"])
    other = make(tmp_path / "b", ["1.jpg"], [[1, 1, 0]], ["hat", "ape", "cat"])
    both = joined([one, other])
    assert both.classes == ("ape", "cat", "hat")
    assert both.labels.dense().tolist() == [[0, 1, -1], [0, 0, 1], [1, 0, 1]]
    assert [both.images.name(row) for row in range(3)] == ["a/1.jpg", "a/2.jpg", "b/1.jpg"]
    assert both.images.root == tmp_path
    assert both.split is None
    assert both.notes == ("a", "b")


def test_equal_classes_keep_their_order_and_unlisted_may_be_unknown(tmp_path):
    one = make(tmp_path / "a", ["1.jpg"], [[1, 0]], ["hat", "cat"], "unknown")
    other = make(tmp_path / "b", ["1.jpg"], [[-1, 1]], ["hat", "cat"], "unknown")
    both = joined([one, other])
    assert both.classes == ("hat", "cat")
    assert both.labels.default == "unknown"
    assert both.labels.dense().tolist() == [[1, 0], [-1, 1]]


def test_splits_are_those_of_the_photos_or_of_their_sets(tmp_path):
    one = make(tmp_path / "a", ["1.jpg", "2.jpg"], [[1], [1]], ["cat"], split=[0, 2])
    other = make(tmp_path / "b", ["1.jpg"], [[1]], ["cat"])
    assert joined([one, other]).split.tolist() == [0, 2, -1]
    assert joined([one, other], [0, 1]).split.tolist() == [0, 0, 1]


def test_what_cannot_be_joined_is_refused(tmp_path):
    one = make(tmp_path, ["1.jpg"], [[1]], ["cat"])
    memory = LabelledSet(ImageArrays(np.zeros((1, 2, 2, 3), np.uint8)), one.labels)
    with pytest.raises(DataError, match="^photos in memory cannot be joined; read both from a disk$"):
        joined([one, memory])
    with pytest.raises(DataError) as refusal:
        joined([one, make(tmp_path, ["2.jpg"], [[1]], ["cat"], "unknown")])
    assert str(refusal.value) == (
        "unlisted labels are absent in one part of the data and unknown in another; give both the same columns "
        "or name the one to read, or say --unlisted where the format has that option"
    )
