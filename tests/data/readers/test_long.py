"""What a table with a row for each label promises: rows in any order, and nothing guessed that no row says."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.readers import Long
from polytag.errors import OptionError

HEADER = "ImageID,Source,LabelName,Confidence\n"


def table(folder, rows, photos="a.jpg b.jpg c.jpg", header=HEADER):
    return write(folder, "labels.csv", header + rows, photos)


def test_rows_of_a_photo_need_not_stand_together(tmp_path):
    rows = "b.jpg,human,dog,1\na.jpg,human,cat,1\nb.jpg,human,cat,1\nb.jpg,machine,dog,1\na.jpg,human,,\n"
    data = Long().read(table(tmp_path, rows))
    assert names_and_labels(data) == [("b.jpg", ("cat", "dog")), ("a.jpg", ("cat",))]
    assert data.labels.default == "absent"
    assert data.split is None
    assert data.groups is None
    assert data.notes == (
        "labels.csv: photos from column 'ImageID', 2 labels from column 'LabelName', one a row",
        "labels that are not listed are absent, since no absent label is listed",
    )


def test_where_absent_labels_are_listed_all_others_are_unknown(tmp_path):
    data = Long().read(table(tmp_path, "a.jpg,x,cat,1\na.jpg,x,dog,0\nb.jpg,x,dog,1.0\nb.jpg,x,hat,0.0\n"))
    assert data.classes == ("cat", "dog", "hat")
    assert data.labels.dense().tolist() == [[1, 0, -1], [-1, 1, 0]]
    assert data.notes[-1] == "labels that are not listed are unknown, since an absent label is listed"


@pytest.mark.parametrize(("unlisted", "value"), [("absent", 0), ("unknown", -1)])
def test_what_is_not_listed_can_be_said(tmp_path, unlisted, value):
    data = Long(unlisted=unlisted).read(table(tmp_path, "a.jpg,x,cat,1\na.jpg,x,dog,0\nb.jpg,x,dog,1\n"))
    assert data.labels.dense().tolist() == [[1, 0], [value, 1]]
    assert len(data.notes) == 1


@pytest.mark.parametrize("cell", ["", " ", "-1", "-1.0", "nan", "NaN"])
def test_labels_of_unknown_confidence_are_unknown(tmp_path, cell):
    data = Long().read(table(tmp_path, f"a.jpg,x,cat,1\na.jpg,x,dog,{cell}\nb.jpg,x,dog,1\n"))
    assert data.labels.dense().tolist() == [[1, -1], [0, 1]]


def test_a_label_that_is_present_and_absent_is_unknown(tmp_path):
    data = Long().read(table(tmp_path, "a.jpg,x,cat,1\nb.jpg,x,cat,0\na.jpg,y,cat,0\nb.jpg,x,dog,1\n"))
    assert data.labels.dense().tolist() == [[-1, -1], [0, 1]]
    assert "1 label is said to be present and to be absent: read as unknown" in data.notes
    twice = Long().read(table(tmp_path, "a.jpg,x,cat,1\na.jpg,y,cat,0\na.jpg,x,dog,1\na.jpg,y,dog,0\nb.jpg,y,dog,1\n"))
    assert "2 labels are said to be present and to be absent: read as unknown" in twice.notes


def test_confidences_between_need_a_place_to_cut(tmp_path):
    path = table(tmp_path, "a.jpg,x,cat,0.9\na.jpg,x,dog, 0.5\nb.jpg,x,dog,0.49\nb.jpg,x,cat,-1\n")
    assert refusal(Long(), path) == (
        "row 2 of labels.csv has the confidence 0.9; say with --reader.present-from from where on a label is present"
    )
    assert Long(present_from=0.5).read(path).labels.dense().tolist() == [[1, 1], [-1, 0]]


def test_options_name_columns(tmp_path):
    text = "a.jpg,cat,1,dev,7\nb.jpg,dog,0,test,8\na.jpg,dog,0,dev,7\nc.jpg,,1,,8\n"
    path = table(tmp_path, text, header="where,what,sure,part,patient\n")
    options = {"labels": "what", "confidence": "sure", "split": "part", "group_by": "patient"}
    data = Long(filename="where", **options, images=str(tmp_path)).read(path)
    assert data.labels.dense().tolist() == [[1, 0], [-1, 0], [-1, -1]]  # an empty label: the photo only
    assert data.split.tolist() == [1, 2, -1]
    assert data.groups.tolist() == [0, 1, 1]
    assert data.notes[-2:] == ("splits from column 'part': 1 val, 1 test, 1 in none", "2 groups from column 'patient'")


def test_without_confidences_every_row_is_present(tmp_path):
    path = table(tmp_path, "a.jpg,cat\nb.jpg,dog\na.jpg,dog\n", header="filename,label\n")
    assert Long().candidates(path) == []  # by itself it is a table that lists a photo twice
    assert Long().read(path).labels.dense().tolist() == [[1, 1], [0, 1]]


def test_encodings_and_endings_of_files(tmp_path):
    path = table(tmp_path, "", "a.jpg b.jpg")
    path.write_bytes((HEADER + "a,x,caf\u00e9,1\r\nb,x,Caf\u00e9,1\r\n").encode("cp1252"))
    data = Long(encoding="cp1252").read(path)
    assert names_and_labels(data) == [("a.jpg", ("caf\u00e9",)), ("b.jpg", ("Caf\u00e9",))]
    assert data.notes[1:] == (
        "file names completed with their ending, such as 'a.jpg'",
        "labels.csv is read as cp1252",
        "labels that are not listed are absent, since no absent label is listed",
        "labels 'Caf\u00e9' and 'caf\u00e9' differ only by case and are kept apart",
    )


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            "a.jpg,x,cat,sure\n",
            {},
            "row 2 of labels.csv has 'sure' in column 'Confidence'; a confidence is a number from 0 to 1, or empty",
        ),
        (
            "a.jpg,x,cat,95\n",
            {"present_from": 0.5},
            "row 2 of labels.csv has '95' in column 'Confidence'; a confidence is a number from 0 to 1, or empty",
        ),
        (
            "a.jpg,x,cat,1\n",
            {"confidence": "sure"},
            "labels.csv has no column 'sure'; it has 'ImageID', 'Source', 'LabelName', 'Confidence'; "
            "correct --reader.confidence",
        ),
        ("", {}, "labels.csv has a header and no rows; add a row for each photo"),
        ("a.jpg,x,,1\n", {}, "labels.csv has 1 photos and no label on any of them; check where it has its labels"),
        ("a.jpg,x,cat,0\n", {}, "labels.csv has 1 photos and no label on any of them; check where it has its labels"),
        (
            " ,x,cat,1\n",
            {},
            "row 2 of labels.csv has nothing in column 'ImageID'; fill it in or remove the row",
        ),
        (
            "a.jpg,x,cat,1\na.jpg,y,dog,1\n",
            {"group_by": "Source"},
            "'a.jpg' is in two groups, by row 2 of labels.csv and by row 3 of labels.csv; keep all of its rows in one",
        ),
        (
            "b.jpg,val,cat,1\na.jpg,train,cat,1\nb.jpg,val,cat,1\na.jpg,test,dog,1\n",
            {"split": "Source"},
            "'a.jpg' is in two splits, by row 3 of labels.csv and by row 5 of labels.csv; keep all of its rows in one",
        ),
        ("a.jpg,x,cat,1\n", {"split": "Source"}, "row 2 of labels.csv has the split 'x'; use train, val or test"),
        (
            "a.jpg, ,cat,1\n",
            {"group_by": "Source"},
            "row 2 of labels.csv has nothing in column 'Source'; fill it in or remove the row",
        ),
        (
            "a.jpg,x,c\x07t,1\n",
            {},
            "row 2 of labels.csv has the label 'c\\x07t', with a control character in it; remove that character",
        ),
        (
            "a.jpg,x,cat,1\n../x.jpg,x,cat,1\n",
            {},
            "row 3 of labels.csv names '../x.jpg', which is not inside the data folder; use a path relative to it",
        ),
        (
            "a.jpg,x,cat,1\nx.jpg,x,cat,1\n",
            {},
            "1 of 2 photos are not in DATA: row 3 of labels.csv names 'x.jpg'; "
            "correct the names, or name the folder of the photos with --reader.images",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, rows, options, message):
    assert refusal(Long(**options), table(tmp_path, rows)) == message


def test_refuses_options_out_of_range():
    with pytest.raises(OptionError, match=r"^unlisted must be one of auto, absent, unknown, got 'none'$"):
        Long(unlisted="none")
    with pytest.raises(OptionError, match=r"^present_from must be between 0 and 1, got 50$"):
        Long(present_from=50)
