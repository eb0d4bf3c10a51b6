"""What the reader of VG500 promises: the lists of SSGRL, photos in two folders or one, names where there are some."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import Vg500

FILE = "vg_category_500_labels_index.json"
LABELS = {"1.jpg": [3, 0], "2.jpg": [499], "3.jpg": [], "4.jpg": [7]}


def copy(
    folder, labels=LABELS, train="1.jpg\n2.jpg\n", test="3.jpg\n", places="VG_100K/1.jpg VG_100K_2/2.jpg VG_100K/3.jpg"
):
    write(folder, "train_list_500.txt", train)
    write(folder, "test_list_500.txt", test)
    return write(folder, FILE, labels, places)


def test_an_official_copy_is_read(tmp_path):
    path = copy(tmp_path)
    data = open_data(tmp_path)
    assert data.classes == tuple(f"category {number:03}" for number in range(500))
    assert names_and_labels(data) == [
        ("VG_100K/1.jpg", ("category 000", "category 003")),
        ("VG_100K_2/2.jpg", ("category 499",)),
        ("VG_100K/3.jpg", ()),
    ]
    assert data.labels.dense().sum(axis=1).tolist() == [2, 1, 0]
    assert data.labels.counts().unknown.sum() == 0
    assert data.split.tolist() == [0, 0, 2]
    assert data.groups is None
    assert data.notes == (
        f"{FILE}: 500 categories, called by their numbers, having no names",
        "splits from train_list_500.txt and test_list_500.txt: 2 train, 1 test",
    )
    assert open_data(path).fingerprint() == data.fingerprint()


@pytest.mark.parametrize("place", ["VG_100K/", "images/", ""])
def test_photos_may_be_in_one_folder(tmp_path, place):
    data = Vg500().read(copy(tmp_path, places=f"{place}1.jpg {place}2.jpg {place}3.jpg"))
    assert [data.images.name(row) for row in range(3)] == [f"{place}{number}.jpg" for number in (1, 2, 3)]


def test_photos_elsewhere_are_named(tmp_path):
    (tmp_path / "here").mkdir()
    path = copy(tmp_path / "here", places="../there/1.jpg ../there/2.jpg ../there/VG_100K_2/3.jpg")
    data = Vg500(images=str(tmp_path / "there")).read(path)
    assert [data.images.name(row) for row in range(3)] == ["1.jpg", "2.jpg", "VG_100K_2/3.jpg"]


def test_names_come_from_a_file(tmp_path):
    names = write(tmp_path, "names.txt", "\n".join(f"thing {number}" for number in range(500)))
    data = Vg500(names=str(names)).read(copy(tmp_path))
    assert data.labels.names(0) == ("thing 0", "thing 3")
    assert data.notes[0] == f"{FILE}: 500 categories, names from names.txt"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cat\n", "names.txt must have 500 names, one a line, got 1; add or remove names"),
        ("cat\n" * 500, "names.txt has the name 'cat' twice; give each category its own name"),
        (None, "names.txt is not a file; --reader.names is a text file with a name on each line"),
    ],
)
def test_names_that_do_not_fit_are_refused(tmp_path, text, message):
    path = copy(tmp_path)
    if text is not None:
        write(tmp_path, "names.txt", text)
    assert refusal(Vg500(names=str(tmp_path / "names.txt")), path) == message


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"train": "1.jpg\n9.jpg\n"},
            f"line 2 of train_list_500.txt names '9.jpg', which {FILE} does not have; download both again",
        ),
        (
            {"train": "1.jpg\n4.jpg\n"},
            "1 of 3 photos are not in DATA: line 2 of train_list_500.txt names "
            "'VG_100K/4.jpg'; correct the names, or name the folder of the photos with --reader.images",
        ),
        (
            {"test": "1.jpg\n"},
            "'VG_100K/1.jpg' is listed twice, by line 1 of train_list_500.txt and by line 1 of "
            "test_list_500.txt; keep one of them",
        ),
        (
            {"labels": {**LABELS, "1.jpg": [500]}},
            f"{FILE} must have a list of numbers from 0 to 499 for '1.jpg', got [500]; download it again",
        ),
        (
            {"labels": {**LABELS, "1.jpg": 5}},
            f"{FILE} must have a list of numbers from 0 to 499 for '1.jpg', got 5; download it again",
        ),
        ({"labels": [1]}, f"{FILE} must be a JSON object of photos with lists of numbers; download it again"),
        (
            {"train": "../a.jpg\n", "labels": {"../a.jpg": [1], **LABELS}},
            "line 1 of train_list_500.txt names "
            "'../a.jpg', which is not inside the data folder; use a path relative to it",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, changed, message):
    assert refusal(Vg500(), copy(tmp_path, **changed)) == message


def test_a_missing_list_is_refused(tmp_path):
    path = copy(tmp_path)
    (tmp_path / "test_list_500.txt").unlink()
    assert refusal(Vg500(), path) == (f"DATA has no test_list_500.txt; download it again from where {FILE} came from")
