"""What JSON Lines promise: lists, objects with unknown labels, declarations, and every odd line named."""

import json

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import JsonLines
from polytag.errors import OptionError


def lines(folder, *records, photos="a.jpg b.jpg c.jpg", name="metadata.jsonl"):
    text = [record if isinstance(record, str) else json.dumps(record) for record in records]
    return write(folder, name, "\n".join(text) + "\n", photos)


def test_lists_of_names_and_one_name(tmp_path):
    path = lines(
        tmp_path,
        {"file_name": "a.jpg", "labels": ["dog", " cat ", "dog"], "split": "train"},
        "",
        {"file_name": "b.jpg", "labels": "cat", "split": "validation"},
        {"file_name": "c.jpg", "labels": [], "width": 3},
    )
    data = open_data(tmp_path)
    assert names_and_labels(data) == [("a.jpg", ("cat", "dog")), ("b.jpg", ("cat",)), ("c.jpg", ())]
    assert data.labels.default == "absent"
    assert data.split.tolist() == [0, 1, -1]
    assert data.notes == (
        "metadata.jsonl: photos from 'file_name', 2 labels from 'labels'",
        "splits from 'split': 1 train, 1 val, 1 in none",
    )
    assert JsonLines().candidates(path) == [path]


def test_an_object_says_what_is_absent_and_what_is_unknown(tmp_path):
    path = lines(
        tmp_path,
        {"image": "a.jpg", "tags": {"cat": 1, "dog": 0, "hat": None}},
        {"image": "b.jpg", "tags": {"cat": True, "dog": False, "hat": -1}},
        '{"image": "c.jpg", "tags": {"cat": NaN, "dog": 1.0}}',
    )
    data = JsonLines().read(path)
    assert data.labels.dense().tolist() == [[1, 0, -1], [1, 0, -1], [-1, 1, -1]]  # a null says nothing of other lines
    assert data.notes[1:] == ("labels that are not listed are unknown",)
    assert JsonLines(unlisted="absent").read(path).labels.dense().tolist() == [[1, 0, -1], [1, 0, -1], [-1, 1, 0]]
    only = lines(tmp_path, {"image": "a.jpg", "tags": {"cat": 1, "hat": None}}, {"image": "b.jpg", "tags": ["hat"]})
    assert JsonLines().read(only).labels.dense().tolist() == [[1, -1], [0, 1]]


def test_where_absent_labels_alone_are_listed_others_are_unknown(tmp_path):
    path = lines(
        tmp_path, {"file_name": "a.jpg", "labels": {"cat": 1, "dog": 0}}, {"file_name": "b.jpg", "labels": "dog"}
    )
    data = JsonLines().read(path)
    assert data.labels.dense().tolist() == [[1, 0], [-1, 1]]
    assert data.notes[1:] == ("labels that are not listed are unknown",)
    assert JsonLines(unlisted="absent").read(path).labels.dense().tolist() == [[1, 0], [0, 1]]


def test_more_lists_of_unknown_and_absent_labels(tmp_path):
    path = lines(
        tmp_path,
        {"file_name": "a.jpg", "labels": ["cat"], "unknown": ["dog"]},
        {"file_name": "b.jpg", "labels": None, "unknown": "cat", "absent": ["dog"]},
    )
    data = JsonLines().read(path)
    assert data.labels.dense().tolist() == [[1, -1], [-1, 0]]
    assert data.notes[1:] == ("labels that are not listed are absent",)


def test_labels_in_one_text_are_cut_only_where_it_is_said(tmp_path):
    record = {"file_name": "a.jpg", "labels": "cat; red hat", "unknown": "dog"}
    path = lines(tmp_path, record, {"file_name": "b.jpg", "labels": "dog"})
    assert refusal(JsonLines(), path) == (
        "line 1 of metadata.jsonl has the text 'cat; red hat' as its 'labels'; write a list of names, or choose what "
        "separates the labels with --reader.delimiter, such as ';'"
    )
    data = JsonLines(delimiter=";").read(path)
    assert data.classes == ("cat", "dog", "red hat")
    assert data.labels.dense().tolist() == [[1, -1, 1], [0, 1, 0]]


