"""What the reader of RAP v1 promises: the selection, uncertain labels, each random split, what is refused."""

import numpy as np
import pytest
from label_files import names_and_labels, refusal
from mat_files import cell, named, same_splits, struct, write_rap
from scipy.io import loadmat, savemat

from polytag.data.open import open_data
from polytag.data.readers import Rap
from polytag.errors import OptionError

PHOTOS = ["CAM01_2.png", "CAM01_1.png", "CAM02_1.png"]
LABELS = np.zeros((3, 60), int)
LABELS[0, [0, 50]] = LABELS[2, 51] = 1
LABELS[1, 0] = LABELS[2, 2] = LABELS[1, 59] = 2
NAMES = named(60, ["Female", "AgeLess16"])
ODD = "RAP_annotation.mat is not laid out as it was published: {}; give the published file"


@pytest.fixture
def rap(tmp_path):
    return write_rap(tmp_path, PHOTOS, LABELS, NAMES, [*same_splits([1, 3], [2])[:4], ([2, 3], [1])])


def test_the_layout_is_that_of_the_published_file(rap):
    found = loadmat(rap)["RAP_annotation"]  # looked up as code for the published file does
    assert [found[0][0][5][row][0][0] for row in range(3)] == PHOTOS
    assert [found[0][0][3][row][0][0] for row in range(60)] == NAMES
    assert found[0][0][1].tolist() == LABELS.tolist()
    assert [found[0][0][0][4][0][0][0][part][0, :].tolist() for part in range(2)] == [[2, 3], [1]]


def test_a_folder_with_the_file_is_read(rap, tmp_path):
    data = open_data(tmp_path)
    assert data.classes == tuple(NAMES[:51])
    assert names_and_labels(data) == [
        ("RAP_dataset/CAM01_2.png", ("Female", "attribute 50")),
        ("RAP_dataset/CAM01_1.png", ()),
        ("RAP_dataset/CAM02_1.png", ()),
    ]
    assert data.labels.dense()[:, :3].tolist() == [[1, 0, 0], [-1, 0, 0], [0, 0, -1]]
    assert data.split.tolist() == [0, 2, 0]
    assert data.notes == (
        "RAP_annotation.mat: 51 of 60 attributes on 3 photos",
        "2 labels with the value 2 (uncertain): read as unknown",
        "splits from random split 0: 2 train, 1 test",
    )
    assert open_data(rap).fingerprint() == open_data(rap.parent).fingerprint() == data.fingerprint()


def test_uncertain_labels_are_absent_where_that_is_asked_for(rap):
    data = Rap(uncertain="absent", attributes="all", partition=4).read(rap)
    assert data.labels.dense().tolist() == (LABELS == 1).astype(int).tolist()
    assert data.split.tolist() == [2, 0, 0]
    assert data.notes == (
        "RAP_annotation.mat: 60 attributes on 3 photos",
        "3 labels with the value 2 (uncertain): read as absent",
        "splits from random split 4: 2 train, 1 test",
    )


def test_photos_are_beside_a_file_that_was_moved(rap, tmp_path):
    moved = rap.rename(tmp_path / rap.name)
    assert Rap().candidates(tmp_path) == [moved]
    assert Rap().read(moved).images.name(0) == "RAP_dataset/CAM01_2.png"
    named = Rap(images=str(tmp_path / "RAP_dataset")).read(moved)
    assert named.images.name(0) == "CAM01_2.png"


def test_another_value_of_a_label_is_refused(tmp_path):
    path = write_rap(tmp_path, PHOTOS, np.where(LABELS == 2, 3, LABELS), NAMES, same_splits([1], [2]))
    assert refusal(Rap(), path) == ODD.format("'Female' of photo 2 must be one of 0, 1, 2, got 3")


def test_a_photo_outside_of_the_folder_is_refused(tmp_path):
    path = write_rap(tmp_path, ["../a.png", *PHOTOS[1:]], LABELS, NAMES, same_splits([1], [2]))
    expected = (
        "photo 1 of RAP_annotation.mat names '../a.png', which is not inside the data folder; use a path relative to it"
    )
    assert refusal(Rap(), path) == expected


def test_the_second_version_is_refused(tmp_path):
    path = tmp_path / "RAP_annotation.mat"
    fields = (cell(PHOTOS), LABELS, cell(NAMES), np.arange(54)[np.newaxis], cell([1]), cell([1]))
    savemat(path, {"RAP_annotation": struct(*fields)})
    expected = "RAP_annotation.mat is laid out like RAP v2, which is not read; give the file of RAP v1"
    assert refusal(Rap(), path) == expected


def test_labels_of_other_photos_are_refused(tmp_path):
    path = write_rap(tmp_path, PHOTOS[1:], LABELS, NAMES, same_splits([1], [2]))
    assert refusal(Rap(), path) == ODD.format("it has 2 photos with 60 attributes, and 3 x 60 labels")


def test_options_that_do_not_exist_are_refused():
    for options, sentence in (
        ({"partition": -1}, "partition must be between 0 and 4, got -1"),
        ({"attributes": "51"}, "attributes must be one of selected, all, got '51'"),
        ({"uncertain": "present"}, "uncertain must be one of unknown, absent, got 'present'"),
    ):
        with pytest.raises(OptionError) as caught:
            Rap(**options)
        assert str(caught.value) == sentence
