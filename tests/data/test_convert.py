"""What converting promises: what is read back is what there was, or a refusal, and nothing half done."""

import json
from pathlib import Path

import numpy as np
import pytest

from polytag.data.convert import FORMS, convert
from polytag.data.labelled_set import ImageArrays, ImageFiles, LabelledSet
from polytag.data.open import open_data
from polytag.data.paths import Paths
from polytag.data.readers import Coco, JsonLines, Parquet, Table
from polytag.errors import DataError, OptionError, RunError
from polytag.labels import Labels

LOSSLESS = {"csv": Table, "jsonl": JsonLines, "parquet": Parquet}
NAMES = ("a.jpg", "sub/b, c.jpg", 'd "e".png')


def make(root, matrix, classes, default="absent", split=None, groups=None):
    names = NAMES[: len(matrix)]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    split = None if split is None else np.array(split, np.int8)
    groups = None if groups is None else np.array(groups)
    return LabelledSet(ImageFiles(root, Paths(names)), Labels.from_dense(matrix, classes, default), split, groups)


def by_name(data):
    order = sorted(range(len(data.classes)), key=data.classes.__getitem__)
    return [data.classes[column] for column in order], data.labels.dense()[:, order].tolist()


def whole(data):
    return [str((data.images.root / name).resolve()) for name in data.images.names]


SETS = {
    "plain": ([[1, 0], [1, 1], [0, 1]], ["cat", "polka dot"], "absent"),
    "unknown": ([[1, 0], [-1, 1], [0, -1]], ["cat", "dog"], "absent"),
    "one label a photo": ([[1, 0], [0, 1], [0, 1]], ["polka dot", "striped"], "absent"),
    "order": ([[1, 0], [1, 1], [0, 1]], ["zebra", "ape"], "absent"),
    "separators": ([[1, 0], [1, 1], [0, 1]], ["bird, wild", "a|b"], "absent"),
    "a label nowhere": ([[1, 0, 0], [1, 0, -1], [0, 0, 1]], ["cat", "never", "dog"], "absent"),
    "unlisted is unknown": ([[1, 0], [-1, 1], [0, -1]], ["cat", "dog"], "unknown"),
    "letters": ([[1, 0], [1, 1], [0, 1]], ["=1+1", "žluťoučký <b>"], "absent"),
}


@pytest.mark.parametrize("form", LOSSLESS)
@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("more", [{}, {"split": [0, -1, 2], "groups": [7, 3, 7]}])
def test_what_is_read_back_is_what_there_was(tmp_path, form, name, more):
    data = make(tmp_path, *SETS[name], **more)
    written = convert(data, tmp_path / f"new.{form}", form)
    options = {"group_by": "group"} if more else {}
    options |= {"delimiter": ";"} if any("--reader.delimiter" in each for each in written.options) else {}
    again = LOSSLESS[form](**options).read(written.path)
    assert by_name(again) == by_name(data)
    assert again.labels.default == data.labels.default
    assert whole(again) == whole(data)
    if form != "csv":
        assert again.classes == data.classes
    if more:
        assert again.split.tolist() == [0, -1, 2]
        assert again.groups.tolist() == [0, 1, 0]
        assert written.options[0] == "--group-by group"


def test_a_delimiter_is_named_only_where_it_must_be(tmp_path):
    assert convert(make(tmp_path, *SETS["plain"]), tmp_path / "a.csv", "csv").options == ()
    doubtful = convert(make(tmp_path, *SETS["one label a photo"]), tmp_path / "b.csv", "csv")
    assert doubtful.options == ("--reader.delimiter ';'",)


def test_lines_of_json_have_a_declaration_only_where_it_must_be(tmp_path):
    plain = convert(make(tmp_path, *SETS["plain"]), tmp_path / "a.jsonl", "jsonl").path.read_text().splitlines()
    assert json.loads(plain[0]) == {"file_name": "a.jpg", "labels": ["cat"]}
    ordered = convert(make(tmp_path, *SETS["order"]), tmp_path / "b.jsonl", "jsonl").path.read_text().splitlines()
    assert json.loads(ordered[0]) == {"classes": ["zebra", "ape"], "unlisted": "absent"}


