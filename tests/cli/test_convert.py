"""What `polytag convert` promises: a file that is read back the same, and how to read it."""

import json

import pytest
from photo_folder import make_photos

from polytag.cli import main
from polytag.data.open import open_data


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_photos(tmp_path / "photos", items=6)


@pytest.mark.parametrize(
    ("form", "suffix"), [("csv", "csv"), ("jsonl", "jsonl"), ("parquet", "parquet"), ("coco", "json")]
)
def test_a_file_is_written_and_how_to_read_it_said(photos, tmp_path, capsys, form, suffix):
    assert main(["convert", str(photos), "--to", form]) == 0
    assert open_data(tmp_path / f"labels.{suffix}").labels.dense().tolist() == open_data(photos).labels.dense().tolist()
    assert capsys.readouterr().out.splitlines() == [
        f"6 photos, 3 labels, 0 unknown: written to labels.{suffix}, and read back the same. Have a look at it:",
        f"    polytag inspect labels.{suffix}",
    ]


def test_labels_may_be_chosen_on_the_way(photos, tmp_path, capsys):
    (tmp_path / "new.csv").write_text("old,new\ncat,dog\n")
    (tmp_path / "keep.txt").write_text("dog\n")
    options = ["--rename", "new.csv", "--classes", "keep.txt", "--min-count", "1"]
    assert main(["convert", str(photos), "--to", "coco", "-o", "sub/new.json", *options]) == 0
    assert [each["name"] for each in json.loads((tmp_path / "sub/new.json").read_text())["categories"]] == ["dog"]
    assert f"polytag inspect sub/new.json --images {photos}" in capsys.readouterr().out


def test_one_split_at_a_time(photos, tmp_path):
    table = photos / "labels.csv"
    head, *rows = table.read_text().splitlines()
    parts = ["train", "train", "val", "val", "val", "test"]
    table.write_text("\n".join([f"{head},split", *(f"{row},{part}" for row, part in zip(rows, parts, strict=True))]))
    assert main(["convert", str(photos), "--to", "coco", "--split", "val"]) == 0
    assert len(open_data(tmp_path / "labels.json")) == 3


def test_no_file_in_the_folder_that_is_read_is_written_over(photos, refused):
    table = photos / "labels.csv"
    before = table.read_bytes()
    assert refused("convert", photos, "--to", "csv", "-o", table, "--overwrite") == (
        f"{table} is in DATA, where no file is written over; choose another one"
    )
    assert table.read_bytes() == before
    assert main(["convert", str(photos), "--to", "jsonl", "-o", str(photos / "new.jsonl")]) == 0


def test_refusals(photos, refused):
    assert refused("convert", photos, "--to", "coco", "--split", "val") == (
        "the data says nothing about splits, so there is no val to convert; leave --split away"
    )
    assert refused("convert", photos, "--to", "csv", "-o", "x.json") == (
        "the name of what is written here must end in .csv or .tsv or .txt, got x.json"
    )
    assert refused("convert", photos, "--to", "csv", "-o", photos) == (
        f"{photos} is DATA itself, which is never written to; choose another file"
    )
    assert main(["convert", str(photos), "--to", "csv"]) == 0
    assert refused("convert", photos, "--to", "csv") == (
        "labels.csv exists; choose another file with --out, or --overwrite it"
    )
    assert main(["convert", str(photos), "--to", "csv", "--overwrite"]) == 0
    assert "invalid choice: 'xml'" in refused("convert", photos, "--to", "xml")
