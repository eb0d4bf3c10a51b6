"""What tables of Vertex AI promise: rows of different lengths, uses as splits, photos by their paths in the bucket."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import Vertex

ROWS = """TRAINING,gs://bucket/street/a.jpg,car,traffic light
validation,gs://bucket/b.jpg,car
TEST,gs://other/street/c.jpg
UNASSIGNED,gs://bucket/d.jpg, bus ,
"""
PHOTOS = "street/a.jpg b.jpg street/c.jpg d.jpg"


def test_rows_have_as_many_labels_as_the_photo(tmp_path):
    data = open_data(write(tmp_path, "export.csv", ROWS, PHOTOS))
    assert names_and_labels(data) == [
        ("street/a.jpg", ("car", "traffic light")),
        ("b.jpg", ("car",)),
        ("street/c.jpg", ()),
        ("d.jpg", ("bus",)),
    ]
    assert data.classes == ("bus", "car", "traffic light")
    assert data.split.tolist() == [0, 1, 2, -1]
    assert data.groups is None
    assert data.notes == (
        "export.csv: a table of Vertex AI with 3 labels, photos by their paths in the bucket",
        "splits from the use of each row: 1 train, 1 val, 1 test, 1 in none",
    )


@pytest.mark.parametrize("use", ["", ",", "UNASSIGNED,"])
def test_the_use_may_be_left_out(tmp_path, use):
    data = open_data(
        write(tmp_path, "export.csv", f"{use}gs://x/a.jpg,cat\n{use}gs://x/b.jpg,cat,dog\n", "a.jpg b.jpg")
    )
    assert names_and_labels(data) == [("a.jpg", ("cat",)), ("b.jpg", ("cat", "dog"))]
    assert data.split is None


def test_photos_may_be_beside_the_table_or_elsewhere(tmp_path):
    path = write(tmp_path, "export.csv", "TRAIN,in/a.jpg,cat\n", "in/a.jpg there/in/a.jpg")
    assert Vertex().candidates(tmp_path) == [path]
    assert Vertex().read(path).images.root == tmp_path
    assert Vertex(images=str(tmp_path / "there")).read(path).images.root == tmp_path / "there"


def test_another_encoding_is_noted(tmp_path):
    path = write(tmp_path, "export.csv", "gs://x/a.jpg,caf\u00e9\r\n".encode("cp1252"), "a.jpg")
    data = Vertex(encoding="cp1252").read(path)
    assert data.classes == ("caf\u00e9",)
    assert data.notes[1:] == ("export.csv is read as cp1252",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TRAINING\n", "row 1 of export.csv has no file name; fill it in or remove the entry"),
        ("TRAINING,gs://bucket,cat\n", "row 1 of export.csv has no file name; fill it in or remove the entry"),
        (
            "gs://x/a.jpg,cat\nHOLDOUT,gs://x/a.jpg,cat\n",
            "1 of 2 photos are not in DATA: row 2 of export.csv names 'HOLD",
        ),
        (
            "gs://x/a.jpg,cat\ngs://y/a.jpg,cat\n",
            "'a.jpg' is listed twice, by row 1 of export.csv and by row 2 of export.csv; keep one of them",
        ),
        (
            "gs://x/../../a.jpg,cat\n",
            "row 1 of export.csv names '../../a.jpg', which is not inside the data folder; use ",
        ),
        (
            "gs://x/a.jpg,cat,0.1,0.2,,,0.4,1,,\n",
            "row 1 of export.csv has the corners of a box; export the labels of whole images, "
            "or leave a photo and its labels on each row",
        ),
        ("gs://x/a.jpg\n", "export.csv has 1 photos and no label on any of them; check where it has its labels"),
        ("\n \n", "export.csv lists no photos; add an entry for each photo"),
        ('gs://x/a.jpg,"cat\n', "row 1 of export.csv cannot be read (unexpected end of data); check its quotes"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, text, message):
    assert refusal(Vertex(), write(tmp_path, "export.csv", text, "a.jpg")).startswith(message)
