"""What opening data promises: a file is read as it is, a folder is searched in order, and doubt is refused."""

import json
import os

import pytest

from polytag.data.open import open_data
from polytag.data.readers import Coco, OneHot, Table, Voc
from polytag.errors import DataError

COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "categories": [{"id": 1, "name": "from coco"}],
    "annotations": [{"image_id": 1, "category_id": 1}],
}


@pytest.fixture
def folder(tmp_path):
    """One photo with labels in three formats."""
    (tmp_path / "JPEGImages").mkdir()
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "a.jpg").touch()
    (tmp_path / "JPEGImages" / "a.jpg").touch()
    (tmp_path / "labels.csv").write_text("filename,labels\na.jpg,from table\n")
    (tmp_path / "coco.json").write_text(json.dumps(COCO))
    (tmp_path / "Annotations" / "a.xml").write_text("<x><object><name>from voc</name></object></x>")
    return tmp_path


def refusal(path, reader=None):
    with pytest.raises(DataError) as caught:
        open_data(path, reader)
    return str(caught.value).replace(str(path), "DATA")


def test_a_folder_is_searched_for_a_table_then_coco_then_voc(folder):
    (folder / "labels.csv").write_text("filename,labels\na.jpg,table\n")
    assert open_data(folder).classes == ("table",)
    (folder / "labels.csv").unlink()
    assert open_data(folder).classes == ("from coco",)
    (folder / "coco.json").unlink()
    assert open_data(folder).classes == ("from voc",)


def test_tables_of_columns_that_differ_say_nothing_of_each_others_labels(tmp_path):
    (tmp_path / "a.jpg").touch()
    (tmp_path / "b.jpg").touch()
    (tmp_path / "train.csv").write_text("file,cat,dog\na.jpg,1,0\n")
    (tmp_path / "test.csv").write_text("file,cat,dog,bird\nb.jpg,1,0,1\n")
    assert refusal(tmp_path, OneHot()) == (
        "DATA/train.csv and DATA/test.csv differ in their columns of labels; give both the same"
    )


def test_a_named_file_is_read_whatever_else_is_there(folder):
    (folder / "other.txt").write_text("filename,labels\na.jpg,other\n")
    assert open_data(folder / "other.txt").classes == ("other",)
    assert open_data(str(folder / "coco.json")).classes == ("from coco",)


def test_a_reader_can_be_chosen(folder):
    assert open_data(folder, Voc()).classes == ("from voc",)
    assert open_data(folder, Coco()).classes == ("from coco",)
    assert open_data(folder, Table(delimiter=" ")).classes == ("from", "table")
    (folder / "labels.csv").rename(folder / "labels.dat")
    assert open_data(folder / "labels.dat", Table(delimiter=";")).classes == ("from table",)


def test_two_label_files_of_one_kind_are_refused_and_listed(folder):
    (folder / "labels_all.csv").write_text("filename,labels\na.jpg,other\n")
    assert refusal(folder) == "DATA has 2 label files: labels.csv, labels_all.csv; name the one to read"
    assert open_data(folder / "labels_all.csv").classes == ("other",)


def test_a_table_without_file_names_is_no_rival(folder):
    (folder / "class_frequency.csv").write_text("class,total\ncat,3\n")
    (folder / "labels.csv").write_text("filename,labels\na.jpg,table\n")
    assert open_data(folder).classes == ("table",)


def test_what_is_not_there_is_refused(tmp_path):
    assert refusal(tmp_path) == "DATA is empty; give a label file, or a folder with photos and their labels"
    missing = tmp_path / "nowhere"
    assert refusal(missing) == "DATA does not exist; give a label file, or a folder with photos and their labels"
    (tmp_path / "a.jpg").touch()
    assert refusal(tmp_path / "a.jpg") == (
        "DATA is not a label file; give a table (.csv, .tsv, .txt, .jsonl), a .json, or a folder"
    )
    way_out = "name the label file or add one (polytag list readers shows the formats)"
    assert refusal(tmp_path) == f"DATA has no labels in a known format; {way_out}"
    assert (
        refusal(tmp_path, Voc())
        == f"DATA has no labels to read, which would be Pascal VOC's Annotations/*.xml; {way_out}"
    )


def test_an_empty_table_in_a_folder_is_named(tmp_path):
    (tmp_path / "labels.csv").touch()
    assert refusal(tmp_path) == (
        "DATA/labels.csv is empty; its first line must name the columns, such as filename,labels"
    )


