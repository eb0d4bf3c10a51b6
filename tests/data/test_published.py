"""What the table of published counts promises: each is told with what is there, and an unknown name is refused."""

import numpy as np
import pytest

from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.published import PUBLISHED, Published, compare_with
from polytag.errors import OptionError
from polytag.labels import Labels

NAMES = (
    *("voc2007", "voc2012", "coco2014", "coco2017", "coco2017_labelled", "voc_lt", "coco_lt", "nus_wide"),
    *("nus_wide_asl", "vg500", "open_images", "nih", "chexpert", "peta", "rap", "pa100k"),
)


def labelled(rows, split):
    matrix = np.array(rows, np.int8)
    images = ImageArrays(np.zeros((len(matrix), 1, 1, 3), np.uint8))
    labels = Labels.from_dense(matrix, [f"c{column}" for column in range(matrix.shape[1])])
    return LabelledSet(images, labels, None if split is None else np.array(split, np.int8))


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setitem(PUBLISHED, "tiny", Published(2, {"train": 2, "test": 1}, 1.33))
    monkeypatch.setitem(PUBLISHED, "whole", Published(2, {"all": 3}))


def test_equal_counts_are_told(tiny):
    data = labelled([[1, 1], [1, 0], [-1, 1]], [0, 0, 2])
    assert compare_with(data, "tiny") == [
        ("labels", 2, 2, True),
        ("photos train", 2, 2, True),
        ("photos test", 1, 1, True),
        ("labels a photo", 1.33, 1.333, True),
    ]
    assert compare_with(data, "whole") == [("labels", 2, 2, True), ("photos all", 3, 3, True)]


def test_other_counts_are_told(tiny):
    data = labelled([[1, 1, 1], [1, 1, 0]], [0, 1])
    assert compare_with(data, "tiny") == [
        ("labels", 2, 3, False),
        ("photos train", 2, 1, False),
        ("photos test", 1, 0, False),
        ("labels a photo", 1.33, 2.5, False),
    ]


def test_data_without_splits_has_none_of_their_photos(tiny):
    assert compare_with(labelled([[1, 1]], None), "tiny")[1:3] == [
        ("photos train", 2, 0, False),
        ("photos test", 1, 0, False),
    ]


def test_an_unknown_name_is_refused():
    with pytest.raises(OptionError) as caught:
        compare_with(labelled([[1]], None), "nuswide")
    assert str(caught.value) == (f"--expect must be one of {', '.join(NAMES)}, got 'nuswide'; did you mean 'nus_wide'")


def test_what_is_published_adds_up():
    assert tuple(PUBLISHED) == NAMES
    assert sum(PUBLISHED["nih"].photos.values()) == 112_120
    assert sum(PUBLISHED["nus_wide"].photos.values()) == 269_648
    assert sum(PUBLISHED["peta"].photos.values()) == 19_000
    assert sum(PUBLISHED["rap"].photos.values()) == 41_585
    assert sum(PUBLISHED["pa100k"].photos.values()) == 100_000
    assert all(set(each.photos) <= {"train", "val", "test", "all"} for each in PUBLISHED.values())
