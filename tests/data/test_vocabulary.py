"""What choosing labels promises: renamed, then listed ones kept, then rare ones left out, each with a note."""

import json

import numpy as np
import pytest

from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.vocabulary import choose_labels
from polytag.errors import DataError, OptionError
from polytag.labels import Labels

MATRIX = [[1, 0, 1], [1, 0, 0], [0, 1, -1]]


@pytest.fixture
def data():
    images = ImageArrays(np.zeros((3, 2, 2, 3), np.uint8))
    split, groups = np.array([0, 1, 2], np.int8), np.arange(3)
    return LabelledSet(images, Labels.from_dense(MATRIX, ["boot", "hat", "shoe"]), split, groups, ["read"])


def refusal(data, **options):
    with pytest.raises(DataError) as caught:
        choose_labels(data, **options)
    return str(caught.value)


def test_nothing_is_changed_unasked(data):
    same = choose_labels(data)
    assert same.fingerprint() == data.fingerprint()
    assert same.notes == ("read",)


def test_renamed_then_kept_then_counted(tmp_path, data):
    (tmp_path / "new.csv").write_text("old,new\nboot,shoe\n")
    (tmp_path / "keep.txt").write_text("hat\n\nshoe\n")
    chosen = choose_labels(data, tmp_path / "new.csv", str(tmp_path / "keep.txt"), min_count=2)
    assert chosen.classes == ("shoe",)
    assert chosen.labels.dense().tolist() == [[1], [1], [-1]]
    assert chosen.split.tolist() == [0, 1, 2]
    assert chosen.groups.tolist() == [0, 1, 2]
    assert chosen.notes == (
        "read",
        "1 label renamed by new.csv, 2 are left",
        "2 of 2 labels kept, those of keep.txt",
        "1 label on fewer than 2 photos left out: 'hat'",
    )


def test_the_order_of_the_list_holds(tmp_path, data):
    (tmp_path / "keep.txt").write_text("shoe\nboot")
    assert choose_labels(data, classes=tmp_path / "keep.txt").labels.dense().tolist() == [[1, 1], [0, 1], [-1, 0]]


def test_renames_may_be_json(tmp_path, data):
    (tmp_path / "new.json").write_text(json.dumps({"hat": "", "shoe": "clog"}))
    assert choose_labels(data, tmp_path / "new.json").classes == ("boot", "clog")


@pytest.mark.parametrize(
    ("option", "name", "text", "message"),
    [
        ("classes", "c.txt", "hat\nhats\n", "FILE lists 'hats', which is none of the 3 labels; did you mean 'hat'"),
        ("classes", "c.txt", "hat\nhat\n", "FILE lists 'hat' twice; remove one of them"),
        ("classes", "c.txt", "\n", "FILE lists no labels; write one on each line"),
        ("classes", "c.txt", b"caf\xe9", "FILE is not UTF-8 text; save it as UTF-8"),
        (
            "rename",
            "r.csv",
            "a,b\nhat,cap\n",
            "FILE must begin with the line old,new and have an old name and a new one on each row",
        ),
        ("rename", "r.csv", "old,new\nhat\n", "row 2 of FILE must have an old name and a new one, got 'hat'"),
        ("rename", "r.csv", "old,new\nhat,a\nhat,b\n", "row 3 of FILE renames 'hat' again; remove one of the rows"),
        ("rename", "r.json", "[]", "FILE must be an object of new names by old ones"),
        ("rename", "r.json", "", "FILE is not valid JSON (Expecting value: line 1 column 1 (char 0)); correct it"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path, data, option, name, text, message):
    file = tmp_path / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert refusal(data, **{option: file}).replace(str(file), "FILE") == message


def test_what_leaves_nothing_is_refused(tmp_path, data):
    assert refusal(data, min_count=3) == "no label is on 3 photos or more; lower --min-count"
    missing = tmp_path / "no.txt"
    assert refusal(data, classes=missing) == f"cannot read {missing}: No such file or directory; name another file"
    with pytest.raises(OptionError, match="^min_count must be "):
        choose_labels(data, min_count=-1)


def test_names_are_brought_to_one_unicode_form(tmp_path, data):
    (tmp_path / "new.csv").write_text("old,new\nboot,cafe\u0301\nshoe,caf\u00e9\n")
    (tmp_path / "keep.txt").write_text("cafe\u0301\n")
    chosen = choose_labels(data, tmp_path / "new.csv", tmp_path / "keep.txt")
    assert chosen.classes == ("caf\u00e9",)
    (tmp_path / "new.json").write_text(json.dumps({" boot ": "cafe\u0301"}))
    assert choose_labels(data, tmp_path / "new.json").classes == ("caf\u00e9", "hat", "shoe")
