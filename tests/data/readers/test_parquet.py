"""What Parquet promises: lists of names, declarations in its metadata, and every odd row named."""

import builtins

import pyarrow
import pyarrow.parquet
import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.readers import Parquet
from polytag.errors import OptionError


def table(folder, columns, metadata=None, photos="a.jpg b.jpg"):
    path = write(folder, "labels.parquet", "", photos)
    content = pyarrow.table(columns)
    pyarrow.parquet.write_table(content.replace_schema_metadata(metadata) if metadata else content, path)
    return path


PHOTOS = {"file_name": ["a.jpg", "b.jpg"]}


def test_lists_of_names_and_columns_for_splits_and_groups(tmp_path):
    columns = PHOTOS | {"labels": [["dog", "cat"], []], "split": ["train", None], "patient": [7, 8]}
    data = Parquet(group_by="patient").read(table(tmp_path, columns))
    assert names_and_labels(data) == [("a.jpg", ("cat", "dog")), ("b.jpg", ())]
    assert data.split.tolist() == [0, -1]
    assert data.groups.tolist() == [0, 1]
    assert data.notes == (
        "labels.parquet: photos from 'file_name', 2 labels from 'labels'",
        "splits from column 'split': 1 train, 1 in none",
        "2 groups from column 'patient'",
    )


def test_options_name_columns_and_the_folder(tmp_path):
    columns = {"where": ["a.jpg", "b.jpg"], "what": ["cat", "dog"], "part": ["dev", "test"]}
    path = table(tmp_path, columns, photos="there/a.jpg there/b.jpg")
    data = Parquet(filename="where", labels="what", split="part", images=str(tmp_path / "there")).read(path)
    assert names_and_labels(data) == [("a.jpg", ("cat",)), ("b.jpg", ("dog",))]
    assert data.split.tolist() == [1, 2]


def test_absent_labels_make_the_others_unknown(tmp_path):
    columns = PHOTOS | {"labels": [["cat"], ["dog"]], "absent": [["dog"], []]}
    data = Parquet().read(table(tmp_path, columns))
    assert data.labels.dense().tolist() == [[1, 0], [-1, 1]]
    assert data.notes[1:] == ("labels that are not listed are unknown",)
    both = Parquet().read(table(tmp_path, columns | {"unknown": [[], ["cat"]]}))
    assert both.labels.dense().tolist() == [[1, 0], [-1, 1]]
    assert both.labels.default == "absent"
    assert Parquet(unlisted="absent").read(table(tmp_path, columns)).labels.dense().tolist() == [[1, 0], [0, 1]]


def test_an_object_says_what_is_absent_and_what_is_unknown(tmp_path):
    columns = PHOTOS | {"labels": [{"cat": 1, "dog": None}, {"cat": 0, "dog": 1}]}
    assert Parquet().read(table(tmp_path, columns)).labels.dense().tolist() == [[1, -1], [0, 1]]


def test_metadata_declares_the_labels_and_what_is_not_listed(tmp_path):
    declared = {"polytag": '{"classes": ["dog", "cat"], "unlisted": "unknown"}'}
    data = Parquet().read(table(tmp_path, PHOTOS | {"labels": [["cat"], []]}, declared))
    assert data.classes == ("dog", "cat")
    assert data.labels.dense().tolist() == [[-1, 1], [-1, -1]]


def test_tables_longer_than_a_batch(tmp_path, monkeypatch):
    monkeypatch.setattr("polytag.data.readers.parquet.ROWS_AT_ONCE", 2)
    names = [f"{number}.jpg" for number in range(5)]
    path = table(tmp_path, {"image": names, "labels": [[name] for name in names]}, photos=" ".join(names))
    assert names_and_labels(Parquet().read(path)) == [(name, (name,)) for name in names]


@pytest.mark.parametrize(
    ("columns", "metadata", "message"),
    [
        (PHOTOS, None, "labels.parquet names no labels; it has 'file_name'; name the key with --reader.labels"),
        (
            {"labels": [["cat"]]},
            None,
            "labels.parquet names no photo; it has 'labels'; name the key with --reader.filename",
        ),
        (
            {"file_name": ["a.jpg", None], "labels": [["cat"], []]},
            None,
            "row 2 of labels.parquet needs a file name as its 'file_name'; fill it in or remove the entry",
        ),
        (
            PHOTOS | {"labels": [b"cat", b"dog"]},
            None,
            "row 1 of labels.parquet needs a list of names as its 'labels', got b'cat'; correct it",
        ),
        (
            PHOTOS | {"labels": [[0.5], []]},
            None,
            "row 1 of labels.parquet needs a list of names as its 'labels', got [0.5]; correct it",
        ),
        (
            {"file_name": pyarrow.array([], "str"), "labels": pyarrow.array([], "str")},
            None,
            "labels.parquet lists no photos; add an entry for each photo",
        ),
        (
            PHOTOS | {"labels": ["cat", "dog"]},
            {"polytag": "{"},
            "the declaration in the metadata of labels.parquet is not valid JSON "
            "(Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); write the file again",
        ),
        (
            PHOTOS | {"labels": ["cat", "dog"]},
            {"polytag": "[]"},
            "the declaration in the metadata of labels.parquet is []; it must be an object with classes and unlisted",
        ),
        (
            PHOTOS | {"labels": ["cat", "dog"]},
            {"polytag": '{"classes": "cat"}'},
            "the declaration in the metadata of labels.parquet needs a list of names as its 'classes', "
            "got 'cat'; correct it",
        ),
        (
            PHOTOS | {"labels": ["cat", "dog"]},
            {"polytag": '{"unlisted": 1}'},
            "the declaration in the metadata of labels.parquet has unlisted 1; use absent or unknown",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, columns, metadata, message):
    assert refusal(Parquet(), table(tmp_path, columns, metadata)) == message


def test_another_file_is_refused(tmp_path):
    said = refusal(Parquet(), write(tmp_path, "labels.parquet", "file_name,labels\n"))
    assert said.startswith("labels.parquet cannot be read as Parquet (Parquet magic bytes not found in footer. ")
    assert said.endswith("; write it again")


def test_pages_that_are_damaged_are_refused(tmp_path):
    path = table(tmp_path, PHOTOS | {"labels": [["cat"], ["dog"]]})
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 60 + content[64:])
    said = refusal(Parquet(), path)
    assert said.startswith("labels.parquet cannot be read as Parquet (")


def test_without_pyarrow_its_installation_is_named(tmp_path, monkeypatch):
    path, whole = table(tmp_path, PHOTOS | {"labels": ["cat", "dog"]}), builtins.__import__

    def without(name, *rest):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return whole(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    assert refusal(Parquet(), path, OptionError) == (
        'Parquet needs pyarrow; install it with pip install "polytag[parquet]"'
    )


def test_refuses_another_fate_for_what_is_not_listed():
    with pytest.raises(OptionError, match=r"^unlisted must be one of auto, absent, unknown, got 'present'$"):
        Parquet(unlisted="present")


def test_null_and_labels_in_one_text_are_refused_until_it_is_said_what_they_are(tmp_path):
    path = table(tmp_path, PHOTOS | {"labels": [["cat"], None]})
    assert refusal(Parquet(), path).startswith("row 2 of labels.parquet has null as its 'labels'; write [] where")
    path = table(tmp_path, PHOTOS | {"labels": ["cat|dog", "dog"]})
    assert refusal(Parquet(), path).startswith("row 1 of labels.parquet has the text 'cat|dog' as its 'labels'; write")
    assert Parquet(delimiter="|").read(path).labels.dense().tolist() == [[1, 1], [0, 1]]
