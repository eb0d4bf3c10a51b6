"""Damaged label files: whatever is cut, doubled or replaced in one, it is read, or refused in one sentence."""

import copy
import json
import random

import pyarrow
import pyarrow.parquet
import pytest
from label_files import write

from polytag.data.readers import READERS
from polytag.errors import DataError

COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "annotations": [{"id": 5, "image_id": 1, "category_id": 3}, {"id": 6, "image_id": 2, "category_id": 4}],
    "categories": [{"id": 3, "name": "cat"}, {"id": 4, "name": "dog"}],
}
OPENMMLAB = {
    "metainfo": {"classes": ["cat", "dog"]},
    "data_list": [{"img_path": "a.jpg", "gt_label": [0, 1]}, {"img_path": "b.jpg", "gt_label": 1}],
}
DATUMARO = {
    "categories": {"label": {"labels": [{"name": "cat"}, {"name": "dog"}]}},
    "items": [
        {"id": "a", "annotations": [{"type": "label", "label_id": 0}], "image": {"path": "a.jpg"}},
        {"id": "b", "annotations": [{"type": "label", "label_id": 1}], "media": {"path": "b.jpg"}},
    ],
}
FULL = [
    {
        "id": number,
        "data": {"image": f"/data/upload/1/1a2b3c4d-{name}.jpg", "text": "http://x.org/?d=1"},
        "annotations": [
            {"was_cancelled": False, "result": [{"type": "choices", "from_name": "t", "value": {"choices": ["cat"]}}]},
            {"was_cancelled": False, "result": [{"type": "choices", "from_name": "t", "value": {"choices": ["dog"]}}]},
        ],
    }
    for number, name in enumerate("ab")
]
FULL[0]["annotations"].pop()
MIN = [
    {"id": 1, "image": "gs://x/a.jpg", "choice": "cat", "annotation_id": 3},
    {"id": 2, "image": "s3://x/b.jpg", "tags": {"choices": ["cat", "dog"]}, "annotation_id": 4},
]
CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><meta><task><labels><label><name>cat</name></label><label><name>dog</name></label></labels></task></meta>
<image id="0" name="a.jpg" subset="Train"><tag label="cat"/></image>
<image id="1" name="b.jpg"><box label="dog" xtl="1"/></image></annotations>
"""
LINES = [
    {"classes": ["cat", "dog"], "unlisted": "absent"},
    {"file_name": "a.jpg", "labels": {"cat": 1, "dog": None}, "split": "train", "p": 1},
    {"file_name": "b.jpg", "labels": ["dog"], "unknown": ["cat"], "split": "val", "p": 2},
]

FILES = {
    "table": [("labels.csv", 'filename,labels,unknown,split\na.jpg,cat;dog,,train\nb.jpg,"cat",dog,val\n')],
    "one_hot": [("labels.csv", "filename,cat,dog,split\na.jpg,1,0,train\nb.jpg,-1,1.0,val\n")],
    "long": [("labels.csv", "ImageID,LabelName,Confidence\na.jpg,cat,1\nb.jpg,cat,0\nb.jpg,dog,1\n")],
    "vertex": [("labels.csv", "TRAINING,gs://x/a.jpg,cat,dog\nUNASSIGNED,gs://x/b.jpg\n")],
    "jsonl": [("labels.jsonl", "\n".join(map(json.dumps, LINES)))],
    "coco": [("labels.json", json.dumps(COCO))],
    "openmmlab": [("labels.json", json.dumps(OPENMMLAB))],
    "datumaro": [("labels.json", json.dumps(DATUMARO))],
    "label_studio": [("labels.json", json.dumps(FULL)), ("labels.json", json.dumps(MIN))],
    "cvat": [("labels.xml", CVAT)],
}
ODD = [None, True, 0, -1, 1.5, float("nan"), 10**30, "", " ", "\n", "\0", "\ud800", "../x", "http://[", [], [[]], {}]
ODD += [["x", None], {"a": 1}, {"path": 3}, {"choices": None}, "x" * 300]


def read(name, path):
    """Whether a file is read; if not, it is refused in one sentence."""
    reader, data, said = READERS[name](), None, ""
    try:
        reader.candidates(path)
        reader.candidates(path.parent)
        data = reader.read(path)
    except DataError as error:
        said = str(error)
    notes = data.notes if data else ()
    assert not [text for text in (said, *notes) if "\n" in text or len(text) > 2000]
    return data is not None and len(data.labels.dense()) == len(data)


def damaged(content, seed):
    """``content`` with a part of it cut, removed, doubled, or replaced by other bytes."""
    draw = random.Random(seed)
    first = draw.randrange(len(content))
    span = slice(first, min(len(content), first + draw.randrange(1, 12)))
    other = bytes(draw.choice(b'\0\n\r",;[{}\xff\xc3x0 ') for _ in range(span.stop - first))
    return (
        content[:first],
        content[:first] + content[span.stop :],
        content[: span.stop] + content[span] + content[span.stop :],
        content[:first] + other + content[span.stop :],
    )[seed % 4]


def replaced(content, seed):
    """A copy of a JSON value with one value in it replaced by an odd one, or removed."""
    draw, content = random.Random(seed), copy.deepcopy(content)
    places = list(_places(content))
    parent, key = draw.choice(places)
    if draw.random() < 0.2:
        del parent[key]
    else:
        parent[key] = draw.choice(ODD)
    return content


def _places(value):
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


@pytest.mark.parametrize("name", FILES)
def test_damaged_bytes_are_read_or_refused(tmp_path, name):
    for file, content in FILES[name]:
        path = write(tmp_path, file, content, "a.jpg b.jpg")
        assert read(name, path)
        fates = [read(name, write(tmp_path, file, damaged(content.encode(), seed))) for seed in range(200)]
        assert 0 < sum(fates) < 200


@pytest.mark.parametrize("name", ["coco", "openmmlab", "datumaro", "label_studio"])
def test_odd_values_in_documents_are_read_or_refused(tmp_path, name):
    for file, content in FILES[name]:
        whole = json.loads(content)
        fates = [read(name, write(tmp_path, file, replaced(whole, seed), "a.jpg b.jpg")) for seed in range(150)]
        assert 0 < sum(fates) < 150
        for odd in ODD:
            read(name, write(tmp_path, file, json.dumps(odd)))


def test_odd_values_in_lines_are_read_or_refused(tmp_path):
    for seed in range(150):
        lines = "\n".join(map(json.dumps, replaced(LINES, seed)))
        read("jsonl", write(tmp_path, "labels.jsonl", lines, "a.jpg b.jpg"))


def test_damaged_parquet_is_read_or_refused(tmp_path):
    path = write(tmp_path, "labels.parquet", "", "a.jpg b.jpg")
    columns = {"file_name": ["a.jpg", "b.jpg"], "labels": [["cat", "dog"], ["dog"]], "unknown": [[], ["cat"]]}
    declared = json.dumps({"classes": ["cat", "dog"], "unlisted": "absent"})
    pyarrow.parquet.write_table(pyarrow.table(columns).replace_schema_metadata({"polytag": declared}), path)
    content = path.read_bytes()
    assert read("parquet", path)
    for seed in range(200):
        path.write_bytes(damaged(content, seed))
        read("parquet", path)
