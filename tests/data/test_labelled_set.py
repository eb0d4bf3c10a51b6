"""What a labelled set promises: photos, labels, splits and groups stay in step."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polytag.data.labelled_set import UNSPLIT, ImageArrays, ImageFiles, LabelledSet
from polytag.data.paths import Paths
from polytag.errors import DataError, OptionError
from polytag.labels import Labels


def arrays(count):
    """Photos of 2 x 2, each filled with its number."""
    return np.repeat(np.arange(count, dtype=np.uint8), 12).reshape(count, 2, 2, 3)


def labelled(**changes):
    options = {
        "images": ImageArrays(arrays(4)),
        "labels": Labels.from_names([["cat"], ["dog"], [], ["cat", "dog"]]),
        "split": np.array([0, 1, UNSPLIT, 2], np.int8),
        "groups": np.array([5, 5, 6, 7]),
        "notes": ["one note"],
    }
    return LabelledSet(**options | changes)


def test_selecting_keeps_everything_in_step():
    chosen = labelled().select([3, 0, 3])
    assert len(chosen) == 3
    assert [chosen.images.load(row)[0, 0, 0] for row in range(3)] == [3, 0, 3]
    assert [chosen.images.name(row) for row in range(3)] == ["image-3", "image-0", "image-3"]
    assert chosen.labels.dense().tolist() == [[1, 1], [1, 0], [1, 1]]
    assert chosen.split.tolist() == [2, 0, 2]
    assert chosen.groups.tolist() == [7, 5, 7]
    assert chosen.notes == ("one note",)


@pytest.mark.parametrize("chosen", [labelled(), ImageArrays(arrays(4)), ImageFiles(Path(), Paths("abcd"))])
def test_a_mask_is_not_taken_for_rows(chosen):
    mask = np.array([False, False, True, True])
    for rows in (mask, mask.tolist()):
        with pytest.raises(OptionError) as refusal:
            chosen.select(rows)
        assert str(refusal.value) == "rows must be numbers, got a mask; turn it into numbers with np.flatnonzero"
    assert chosen.select(np.flatnonzero(mask)).select([]).select([]).__len__() == 0
    with pytest.raises(OptionError, match="^rows must be between 0 and 3, got 4$"):
        chosen.select([4])


def test_a_source_that_says_nothing_of_splits_and_groups_stays_silent():
    chosen = labelled(split=None, groups=None).select([1])
    assert chosen.split is None
    assert chosen.groups is None


def test_other_classes_leave_the_photos_alone():
    data = labelled()
    moved = data.with_classes(["dog", "cow"])
    assert moved.classes == ("dog", "cow")
    assert moved.labels.dense().tolist() == [[0, -1], [1, -1], [0, -1], [1, -1]]
    assert moved.images is data.images
    assert moved.split is data.split


@pytest.mark.parametrize("name", ["labels", "split", "groups"])
def test_lengths_must_agree(name):
    short = {"labels": Labels.from_names([["cat"]]), "split": np.zeros(1, np.int8), "groups": np.zeros(1, np.int64)}
    with pytest.raises(DataError, match=rf"^4 photos came with 1 entries of {name}; give one for each$"):
        labelled(**{name: short[name]})


def test_files_are_read_below_their_folder(tmp_path):
    for number in range(2):
        path = tmp_path / "in" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(arrays(2)[number]).save(path)
    images = ImageFiles(tmp_path, Paths(["in/0.png", "in/1.png"]))
    assert len(images) == 2
    assert images.name(1) == "in/1.png"
    assert (images.load(1) == 1).all()
    assert images.load(1).shape == (2, 2, 3)
    assert [images.select([1]).name(0), images.select([1]).root] == ["in/1.png", tmp_path]


def test_arrays_may_differ_in_size_and_have_names():
    images = ImageArrays([np.zeros((2, 3, 3), np.uint8), np.ones((4, 4, 3), np.uint8)], ["a", "b"])
    chosen = images.select([1])
    assert chosen.name(0) == "b"
    assert chosen.load(0).shape == (4, 4, 3)


@pytest.mark.parametrize(
    ("array", "came"),
    [
        (np.zeros((2, 2), np.uint8), r"\(2, 2\) of uint8"),
        (np.zeros((3, 2, 2), np.uint8), r"\(3, 2, 2\) of uint8"),
        (np.zeros((2, 2, 3), np.float32), r"\(2, 2, 3\) of float32"),
    ],
)
def test_an_array_that_is_no_photo_is_refused(array, came):
    with pytest.raises(DataError, match=rf"^image-0 must be a \(height, width, 3\) array of uint8, got {came}$"):
        ImageArrays([array]).load(0)


def test_equal_data_has_an_equal_fingerprint_and_each_change_another():
    same = [labelled().fingerprint(), labelled(groups=None, notes=()).fingerprint()]
    others = [
        labelled(images=ImageArrays(arrays(4), ["a", "b", "c", "d"])),
        labelled(labels=Labels.from_names([["cat"], ["dog"], [], ["cat"]])),
        labelled(labels=Labels.from_names([["cat"], ["dog"], [], ["cat", "dog"]], default="unknown")),
        labelled(labels=Labels.from_names([["cat"], ["cow"], [], ["cat", "cow"]])),
        labelled(split=np.array([0, 1, 2, 2], np.int8)),
        labelled(split=None),
        labelled().select([0, 1, 3, 2]),
    ]
    digests = [data.fingerprint() for data in others]
    assert len(set(same)) == 1
    assert len({*same, *digests}) == 1 + len(others)


def test_a_fingerprint_does_not_depend_on_where_the_folder_is():
    labels = Labels.from_names([["cat"]])
    sets = [LabelledSet(ImageFiles(Path(root), Paths(["a.jpg"])), labels) for root in ("here", "there")]
    assert sets[0].fingerprint() == sets[1].fingerprint()


def test_selections_of_arrays_share_the_pixels():
    images = ImageArrays(np.arange(4 * 2 * 2 * 3, dtype=np.uint8).reshape(4, 2, 2, 3))
    chosen = images.select([3, 1]).select([1])
    assert (len(chosen), chosen.name(0)) == (1, "image-1")
    assert np.shares_memory(chosen.load(0), images.load(1))
    assert np.array_equal(chosen.arrays[0], images.load(1))