def test_null_is_not_taken_for_no_labels(tmp_path):
    path = lines(tmp_path, {"file_name": "a.jpg", "labels": ["cat"]}, {"file_name": "b.jpg", "labels": None})
    assert refusal(JsonLines(), path) == (
        "line 2 of metadata.jsonl has null as its 'labels'; write [] where there are no labels, and remove the entry "
        "where nobody looked"
    )


def test_a_first_line_declares_the_labels_and_what_is_not_listed(tmp_path):
    path = lines(
        tmp_path,
        {"classes": ["hat", "dog", "cat"], "unlisted": "unknown"},
        {"file_name": "a.jpg", "labels": ["cat"], "absent": ["dog"]},
    )
    data = JsonLines().read(path)
    assert data.classes == ("hat", "dog", "cat")
    assert data.labels.dense().tolist() == [[-1, 0, 1]]
    assert JsonLines(unlisted="absent").read(path).labels.dense().tolist() == [[0, 0, 1]]


def test_options_name_keys_and_the_folder(tmp_path):
    record = {"file_name": "x", "labels": [], "where": "a.jpg", "what": [7, "8"], "part": "dev", "patient": 0}
    path = lines(tmp_path, record, photos="there/a.jpg")
    options = {"filename": "where", "labels": "what", "split": "part", "group_by": "patient"}
    data = JsonLines(**options, images=str(tmp_path / "there")).read(path)
    assert names_and_labels(data) == [("a.jpg", ("7", "8"))]  # numbers are names, too
    assert data.split.tolist() == [1]
    assert data.groups.tolist() == [0]
    assert data.notes[1:] == ("splits from 'part': 1 val", "1 group from 'patient'")


def test_an_image_of_hugging_face_is_its_path(tmp_path):
    path = lines(tmp_path, {"image": {"path": "a.jpg", "bytes": None}, "label": ["cat"]})
    assert names_and_labels(JsonLines().read(path)) == [("a.jpg", ("cat",))]


def test_metadata_of_hugging_face_may_be_a_table(tmp_path):
    write(tmp_path, "metadata.csv", "file_name,labels\ntrain/a.jpg,cat|dog\ntrain/b.jpg,\n", "train/a.jpg train/b.jpg")
    assert names_and_labels(open_data(tmp_path)) == [("train/a.jpg", ("cat", "dog")), ("train/b.jpg", ())]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path, encoding):
    path = lines(tmp_path, "", photos="a.jpg")
    path.write_bytes('{"file_name": "a.jpg", "labels": ["caf\u00e9"]}\r\n'.encode(encoding))
    data = JsonLines(encoding="cp1252" if encoding == "cp1252" else "").read(path)
    assert data.classes == ("caf\u00e9",)
    assert data.notes[1:] == (() if encoding == "utf-8-sig" else (f"metadata.jsonl is read as {encoding}",))


GOOD = {"file_name": "a.jpg", "labels": ["cat"]}


