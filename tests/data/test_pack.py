"""What packing promises: a folder that trains to the very same weights, or a refusal."""

import numpy as np
import pytest
from toys import tiny_set

from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.open import open_data
from polytag.data.pack import pack
from polytag.data.preprocessing import Preprocessing
from polytag.errors import DataError, OptionError
from polytag.labels import Labels

SIZE = Preprocessing((6, 5))


def split_set(items=20):
    data = tiny_set(items)
    data.split = np.resize(np.array([0, 0, 1, 2, -1], np.int8), items)
    return data


def test_pixels_labels_and_splits_come_back(tmp_path):
    data = split_set()
    events = list(pack(data, SIZE, tmp_path / "labels.csv"))
    assert [(event.done, event.total) for event in events] == [(20, 20)]
    again = open_data(tmp_path / "labels.csv")
    assert again.classes == data.classes
    np.testing.assert_array_equal(again.labels.dense(), data.labels.dense())
    np.testing.assert_array_equal(again.split, data.split)
    for row in range(len(data)):
        packed = again.images.load(row)
        assert packed.shape == (6, 5, 3)
        np.testing.assert_array_equal(packed, SIZE.resize(data.images.load(row)))
        np.testing.assert_array_equal(SIZE.resize(packed), packed)  # nothing is left to resize


def test_jpeg_is_smaller_and_close(tmp_path):
    flat = LabelledSet(ImageArrays(np.full((2, 64, 64, 3), 90, np.uint8)), Labels.from_dense([[1], [0]], ["a"]))
    list(pack(flat, Preprocessing((64, 64)), tmp_path / "labels.csv", quality=90))
    photo = open_data(tmp_path / "labels.csv").images.load(0)
    assert np.abs(photo.astype(int) - 90).max() <= 2
    assert {path.suffix for path in (tmp_path / "photos").iterdir()} == {".jpeg"}


def test_names_with_spaces_survive(tmp_path):
    labels = Labels.from_dense([[1, 1], [0, 0], [1, 0]], ["polka dot", "salt and pepper"])
    data = LabelledSet(ImageArrays(np.zeros((3, 8, 8, 3), np.uint8)), labels)
    list(pack(data, SIZE, tmp_path / "labels.csv"))
    assert open_data(tmp_path / "labels.csv").labels.names(0) == ("polka dot", "salt and pepper")


@pytest.mark.parametrize(
    ("matrix", "names", "sentence"),
    [
        (
            [[1, -1]],
            ["a", "b"],
            "photos with unknown labels cannot be packed, since a table of names has no word for unknown",
        ),
        ([[1, 0]], ["a|b", "c"], "the label 'a|b' has a '|' in it, which separates labels here; rename it"),
        (
            [[1, 0]],
            ["a", "b"],
            "{table} does not read back as the labels that were packed; a label without photos, perhaps",
        ),
    ],
)
def test_what_a_table_cannot_say_is_refused(matrix, names, sentence, tmp_path):
    data = LabelledSet(ImageArrays(np.zeros((1, 8, 8, 3), np.uint8)), Labels.from_dense(matrix, names))
    with pytest.raises(DataError) as refusal:
        list(pack(data, SIZE, tmp_path / "labels.csv"))
    assert str(refusal.value) == sentence.format(table=tmp_path / "labels.csv")


def test_a_quality_out_of_range_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"^quality must be between 1 and 100, got 0$"):
        list(pack(split_set(), SIZE, tmp_path / "labels.csv", quality=0))
