"""What a table with a column for each label promises: 1 and 0 are known, everything else is unknown or refused."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import OneHot
from polytag.errors import DataError, OptionError


def test_columns_are_classes_in_their_order(tmp_path):
    path = write(tmp_path, "labels.csv", "filename,dog,cat\na.jpg,1,0\nb.jpg,1,1\n", "a.jpg b.jpg")
    data = OneHot().read(path)
    assert data.classes == ("dog", "cat")
    assert data.labels.dense().tolist() == [[1, 0], [1, 1]]
    assert data.split is None
    assert data.groups is None
    assert data.notes == ("labels.csv: photos and 2 columns of labels",)


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1", 1), ("0", 0), ("1.0", 1), ("0.0", 0), ("-1", -1), ("-1.0", -1), ("", -1), (" ", -1), ("nan", -1)]
    + [("NaN", -1), ("NA", -1), ("True", 1), ("false", 0), (" 1", 1)],
)
def test_what_a_cell_says(tmp_path, cell, value):
    path = write(tmp_path, "labels.csv", f"filename,cat,dog\na.jpg,{cell},1\nb.jpg,0,0\n", "a.jpg b.jpg")
    assert OneHot().candidates(tmp_path) == [path]
    assert OneHot().read(path).labels.dense().tolist() == [[value, 1], [0, 0]]


def test_marks_of_chexpert_keep_what_is_unknown(tmp_path):
    text = "Path,Edema,Pneumonia,Fracture\na.jpg,1.0,-1.0,\nb.jpg,0.0,,1.0\n"
    path = write(tmp_path, "train.csv", text, "a.jpg b.jpg")
    data = OneHot().read(path)
    assert data.labels.dense().tolist() == [[1, -1, -1], [0, -1, 1]]
    assert data.notes[1:] == ("1 cell is -1: read as unknown", "2 cells are empty: read as unknown")
    assert OneHot(blank="absent").read(path).labels.dense().tolist() == [[1, -1, 0], [0, 0, 1]]
    assert OneHot(blank="absent").read(path).notes[-1] == "1 cell is -1: read as unknown"
    assert OneHot(negative="present").read(path).labels.dense().tolist() == [[1, 1, -1], [0, -1, 1]]
    assert OneHot(blank="absent", negative="absent").read(path).notes == ("train.csv: photos and 3 columns of labels",)


@pytest.mark.parametrize(("cell", "option", "said"), [("-1", "negative", "-1"), ("", "blank", "empty")])
def test_a_table_in_which_nothing_is_absent_is_read_only_as_one_says(tmp_path, cell, option, said):
    text = f"image_id,Bald,Male\na.jpg,{cell},1\nb.jpg,1,{cell}\n"
    path = write(tmp_path, "attributes.csv", text, "a.jpg b.jpg")
    assert refusal(OneHot(), path) == (
        f"attributes.csv has cells that are 1 and {said}, and none that says absent; "
        f"choose --reader.{option} absent, or unknown where nobody looked"
    )
    assert OneHot(**{option: "absent"}).read(path).labels.dense().tolist() == [[0, 1], [1, 0]]
    assert OneHot(**{option: "unknown"}).read(path).labels.dense().tolist() == [[-1, 1], [1, -1]]


def test_metadata_is_refused_until_it_is_ignored(tmp_path):
    text = "filename,age,sex,cat,dog,hat\na.jpg,1,F,1,0,0\nb.jpg,68,M,0,1,1\n"
    path = write(tmp_path, "labels.csv", text, "a.jpg b.jpg")
    assert refusal(OneHot(ignore=("sex",)), path) == (
        "row 3 of labels.csv has '68' in column 'age', which is not 1, 0, -1 or empty; "
        "leave the column out with --reader.ignore 'age'"
    )
    assert OneHot(ignore=("sex", "age")).read(path).classes == ("cat", "dog", "hat")


def test_columns_without_a_name_are_no_labels(tmp_path):
    path = write(tmp_path, "labels.csv", ",filename,cat,\n0,a.jpg,1,\n1,b.jpg,0,\n", "a.jpg b.jpg")  # numbers of pandas
    assert OneHot().candidates(tmp_path) == [path]
    assert OneHot().read(path).classes == ("cat",)
    assert len(OneHot().read(path).notes) == 1


def test_splits_and_groups_are_columns(tmp_path):
    text = "x,photo,part,cat,dog\n7,a.jpg,train,1,0\n8,b.jpg,dev,0,1\n7,c.jpg,,0,1\n"
    path = write(tmp_path, "labels.csv", text, "a.jpg b.jpg c.jpg")
    data = OneHot(filename="photo", split="part", group_by="x").read(path)
    assert data.classes == ("cat", "dog")
    assert data.split.tolist() == [0, 1, -1]
    assert data.groups.tolist() == [0, 1, 0]
    assert data.notes[1:] == ("splits from column 'part': 1 train, 1 val, 1 in none", "2 groups from column 'x'")


def roboflow(folder, tables):
    for split, text in tables.items():
        photos = [line.split(",")[0] for line in text.splitlines()[1:]]
        write(folder, f"{split}/_classes.csv", text, " ".join(f"{split}/{photo}" for photo in photos))
    return folder


def test_a_table_in_each_split_is_one_set(tmp_path):
    header = "filename, traffic light, cat\n"
    roboflow(tmp_path, {"valid": f"{header}a.jpg, 0, 1\n", "train": f"{header}a.jpg, 1, 0\nb.jpg, 0, 0\n"})
    data = open_data(tmp_path)
    assert names_and_labels(data) == [
        ("train/a.jpg", ("traffic light",)),
        ("train/b.jpg", ()),
        ("valid/a.jpg", ("cat",)),
    ]
    assert data.split.tolist() == [0, 0, 1]
    assert data.notes == (
        "train, valid: _classes.csv in each: photos and 2 columns of labels",
        "splits from the names of the folders: 2 train, 1 val",
    )
    assert OneHot(images=str(tmp_path)).read(tmp_path).fingerprint() == data.fingerprint()
    assert names_and_labels(open_data(tmp_path / "valid" / "_classes.csv")) == [("a.jpg", ("cat",))]


def test_tables_of_splits_must_agree(tmp_path):
    roboflow(tmp_path, {"train": "filename,cat\na.jpg,1\n", "test": "filename,dog\nb.jpg,1\n"})
    with pytest.raises(DataError) as caught:
        OneHot().read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/test/_classes.csv and {tmp_path}/train/_classes.csv differ in their columns of labels; "
        "give both the same"
    )


def test_a_bad_row_is_named_with_its_split(tmp_path):
    roboflow(tmp_path, {"train": "filename,cat\na.jpg,1\n", "test": "filename,cat\nb.jpg,1\nb.jpg,0\n"})
    with pytest.raises(DataError) as caught:
        OneHot().read(tmp_path)
    assert str(caught.value) == (
        "'test/b.jpg' is listed twice, by row 2 of test/_classes.csv and by row 3 of test/_classes.csv; "
        "keep one of them"
    )


def test_encodings_of_all_parts_are_noted(tmp_path):
    roboflow(tmp_path, {"train": "filename,cat\na.jpg,1\n", "test": "filename,cat\nb.jpg,1\n"})
    table = tmp_path / "test" / "_classes.csv"
    table.write_text(table.read_text(), encoding="utf-16")
    assert OneHot().read(tmp_path).notes[-1] == "splits from the names of the folders: 1 train, 1 test"
    assert "_classes.csv is read as utf-16" in OneHot().read(tmp_path).notes


def test_labels_that_look_alike_are_noted(tmp_path):
    path = write(tmp_path, "labels.csv", "filename,Cat,cat\na.jpg,1,0\n", "a.jpg")
    assert OneHot().read(path).notes[-1] == "labels 'Cat' and 'cat' differ only by case and are kept apart"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "filename,cat\na.jpg,2\n",
            {},
            "row 2 of labels.csv has '2' in column 'cat', which is not 1, 0, -1 or empty; ",
        ),
        ("filename,cat,dog\na.jpg,1,0\nb.jpg,1\n", {}, "row 3 of labels.csv has 2 cells where the header has 3; "),
        (
            "filename,cat\na.jpg,1\n",
            {"ignore": ("age",)},
            "labels.csv has no column 'age'; it has 'filename', 'cat'; correct --reader.ignore",
        ),
        (
            "filename,cat\na.jpg,1\n",
            {"ignore": ("cat",)},
            "labels.csv has no column of labels; it has 'filename', 'cat'; add one for each label",
        ),
        (
            "filename,cat\na.jpg,1\n",
            {"group_by": "patient"},
            "labels.csv has no column 'patient'; it has 'filename', 'cat'; correct --reader.group-by",
        ),
        ("filename,cat,cat\na.jpg,1,0\n", {}, "labels.csv has two columns called 'cat'; rename one of them"),
        (
            "filename,caf\u00e9,cafe\u0301\na.jpg,1,0\n",
            {},
            "labels.csv declares the label 'cafe\u0301' twice or without a name; give each its own name",
        ),
        ("number,cat\n7,1\n", {}, "labels.csv has no column of file names; it has 'number', 'cat'; "),
        ("a.jpg,1,0\n", {}, "labels.csv begins with a photo; its first line must name the columns, such as "),
        ("filename,cat\n", {}, "labels.csv has a header and no rows; add a row for each photo"),
        (
            "filename,cat\n,1\n",
            {},
            "row 2 of labels.csv has nothing in column 'filename'; fill it in or remove the row",
        ),
        (
            "filename,cat\na.jpg,1\na.jpg,1\n",
            {},
            "'a.jpg' is listed twice, by row 2 of labels.csv and by row 3 of labels.csv; keep one of them",
        ),
        (
            "filename,cat\na.jpg,0\n",
            {},
            "labels.csv has 1 photos and no label on any of them; check where it has its labels",
        ),
        (
            "filename,cat,split\na.jpg,1,holdout\n",
            {},
            "row 2 of labels.csv has the split 'holdout'; use train, val or test",
        ),
        (
            "filename,cat,p\na.jpg,1, \n",
            {"group_by": "p"},
            "row 2 of labels.csv has nothing in column 'p'; fill it in or remove the row",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, text, options, message):
    said = refusal(OneHot(**options), write(tmp_path, "labels.csv", text, "a.jpg"))
    assert said.startswith(message)
    assert message.endswith(" ") or said == message


def test_a_folder_without_tables_of_splits_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        OneHot().read(tmp_path)
    assert str(caught.value) == f"{tmp_path} has no _classes.csv in train, valid or test; name the table"


@pytest.mark.parametrize("option", ["blank", "negative"])
def test_refuses_another_state(option):
    with pytest.raises(OptionError, match=rf"^{option} must be one of auto, unknown, present, absent, got 'maybe'$"):
        OneHot(**{option: "maybe"})
