"""What the reader of PA-100K promises: the official split, the folders its photos may be in, what is refused."""

import pytest
from label_files import names_and_labels, refusal
from mat_files import write_pa100k
from scipy.io import loadmat

from polytag.data.open import open_data
from polytag.data.readers import Pa100k
from polytag.errors import DataError

PARTS = {
    "train": (["000003.jpg", "000001.jpg"], [[1, 0], [0, 1]]),
    "val": (["000002.jpg"], [[0, 0]]),
    "test": (["000004.jpg"], [[1, 1]]),
}
NAMES = ["Female", "AgeOver60"]
ODD = "annotation.mat is not laid out as it was published: {}; give the published file"


def test_the_layout_is_that_of_the_published_file(tmp_path):
    found = loadmat(write_pa100k(tmp_path, PARTS, NAMES))  # looked up as code for the published file does
    assert [found["train_images_name"][row][0][0] for row in range(2)] == PARTS["train"][0]
    assert [found["attributes"][row][0][0] for row in range(2)] == NAMES
    assert found["test_label"].tolist() == [[1, 1]]


@pytest.mark.parametrize("images", ["data", "release_data", "release_data/release_data", "data/release_data"])
def test_a_folder_with_the_file_is_read(tmp_path, images):
    path = write_pa100k(tmp_path, PARTS, NAMES, images)
    data = open_data(tmp_path)
    assert data.classes == ("Female", "AgeOver60")
    assert names_and_labels(data) == [
        (f"{images}/000003.jpg", ("Female",)),
        (f"{images}/000001.jpg", ("AgeOver60",)),
        (f"{images}/000002.jpg", ()),
        (f"{images}/000004.jpg", ("Female", "AgeOver60")),
    ]
    assert data.split.tolist() == [0, 0, 1, 2]
    assert data.notes == (
        "annotation.mat: 2 attributes on 4 photos",
        "splits from its lists of photos: 2 train, 1 val, 1 test",
    )
    assert open_data(path).fingerprint() == data.fingerprint()


def test_photos_elsewhere_are_named(tmp_path):
    (tmp_path / "here").mkdir()
    path = write_pa100k(tmp_path / "here", PARTS, NAMES, "../elsewhere")
    assert Pa100k().candidates(path.parent) == []  # annotation.mat may be anything
    reader = Pa100k(images=str(tmp_path / "elsewhere"))
    assert reader.candidates(path.parent) == [path]
    assert open_data(path.parent, reader).images.name(0) == "000003.jpg"
    expected = "4 of 4 photos are not in DATA: photo 1 of annotation.mat names 'data/000003.jpg', "
    assert refusal(Pa100k(), path).startswith(expected)


def test_sizes_that_do_not_fit_are_refused(tmp_path):
    parts = {**PARTS, "val": (["000002.jpg"], [[0, 0, 1]])}
    expected = ODD.format("val has 1 photos with 2 attributes, and 1 x 3 labels")
    assert refusal(Pa100k(), write_pa100k(tmp_path, parts, NAMES)) == expected


def test_a_missing_part_is_refused(tmp_path):
    parts = {name: PARTS[name] for name in ("train", "test")}
    expected = ODD.format("it has no variable val_images_name")
    assert refusal(Pa100k(), write_pa100k(tmp_path, parts, NAMES)) == expected


def test_a_photo_in_two_parts_is_refused(tmp_path):
    parts = {**PARTS, "test": (["000001.jpg"], [[1, 1]])}
    with pytest.raises(DataError) as caught:
        Pa100k().read(write_pa100k(tmp_path, parts, NAMES))
    expected = "'data/000001.jpg' is listed twice, by photo 2 of annotation.mat and by photo 4 of annotation.mat"
    assert str(caught.value) == f"{expected}; keep one of them"


@pytest.mark.parametrize("name", ["../a.jpg", "../../a.jpg", "..\\a.jpg"])
def test_a_photo_outside_of_its_folder_is_refused(tmp_path, name):
    (tmp_path / "here").mkdir()
    path = write_pa100k(tmp_path / "here", {**PARTS, "train": ([name], [[1, 0]])}, NAMES)
    expected = (
        f"photo 1 of annotation.mat names {name!r}, which is not inside the data folder; use a path relative to it"
    )
    assert refusal(Pa100k(), path) == expected