@pytest.mark.parametrize("text", [",,,\n", '""', ",\n"])
def test_a_table_of_blank_cells_is_empty_too_and_no_rival(folder, text):
    (folder / "blank.csv").write_text(text)
    (folder / "labels.csv").write_text("filename,labels\na.jpg,table\n")
    assert open_data(folder).classes == ("table",)
    assert (
        refusal(folder / "blank.csv") == "DATA is empty; its first line must name the columns, such as filename,labels"
    )


def test_what_the_system_refuses_is_a_sentence_too(tmp_path):
    path = tmp_path / ("x" * 300)
    assert refusal(path) == "cannot read DATA: File name too long; make it readable"


def test_a_pipe_is_no_label_file(tmp_path):
    os.mkfifo(tmp_path / "labels.csv")
    assert refusal(tmp_path / "labels.csv").startswith("DATA is not a label file; ")


@pytest.mark.parametrize("layout", ["{}.csv", "labels_{}.csv", "{}/metadata.csv"])
def test_tables_one_a_split_are_one_set(tmp_path, layout):
    for part, rows in (("train", "a.jpg,cat;hat\nb.jpg,hat\n"), ("valid", "c.jpg,cat\n"), ("test", "d.jpg,dog\n")):
        table = tmp_path / layout.format(part)
        table.parent.mkdir(exist_ok=True)
        table.write_text(f"file_name,labels\n{rows}")
        for name in rows.split("\n")[:-1]:
            (table.parent / name.partition(",")[0]).touch()
    data = open_data(tmp_path)
    assert data.classes == ("cat", "dog", "hat")
    by_name = {data.images.name(row).rpartition("/")[2]: (data.labels.names(row), data.split[row]) for row in range(4)}
    assert by_name == {
        "a.jpg": (("cat", "hat"), 0),
        "b.jpg": (("hat",), 0),
        "c.jpg": (("cat",), 1),
        "d.jpg": (("dog",), 2),
    }
    assert data.notes[-1] == "splits from the names of the tables: 2 train, 1 val, 1 test"


def test_of_tables_one_a_split_the_one_with_labels_may_be_named(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.jpg").touch()
    (tmp_path / "train.csv").write_text("filename,labels\na.jpg,cat\n")
    (tmp_path / "test.csv").write_text("filename\nb.jpg\n")
    assert refusal(tmp_path) == (
        "DATA/test.csv has no column of labels; it has 'filename'; name the column with --reader.labels, "
        "or name the one file to read, such as DATA/train.csv"
    )
    assert open_data(tmp_path / "train.csv").classes == ("cat",)
    (tmp_path / "test.csv").write_text("filename,labels,absent\nb.jpg,cat,\n")
    assert refusal(tmp_path).startswith("unlisted labels are absent in one part of the data and unknown in another; ")
    assert open_data(tmp_path / "train.csv").classes == ("cat",)


def test_tables_one_a_split_have_no_splits_of_their_own(tmp_path):
    (tmp_path / "a.jpg").touch()
    for part in ("train", "test"):
        (tmp_path / f"{part}.csv").write_text("filename,labels,split\na.jpg,cat,train\n")
    assert refusal(tmp_path) == (
        "DATA/test.csv has splits of its own and is one of several tables in DATA; name the one to read"
    )
    for part in ("train", "test"):
        (tmp_path / f"{part}.csv").write_text("filename,labels\na.jpg,cat\n")
    assert refusal(tmp_path) == "'a.jpg' is in two of the tables of DATA; keep it in one split"
    for part in ("train", "test"):
        (tmp_path / f"{part}.csv").write_text("filename,labels,patient\na.jpg,cat,1\n")
    assert refusal(tmp_path, Table(group_by="patient")) == (
        "groups cannot be followed through the tables of DATA; put all photos into one table"
    )


def test_the_name_of_the_data_s_own_folder_is_no_split(tmp_path):
    folder = tmp_path / "test"
    folder.mkdir()
    for name, photo in (("labels", "a.jpg"), ("train", "b.jpg")):
        (folder / photo).touch()
        (folder / f"{name}.csv").write_text(f"filename,labels\n{photo},cat\n")
    assert refusal(folder) == "DATA has 2 label files: labels.csv, train.csv; name the one to read"