@pytest.mark.parametrize(
    ("records", "options", "message"),
    [
        (["", " "], {}, "metadata.jsonl has no entries; add a line for each photo"),
        ([{"classes": ["cat"]}], {}, "metadata.jsonl has no entries; add a line for each photo"),
        (
            ["[", GOOD, "]"],
            {},
            "line 1 of metadata.jsonl is not valid JSON (Expecting value at column 2); "
            "write a whole object on each line",
        ),
        (
            [GOOD, "{]"],
            {},
            "line 2 of metadata.jsonl is not valid JSON (Expecting property name enclosed in double quotes ",
        ),
        (["[" * 100_000], {}, "line 1 of metadata.jsonl is not valid JSON (maximum recursion depth exceeded"),
        (
            [GOOD, ["a.jpg"]],
            {},
            'line 2 of metadata.jsonl is not an object, such as {"file_name": "a.jpg", "labels": ["cat"]}; '
            "write one for each photo",
        ),
        (
            [{"text": "x", "labels": []}],
            {},
            "metadata.jsonl names no photo; it has 'text', 'labels'; name the key with --reader.filename",
        ),
        (
            [{"file_name": "a.jpg", "text": "x"}],
            {},
            "metadata.jsonl names no labels; it has 'file_name', 'text'; name the key with --reader.labels",
        ),
        (
            [GOOD],
            {"group_by": "patient"},
            "metadata.jsonl has no 'patient'; it has 'file_name', 'labels'; correct --reader.group-by",
        ),
        (
            [GOOD, GOOD | {"file_name": 7}],
            {},
            "line 2 of metadata.jsonl needs a file name as its 'file_name'; fill it in or remove the entry",
        ),
        (
            [GOOD, {"file_name": "b.jpg"}],
            {},
            "line 2 of metadata.jsonl has no 'labels'; write [] where there are no labels",
        ),
        (
            [GOOD | {"labels": {"cat": "yes"}}],
            {},
            "line 1 of metadata.jsonl has 'yes' for the label 'cat'; use 1, 0, or -1 for unknown",
        ),
        (
            [GOOD | {"labels": {"cat": [1]}}],
            {},
            "line 1 of metadata.jsonl has [1] for the label 'cat'; use 1, 0, or -1 for unknown",
        ),
        (
            [GOOD | {"labels": [["cat"]]}],
            {},
            "line 1 of metadata.jsonl needs a list of names as its 'labels', got [['cat']]; correct it",
        ),
        (
            [GOOD | {"labels": [True, False]}],
            {},
            "line 1 of metadata.jsonl needs a list of names as its 'labels', got [True, False]; correct it",
        ),
        (
            [GOOD | {"unknown": {"x" * 80: 1}}],
            {},
            f"line 1 of metadata.jsonl needs a list of names as its 'unknown', got {{'{'x' * 55}...; correct it",
        ),
        (
            [GOOD | {"labels": ["cat"], "absent": ["dog", "cat"]}],
            {},
            "line 1 of metadata.jsonl says two things about the label 'cat'; leave one of them",
        ),
        (
            [GOOD | {"p": ""}, GOOD | {"file_name": "b.jpg"}],
            {"group_by": "p"},
            "line 1 of metadata.jsonl has no group; fill it in or remove the entry",
        ),
        ([GOOD | {"split": 3}], {}, "line 1 of metadata.jsonl has the split '3'; use train, val or test"),
        (
            [{"classes": ["cat", 3]}, GOOD],
            {},
            "the first line of metadata.jsonl needs a list of names as its 'classes', got ['cat', 3]; correct it",
        ),
        (
            [{"classes": ["cat"], "unlisted": ["maybe"]}, GOOD],
            {},
            "the first line of metadata.jsonl has unlisted ['maybe']; use absent or unknown",
        ),
        (
            [{"classes": ["dog", "dog "]}, GOOD],
            {},
            "metadata.jsonl declares the label 'dog ' twice or without a name; give each its own name",
        ),
        (
            [{"classes": ["dog"]}, GOOD],
            {},
            "line 2 of metadata.jsonl has the label 'cat', which the file does not declare; declare or correct it",
        ),
        (
            [GOOD | {"labels": ["\ud800"]}],
            {},
            "line 1 of metadata.jsonl has the label '\\ud800', with a control character in it; remove that character",
        ),
        (
            [GOOD, GOOD],
            {},
            "'a.jpg' is listed twice, by line 1 of metadata.jsonl and by line 2 of metadata.jsonl; keep one of them",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, records, options, message):
    said = refusal(JsonLines(**options), lines(tmp_path, *records))
    assert said.startswith(message) if message[-1] in " d" else said == message


def test_a_long_list_of_keys_is_not_printed_whole(tmp_path):
    path = lines(tmp_path, {f"key {number}": 1 for number in range(30)})
    assert "'key 19' and 10 more; name the key" in refusal(JsonLines(), path)


def test_refuses_another_fate_for_what_is_not_listed():
    with pytest.raises(OptionError, match=r"^unlisted must be one of auto, absent, unknown, got 'present'$"):
        JsonLines(unlisted="present")
