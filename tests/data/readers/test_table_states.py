"""What a table promises about labels that are unknown, absent or none, and about what can be read in two ways."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.readers import OneHot, Table


def table(folder, text):
    return write(folder, "labels.csv", text, "a.jpg b.jpg c.jpg")


def test_a_word_may_mean_no_labels(tmp_path):
    path = table(tmp_path, "Image Index,Finding Labels\na.jpg,No Finding\nb.jpg,Mass\nc.jpg,No Finding \n")
    data = Table(none="No Finding").read(path)
    assert [labels for _, labels in names_and_labels(data)] == [(), ("Mass",), ()]
    assert data.notes == (
        "labels.csv: photos from column 'Image Index', 1 labels from column 'Finding Labels', one a photo",
    )
    data = Table(delimiter="|").read(path)
    assert data.classes == ("Mass", "No Finding")
    assert data.notes[-1] == "'No Finding' is read as a label; --reader.none 'No Finding' reads it as none"


def test_a_column_of_unknown_labels(tmp_path):
    path = table(tmp_path, "filename,labels,unknown\na.jpg,cat,dog;hat\nb.jpg,dog,\nc.jpg,,cat\n")
    data = Table().read(path)
    assert data.classes == ("cat", "dog", "hat")
    assert data.labels.dense().tolist() == [[1, -1, -1], [0, 1, 0], [-1, 0, 0]]
    assert data.notes[1:] == ("labels in column 'unknown' are unknown", "labels that are not listed are absent")


def test_a_column_of_absent_labels_makes_the_others_unknown(tmp_path):
    path = table(tmp_path, "filename,labels,no\na.jpg,cat,dog;hat\nb.jpg,dog,\nc.jpg,,cat\n")
    data = Table(absent="no").read(path)
    assert data.labels.dense().tolist() == [[1, 0, 0], [-1, 1, -1], [0, -1, -1]]
    assert data.notes[1:] == ("labels in column 'no' are absent", "labels that are not listed are unknown")


def test_with_columns_of_both_the_others_are_absent(tmp_path):
    path = table(tmp_path, "filename,labels,unsure,absent\na.jpg,cat,dog,hat\nb.jpg,dog,,\nc.jpg,,,\n")
    data = Table(unknown="unsure").read(path)
    assert data.labels.dense().tolist() == [[1, -1, 0], [0, 1, 0], [0, 0, 0]]
    assert data.notes[1:] == (
        "labels in column 'unsure' are unknown",
        "labels in column 'absent' are absent",
        "labels that are not listed are absent",
    )


@pytest.mark.parametrize(("first", "second"), [("labels", "unknown"), ("labels", "absent"), ("unknown", "absent")])
def test_a_label_cannot_be_two_things(tmp_path, first, second):
    path = table(tmp_path, f"filename,labels,{first},{second}\na.jpg,hat,dog,\nb.jpg,hat,dog,cat;dog\n")
    if first == "labels":
        path = table(tmp_path, f"filename,labels,{second}\na.jpg,dog,\nb.jpg,dog,cat;dog\n")
    assert refusal(Table(), path) == "row 3 of labels.csv says two things about the label 'dog'; leave one of them"


def test_marks_in_the_column_of_labels_and_in_another_can_be_read_in_two_ways(tmp_path):
    path = table(tmp_path, "filename,cat,tag,split\na.jpg,1,0,train\nb.jpg,0,1,val\n")
    assert refusal(Table(), path) == (
        "labels.csv has marks such as 0 and 1 in columns 'tag' and 'cat'; read it with --reader one_hot, "
        "or with --reader.labels 'tag' if these are names of labels"
    )
    assert Table(labels="tag").read(path).classes == ("0", "1")
    assert OneHot().read(path).classes == ("cat", "tag")
    assert Table().read(table(tmp_path, "filename,tag\na.jpg,0\nb.jpg,1\n")).classes == ("0", "1")


def test_an_encoding_can_be_named(tmp_path):
    path = table(tmp_path, "filename,labels\r\na.jpg,caf\u00e9\r\n".encode("cp1252"))
    data = Table(encoding="cp1252").read(path)
    assert data.classes == ("caf\u00e9",)
    assert data.notes[1:] == ("labels.csv is read as cp1252",)


def test_rows_that_a_spreadsheet_leaves_empty_are_skipped(tmp_path):
    assert len(Table().read(table(tmp_path, "filename,labels\na.jpg,cat\n,\n,\n"))) == 1
