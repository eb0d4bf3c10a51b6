"""What pairs of photo and label promise beside what tables show: declared classes, and no photo at all."""

import pytest

from polytag.data.readers.pairs import Pair, assemble_pairs
from polytag.errors import DataError


def assembled(folder, pairs, **options):
    (folder / "a.jpg").touch()
    return assemble_pairs(folder / "x.csv", pairs, lambda line: f"row {line}", lambda count: f"{count}", **options)


def test_declared_classes_stand_in_their_order(tmp_path):
    data = assembled(tmp_path, [Pair(1, "a.jpg", "cat", 1)], classes=["dog", "cat"])
    assert data.classes == ("dog", "cat")
    assert data.labels.dense().tolist() == [[0, 1]]


def test_a_label_that_is_not_declared_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"^row 1 has the label 'cat', which is not declared; correct it$"):
        assembled(tmp_path, [Pair(1, "a.jpg", "cat", 1)], classes=["dog"])


def test_no_photo_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        assembled(tmp_path, [])
    assert str(caught.value) == f"{tmp_path}/x.csv lists no photos; add a row for each label"
