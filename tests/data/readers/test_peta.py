"""What the reader of PETA promises: the photos by number, the selection, each random split, what is refused."""

import numpy as np
import pytest
from label_files import names_and_labels, refusal
from mat_files import cell, column, named, same_splits, struct, touch, write_peta
from scipy.io import savemat

from polytag.data.open import open_data
from polytag.data.readers import Peta
from polytag.errors import DataError, OptionError

LABELS = np.zeros((4, 40), int)
LABELS[0, [0, 34]] = LABELS[1, 1] = LABELS[2, [1, 35]] = 1
NAMES = named(40, ["personalLess30", "hat"])
SPLITS = same_splits([1, 3], [2], [4])
ODD = "PETA.mat is not laid out as it was published: {}; give the published file"


@pytest.fixture
def peta(tmp_path):
    return write_peta(tmp_path, LABELS, NAMES, [*SPLITS[:2], ([4], [3], [2, 1]), *SPLITS[3:]])


def said(tmp_path, labels=LABELS, names=NAMES, splits=SPLITS, reader=None):
    return refusal(reader or Peta(), write_peta(tmp_path, labels, names, splits))


def test_a_folder_with_the_file_is_read(peta):
    data = open_data(peta.parent)
    assert data.classes == tuple(NAMES[:35])
    assert names_and_labels(data) == [
        ("images/00001.png", ("personalLess30", "attribute 34")),
        ("images/00002.png", ("hat",)),
        ("images/00003.png", ("hat",)),
        ("images/00004.png", ()),
    ]
    assert data.split.tolist() == [0, 1, 0, 2]
    assert data.groups is None
    assert data.notes == (
        "PETA.mat: 35 of 40 attributes on 4 photos",
        "splits from random split 0: 2 train, 1 val, 1 test",
    )
    assert open_data(peta).fingerprint() == open_data(peta, Peta()).fingerprint() == data.fingerprint()


def test_all_attributes_are_taken_where_that_is_asked_for(peta):
    data = Peta(attributes="all").read(peta)
    assert data.classes == tuple(NAMES)
    assert data.labels.dense().tolist() == LABELS.tolist()
    assert data.notes[0] == "PETA.mat: 40 attributes on 4 photos"


def test_another_random_split_is_a_choice(peta):
    data = Peta(partition=2).read(peta)
    assert data.split.tolist() == [2, 2, 1, 0]
    assert data.notes[-1] == "splits from random split 2: 1 train, 1 val, 2 test"


def test_photos_in_no_part_of_a_split_are_in_none(tmp_path):
    data = Peta().read(write_peta(tmp_path, LABELS, NAMES, same_splits([1], [2], [4])))
    assert data.split.tolist() == [0, 1, -1, 2]
    assert data.notes[-1] == "splits from random split 0: 1 train, 1 val, 1 test, 1 in none"


def test_photos_may_be_elsewhere(peta, tmp_path):
    touch(tmp_path / "padded", [f"{number:05}.png" for number in range(1, 5)])
    assert Peta(images=str(tmp_path / "padded")).read(peta).images.name(0) == "00001.png"
    (peta.parent / "images" / "00003.png").unlink()
    expected = "1 of 4 photos are not in DATA: photo 3 of PETA.mat names 'images/00003.png'; correct the names, or name"
    assert refusal(Peta(), peta) == f"{expected} the folder of the photos with --reader.images"


def test_only_the_file_and_its_folder_are_candidates(peta, tmp_path):
    assert Peta().candidates(peta) == Peta().candidates(peta.parent) == [peta]
    assert Peta().candidates(tmp_path / "images") == Peta().candidates(tmp_path / "images" / "00001.png") == []
    assert Peta().candidates(tmp_path / "nothing" / "PETA.mat") == []


def test_sizes_that_do_not_fit_are_refused(tmp_path):
    expected = ODD.format("it has 4 photos with 39 attributes, and 4 x 40 labels")
    assert said(tmp_path, names=NAMES[1:]) == expected
    expected = "PETA.mat has 3 attributes and the selection is of 35; take them with --reader.attributes all"
    assert said(tmp_path, LABELS[:, :3], NAMES[:3]) == expected
    assert Peta(attributes="all").read(tmp_path / "PETA.mat").classes == tuple(NAMES[:3])


@pytest.mark.parametrize(("value", "text"), [(2, "2"), (-1, "-1"), (0.5, "0.5"), (np.nan, "nan")])
def test_another_value_of_a_label_is_refused_where_it_is_taken(tmp_path, value, text):
    labels = LABELS.astype(float)
    labels[3, 36] = value
    assert len(Peta().read(write_peta(tmp_path, labels, NAMES, SPLITS))) == 4  # not selected
    labels[2, 1] = value
    assert said(tmp_path, labels) == ODD.format(f"'hat' of photo 3 must be one of 0, 1, got {text}")


def test_two_attributes_of_one_name_are_refused(tmp_path):
    expected = ODD.format("attribute 2 has the name 'personalLess30', which must be one of its own")
    assert said(tmp_path, names=["personalLess30", " personalLess30 ", *NAMES[2:]]) == expected
    expected = ODD.format("attribute 1 has the name '', which must be one of its own")
    assert said(tmp_path, names=["", *NAMES[1:]]) == expected


def test_splits_that_make_no_sense_are_refused(tmp_path):
    assert said(tmp_path, splits=same_splits([1, 5], [2], [3])) == ODD.format("photo 5 of train is none of the 4")
    assert said(tmp_path, splits=same_splits([1], [0], [3])) == ODD.format("photo 0 of val is none of the 4")
    assert said(tmp_path, splits=same_splits([1], [2], [1.5])) == ODD.format("photo 1.5 of test is none of the 4")
    assert said(tmp_path, splits=same_splits([1, 2], [3], [2])) == ODD.format("photo 2 is in train and in test")
    expected = ODD.format("a random split must be a struct with 3 fields, got 2")
    assert said(tmp_path, splits=same_splits([1, 2], [3])) == expected
    path = tmp_path / "PETA.mat"
    parts = cell([struct(column([1]), "some", column([3]))])
    savemat(path, {"peta": struct(np.eye(4, 44), cell(NAMES), 0, parts)})
    assert refusal(Peta(), path) == ODD.format("the photos of val must be a matrix of numbers")


def test_a_split_that_the_file_lacks_is_refused(tmp_path):
    expected = "PETA.mat has 2 random splits and none with the number 4, counted from 0; correct --reader.partition"
    assert said(tmp_path, splits=SPLITS[:2], reader=Peta(partition=4)) == expected


def test_a_file_without_any_label_is_refused(tmp_path):
    expected = "PETA.mat has 4 photos and no label on any of them; check where it has its labels"
    assert said(tmp_path, LABELS * 0) == expected


def test_options_that_do_not_exist_are_refused():
    with pytest.raises(OptionError, match=r"^partition must be between 0 and 4, got 5$"):
        Peta(partition=5)
    with pytest.raises(OptionError, match=r"^attributes must be one of selected, all, got 'some'$"):
        Peta(attributes="some")


def test_a_folder_of_two_data_sets_is_refused(peta, tmp_path):
    (tmp_path / "annotation.mat").touch()
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError) as caught:
        open_data(tmp_path)
    expected = f"{tmp_path} has 2 label files: PETA.mat, annotation.mat; name the one to read"
    assert str(caught.value) == expected
