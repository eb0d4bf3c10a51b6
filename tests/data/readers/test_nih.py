"""What the reader of NIH ChestX-ray14 promises: findings, patients as groups, official lists, photos in parts."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import Nih
from polytag.data.readers.nih import FINDINGS
from polytag.errors import DataError

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
REST = "57,M,PA,2682,2749,0.143,0.143"
ROWS = (
    f"00000001_000.png,Cardiomegaly|Emphysema,0,1,{REST}",
    f"00000001_001.png,No Finding,1,1,{REST}",
    f"00000002_000.png,Hernia,0,2,{REST}",
    f"00000003_000.png,No Finding,0,3,{REST}",
)
PHOTOS = ("00000001_000.png", "00000001_001.png", "00000002_000.png", "00000003_000.png")
TABLE = "Data_Entry_2017_v2020.csv"


def copy(folder, rows=ROWS, places=("images",) * 4, header=HEADER, name=TABLE):
    photos = " ".join(f"{place}/{photo}" if place else photo for place, photo in zip(places, PHOTOS, strict=True))
    return write(folder, name, "\n".join((header, *rows)) + "\n", photos)


def lists(folder, train, test):
    write(folder, "train_val_list.txt", "\n".join(train))
    write(folder, "test_list.txt", "\r\n".join(test) + "\r\n")


def test_an_official_copy_is_read(tmp_path):
    path = copy(tmp_path)
    lists(tmp_path, PHOTOS[:2], PHOTOS[2:3])
    data = open_data(tmp_path)
    assert data.classes == FINDINGS
    assert list(FINDINGS) == sorted(FINDINGS)
    assert len(FINDINGS) == 14
    assert names_and_labels(data) == [
        ("images/00000001_000.png", ("Cardiomegaly", "Emphysema")),
        ("images/00000001_001.png", ()),
        ("images/00000002_000.png", ("Hernia",)),
        ("images/00000003_000.png", ()),
    ]
    assert data.labels.dense().sum(axis=1).tolist() == [2, 0, 1, 0]
    assert data.labels.counts().unknown.sum() == 0
    assert data.split.tolist() == [0, 0, 2, -1]
    assert data.groups.tolist() == [0, 0, 1, 2]
    assert data.notes == (
        f"{TABLE}: 14 findings, 'No Finding' read as no label",
        "splits from train_val_list.txt and test_list.txt: 2 train, 1 test, 1 in none",
        "3 groups from column 'Patient ID'",
    )
    assert open_data(path).fingerprint() == data.fingerprint()


def test_a_copy_without_lists_has_no_splits(tmp_path):
    data = Nih().read(copy(tmp_path))
    assert data.split is None


def test_photos_of_the_lists_that_are_not_in_the_table_are_noted(tmp_path):
    path = copy(tmp_path)
    lists(tmp_path, (*PHOTOS[:2], "00000009_000.png"), PHOTOS[2:])
    assert Nih().read(path).notes[3:] == (f"1 photo of the lists of splits is not in {TABLE}",)


@pytest.mark.parametrize(
    "places",
    [
        ("", "", "", ""),
        ("images_001/images", "images_001/images", "images_002/images", "images_012/images"),
        ("images_001", "images_001", "images_002", "images_012"),
    ],
)
def test_photos_may_be_in_parts_or_beside_the_table(tmp_path, places):
    data = Nih().read(copy(tmp_path, places=places))
    expected = [f"{place}/{photo}" if place else photo for place, photo in zip(places, PHOTOS, strict=True)]
    assert [data.images.name(row) for row in range(4)] == expected


def test_photos_elsewhere_are_named(tmp_path):
    (tmp_path / "here").mkdir()
    path = copy(tmp_path / "here", places=("../there/images",) * 4)
    data = Nih(images=str(tmp_path / "there")).read(path)
    assert data.images.root == tmp_path / "there"
    assert data.images.name(0) == "images/00000001_000.png"


@pytest.mark.parametrize(("more", "end"), [("", ","), (",", ""), (",", ",")])
def test_a_comma_at_the_end_of_rows_is_no_matter(tmp_path, more, end):
    data = Nih().read(copy(tmp_path, [row + end for row in ROWS], header=HEADER + more, name="Data_Entry_2017.csv"))
    assert len(data) == 4


def test_two_versions_in_one_folder_are_refused(tmp_path):
    copy(tmp_path)
    copy(tmp_path, name="Data_Entry_2017.csv")
    with pytest.raises(DataError) as caught:
        open_data(tmp_path)
    expected = f"2 label files: Data_Entry_2017.csv, {TABLE}; name the one to read"
    assert str(caught.value) == f"{tmp_path} has {expected}"


def test_a_photo_in_both_lists_is_refused(tmp_path):
    path = copy(tmp_path)
    lists(tmp_path, PHOTOS[:2], PHOTOS[1:])
    assert refusal(Nih(), path) == (
        "line 1 of test_list.txt names '00000001_001.png', which train_val_list.txt names, too; keep it in one of them"
    )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            f"00000003_000.png,Flu|Mass,0,3,{REST}",
            f"row 5 of {TABLE} has the finding 'Flu', which is none of the 14 of NIH ChestX-ray14; correct it, or read "
            "the file with --reader table",
        ),
        (
            f"00000003_000.png,No Finding|Mass,0,3,{REST}",
            f"row 5 of {TABLE} must have findings or 'No Finding' alone, got 'No Finding|Mass'; correct it",
        ),
        (
            f"00000003_000.png,,0,3,{REST}",
            f"row 5 of {TABLE} must have findings or 'No Finding' alone, got ''; correct it",
        ),
        (
            f"00000003_000.png,Mass,0,,{REST}",
            f"row 5 of {TABLE} has nothing in column 'Patient ID'; fill it in or remove the row",
        ),
        ("00000003_000.png,Mass", f"row 5 of {TABLE} ends before column 'Patient ID'; give the published file"),
        (
            f"../a.png,Mass,0,3,{REST}",
            f"row 5 of {TABLE} names '../a.png', which is not inside the data folder; use a path relative to it",
        ),
        (
            f"00000009_000.png,Mass,0,3,{REST}",
            f"1 of 4 photos are not in DATA: row 5 of {TABLE} names 'images/00000009_000.png'; "
            "correct the names, or name the folder of the photos with --reader.images",
        ),
    ],
)
def test_what_is_not_as_published_is_refused(tmp_path, row, message):
    assert refusal(Nih(), copy(tmp_path, (*ROWS[:3], row))) == message


def test_a_table_of_other_columns_is_refused(tmp_path):
    path = write(tmp_path, TABLE, "Image Index,Patient ID\na.png,1\n")
    assert refusal(Nih(), path) == (
        f"{TABLE} has no column 'Finding Labels'; it has 'Image Index', 'Patient ID'; give the published file"
    )
