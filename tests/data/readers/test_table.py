"""What a table promises: which column is which, what becomes of each row, and what is refused."""

import re

import numpy as np
import pytest

from polytag.data.readers import Table
from polytag.data.readers.text import column_separator, open_text
from polytag.errors import DataError


def write(folder, text, photos="a.jpg b.jpg c.jpg", name="labels.csv"):
    for photo in photos.split():
        (folder / photo).parent.mkdir(parents=True, exist_ok=True)
        (folder / photo).touch()
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def labels_of(data):
    return [data.labels.names(row) for row in range(len(data))]


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        Table(**options).read(path)
    return str(caught.value).replace(str(path), path.name).replace(str(path.parent), "DATA")


def test_reads_photos_labels_and_splits_and_says_how(tmp_path):
    path = write(tmp_path, "filename,labels,split\na.jpg,dog;cat,train\nb.jpg,,val\nc.jpg,cat,test\n")
    data = Table().read(path)
    assert [data.images.name(row) for row in range(3)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert data.classes == ("cat", "dog")
    assert labels_of(data) == [("cat", "dog"), (), ("cat",)]  # an empty cell: no labels
    assert data.labels.dense().tolist() == [[1, 1], [0, 0], [1, 0]]
    assert data.split.tolist() == [0, 1, 2]
    assert data.groups is None
    assert data.notes == (
        "labels.csv: photos from column 'filename', 2 labels from column 'labels', split by ';'",
        "splits from column 'split': 1 train, 1 val, 1 test",
    )


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_columns_may_be_separated_in_four_ways(tmp_path, separator, end):
    rows = (("image", "tags", "split"), ("a.jpg", "cat dog", "train"), ("b.jpg", "cat", "val"), ("c.jpg", "dog", "val"))
    path = write(tmp_path, end.join(separator.join(row) for row in rows))
    assert column_separator(open_text(path)) == separator
    assert labels_of(Table().read(path)) == [("cat", "dog"), ("cat",), ("dog",)]


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Image Index,Finding Labels", "a.jpg,Mass|Effusion"),
        ("image_name,tags", 'a.jpg,"Mass, Effusion"'),
        ("tags,path", "Mass;Effusion,a.jpg"),
        ("id,photo,TARGET", "7,a.jpg,Mass;Effusion"),
        ("what,where it is,label", "7,a.jpg,Mass;Effusion"),  # by its contents
        ("\ufefffilename , labels", "./a.jpg,Mass ; Effusion;"),  # byte order mark, spaces, a delimiter at the end
    ],
)
def test_usual_columns_are_found_by_name_and_others_by_their_contents(tmp_path, header, cells):
    data = Table().read(write(tmp_path, f"{header}\n{cells}\n"))
    assert labels_of(data) == [("Effusion", "Mass")]
    assert data.images.name(0) == "a.jpg"


def test_options_name_columns_and_the_delimiter(tmp_path):
    text = "filename,labels,photo,what,part,patient\nx,y,a.jpg,cat/dog,dev,7\nx,y,b.jpg,cat,Training,9\nx,y,c.jpg,,,7\n"
    options = {"filename": "photo", "labels": "what", "delimiter": "/", "split": "part", "group_by": "patient"}
    data = Table(**options).read(write(tmp_path, text))
    assert labels_of(data) == [("cat", "dog"), ("cat",), ()]
    assert data.split.tolist() == [1, 0, -1]  # an empty cell: in no split
    assert data.groups.tolist() == [0, 1, 0]
    assert data.notes[1:] == ("splits from column 'part': 1 train, 1 val, 1 in none", "2 groups from column 'patient'")


def test_names_of_labels_are_stripped_and_composed_and_kept_apart_by_case(tmp_path):
    path = write(tmp_path, "filename,labels\na.jpg,cafe\u0301; Cat \nb.jpg,caf\u00e9;cat;cat\n")
    data = Table().read(path)
    assert data.classes == ("Cat", "caf\u00e9", "cat")
    assert labels_of(data) == [("Cat", "caf\u00e9"), ("caf\u00e9", "cat")]
    assert data.notes[-1] == "labels 'Cat' and 'cat' differ only by case and are kept apart"