def test_names_start_from_the_file_or_the_photos_are_named(tmp_path):
    data = make(tmp_path / "photos", *SETS["plain"])
    above = convert(data, tmp_path / "new.csv", "csv")
    assert Table().read(above.path).images.name(0) == "photos/a.jpg"
    assert above.options == ()
    (tmp_path / "elsewhere").mkdir()
    beside = convert(data, tmp_path / "elsewhere" / "new.csv", "csv")
    assert beside.options == (f"--images {tmp_path / 'photos'}",)
    assert Table(images=str(tmp_path / "photos")).read(beside.path).images.name(0) == "a.jpg"


def test_coco_has_annotations_without_boxes(tmp_path):
    data = make(tmp_path, *SETS["order"])
    again = Coco().read(convert(data, tmp_path / "new.json", "coco").path)
    assert again.classes == ("zebra", "ape")
    assert by_name(again) == by_name(data)
    assert open_data(tmp_path / "new.json").fingerprint() == again.fingerprint()
    assert json.loads((tmp_path / "new.json").read_text())["annotations"][1] == {
        "id": 2,
        "image_id": 2,
        "category_id": 1,
    }


@pytest.mark.parametrize(
    ("form", "name", "more", "message"),
    [
        ("coco", "unknown", {}, "coco cannot hold 2 unknown labels; use csv, jsonl or parquet"),
        (
            "coco",
            "plain",
            {"split": [0, 1, 1]},
            "coco cannot hold splits in one file; convert one at a time with --split, or use csv",
        ),
        (
            "coco",
            "plain",
            {"groups": [0, 1, 1]},
            "coco cannot hold groups; use csv, jsonl or parquet, or leave --group-by away",
        ),
    ],
)
def test_what_a_format_cannot_hold_is_refused_and_nothing_is_written(tmp_path, form, name, more, message):
    data = make(tmp_path, *SETS[name], **more)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError) as caught:
        convert(data, tmp_path / "new", form)
    assert str(caught.value) == message
    assert sorted(tmp_path.rglob("*")) == before


def test_csv_refuses_what_its_cells_cannot_tell(tmp_path):
    with pytest.raises(DataError, match=r"^csv cannot hold these labels, whose names have ';', '\|' and ',' in them; "):
        convert(make(tmp_path, [[1, 1]], ["a;b", "c|d,e"]), tmp_path / "new.csv", "csv")
    silent = make(tmp_path, [[1, -1], [0, -1]], ["cat", "never"], "unknown")
    with pytest.raises(DataError, match="^csv cannot hold 1 labels of which nothing is known on any photo, such as 'n"):
        convert(silent, tmp_path / "new.csv", "csv")
    assert convert(silent, tmp_path / "new.jsonl", "jsonl").path.is_file()


def test_a_name_that_does_not_come_back_is_refused(tmp_path):
    (tmp_path / " a.jpg").touch()
    data = LabelledSet(ImageFiles(tmp_path, Paths([" a.jpg"])), Labels.from_names([["cat"]]))
    with pytest.raises(DataError, match="^csv does not bring back what was written, such as odd spaces in names; use "):
        convert(data, tmp_path / "new.csv", "csv")
    assert not (tmp_path / "new.csv").exists()


@pytest.mark.parametrize("form", FORMS)
def test_a_name_that_is_no_text_is_refused(tmp_path, form):
    (tmp_path / "caf\udce9.jpg").touch()
    data = LabelledSet(ImageFiles(tmp_path, Paths(["caf\udce9.jpg"])), Labels.from_names([["cat"]]))
    with pytest.raises(DataError, match=f"is not UTF-8, which {form} cannot hold; rename the photo$"):
        convert(data, tmp_path / "new", form)


def test_other_refusals(tmp_path, monkeypatch):
    data = make(tmp_path, *SETS["plain"])
    with pytest.raises(OptionError, match="^form must be one of csv, jsonl, parquet, coco, got 'xml'"):
        convert(data, tmp_path / "new", "xml")
    with pytest.raises(RunError, match="^cannot write "):
        convert(data, Path("/proc/nowhere/new.csv"), "csv")
    arrays = LabelledSet(ImageArrays(np.zeros((1, 2, 2, 3), np.uint8)), Labels.from_names([["cat"]]))
    with pytest.raises(DataError, match="^photos in memory have no files that a table could name; "):
        convert(arrays, tmp_path / "new.csv", "csv")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(OptionError, match=r'^Parquet needs pyarrow; install it with pip install "polytag\[parquet\]"$'):
        convert(data, tmp_path / "new.parquet", "parquet")
    assert set(FORMS) == {"csv", "jsonl", "parquet", "coco"}