def test_rows_are_counted_as_an_editor_counts_lines(tmp_path):
    path = write(tmp_path, 'filename,labels,note\n\na.jpg,cat,"two\nlines"\n\nb.jpg,dog\n')
    assert refusal(path) == (
        "row 6 of labels.csv has 2 cells where the header has 3; put quotes around a cell that holds the separator"
    )


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "labels.csv is empty; its first line must name the columns, such as filename,labels"),
        ("\n \n", {}, "labels.csv is empty; its first line must name the columns, such as filename,labels"),
        (",,,\n,,,\n", {}, "labels.csv is empty; its first line must name the columns, such as filename,labels"),
        ('""\n', {}, "labels.csv is empty; its first line must name the columns, such as filename,labels"),
        ("filename,labels\n", {}, "labels.csv has a header and no rows; add a row for each photo"),
        (
            "filename,text\na.jpg,cat\n",
            {},
            "labels.csv has no column of labels; it has 'filename', 'text'; name the column with --reader.labels",
        ),
        (
            "filename,labels\na.jpg,cat\n",
            {"labels": "tag"},
            "labels.csv has no column 'tag'; it has 'filename', 'labels'; correct --reader.labels",
        ),
        (
            "filename,labels\na.jpg,cat\n",
            {"group_by": "patient"},
            "labels.csv has no column 'patient'; it has 'filename', 'labels'; correct --reader.group-by",
        ),
        (
            "number,labels\n7,cat\n",
            {},
            "labels.csv has no column of file names; it has 'number', 'labels'; name the column with --reader.filename",
        ),
        (
            "a.jpg,cat\nb.jpg,dog\n",
            {},
            "labels.csv begins with a photo; its first line must name the columns, such as filename,labels",
        ),
        (
            "filename,label,tags\na.jpg,cat,dog\n",
            {},
            "labels.csv has several columns of labels, 'label' and 'tags'; choose one with --reader.labels",
        ),
        ("filename,labels,labels\na.jpg,x,y\n", {}, "labels.csv has two columns called 'labels'; rename one of them"),
        (
            "filename,labels\na.jpg,\nb.jpg,\n",
            {},
            "labels.csv has 2 photos and no label on any of them; check where it has its labels",
        ),
        (
            "filename,labels,split\na.jpg,cat,holdout\n",
            {},
            "row 2 of labels.csv has the split 'holdout'; use train, val or test",
        ),
        (
            "filename,labels\na.jpg,cat\n,dog\n",
            {},
            "row 3 of labels.csv has nothing in column 'filename'; fill it in or remove the row",
        ),
        (
            "filename,labels\na.jpg,cat\x1b[2J\n",
            {},
            "row 2 of labels.csv has the label 'cat\\x1b[2J', with a control character in it; remove that character",
        ),
        (
            'filename,labels\na.jpg,"cat\ndog"\n',
            {},
            "row 2 of labels.csv has the label 'cat\\ndog', with a control character in it; remove that character",
        ),
        (
            "filename,labels\nb.jpg,cat\na.jpg,cat\nb.jpg,dog\n",
            {},
            "'b.jpg' is listed twice, by row 2 of labels.csv and by row 4 of labels.csv; "
            "keep one of them, or read a table with one label a row by --reader long",
        ),
        (
            "filename,labels\n../a.jpg,cat\n",
            {},
            "row 2 of labels.csv names '../a.jpg', which is not inside the data folder; use a path relative to it",
        ),
        (
            "filename,labels\n/etc/passwd,cat\n",
            {},
            "row 2 of labels.csv names '/etc/passwd', which is not inside the data folder; use a path relative to it",
        ),
        (
            "filename,labels\nC:\\a.jpg,cat\n",
            {},
            "row 2 of labels.csv names 'C:\\\\a.jpg', which is not inside the data folder; use a path relative to it",
        ),
        (
            "filename,labels\na\0.jpg,cat\n",
            {},
            "row 2 of labels.csv names 'a\\x00.jpg', which cannot be the name of a photo; correct it",
        ),
        (
            "filename,labels\na.jpg,cat\nx.jpg,cat\nb.jpg,cat\ny.jpg,cat\n",
            {},
            "2 of 4 photos are not in DATA: row 3 of labels.csv names 'x.jpg', row 5 of labels.csv names 'y.jpg'; "
            "correct the names, or name the folder of the photos with --reader.images",
        ),
        (
            b"filename,labels\na.jpg,caf\xe9\n",
            {},
            "labels.csv is not UTF-8 text; save it as UTF-8, "
            "or name its encoding with --reader.encoding, such as cp1252",
        ),
        (
            b"filename,labels\n" + b"a.jpg,cat\n" * 9000 + b"b.jpg,caf\xe9\n",
            {},
            re.compile(r"labels\.csv is not UTF-8 text near line \d{4}; save it as UTF-8, or .* cp1252"),
        ),
        (
            'filename,labels\na.jpg,"cat\n',
            {},
            "row 2 of labels.csv cannot be read (unexpected end of data); check its quotes",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, text, options, message):
    said = refusal(write(tmp_path, text), **options)
    assert message.fullmatch(said) if isinstance(message, re.Pattern) else said == message


def test_a_long_header_is_not_printed_whole(tmp_path):
    header = ",".join(["filename", *(f"c{number}" for number in range(30))])
    assert "'c18' and 11 more; name the column" in refusal(write(tmp_path, f"{header}\n{'0,' * 30}0\n"))


def test_a_folder_offers_the_tables_that_name_photos(tmp_path):
    write(tmp_path, "class,count\ncat,3\n", name="counts.csv")
    write(tmp_path, "", name="empty.csv")
    write(tmp_path, "a.jpg\n", name="list.txt")
    assert Table().candidates(tmp_path) == []
    write(tmp_path, "Image,x\na.jpg,cat\n", name="B.TSV")
    assert Table().candidates(tmp_path) == [tmp_path / "B.TSV"]
    assert Table(filename="class").candidates(tmp_path) == [tmp_path / "counts.csv"]
    assert Table().candidates(tmp_path / "list.txt") == [tmp_path / "list.txt"]


def test_many_labels_come_out_sorted_whatever_the_order_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("polytag.data.readers.base.ROWS_AT_ONCE", 7)
    random = np.random.default_rng(0)
    names = [f"label {number}" for number in random.permutation(40)]
    truth = [sorted(random.choice(names, random.integers(0, 6), replace=False).tolist()) for _ in range(60)]
    photos = [f"{row}.jpg" for row in range(60)]
    rows = [f"{photo},{';'.join(reversed(labels))}" for photo, labels in zip(photos, truth, strict=True)]
    data = Table().read(write(tmp_path, "\n".join(["filename,labels", *rows]), " ".join(photos)))
    assert data.classes == tuple(sorted({name for labels in truth for name in labels}))
    assert labels_of(data) == [tuple(labels) for labels in truth]
