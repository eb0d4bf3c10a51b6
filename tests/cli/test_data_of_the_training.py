"""What commands promise that take a run and the data that it was trained on: they read it as the training did."""

import csv
import json
import shutil

import pytest
from photo_folder import QUICK, make_photos

from polytag.cli import main


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table whose photos are of ten patients, and whose label "hat" is called "cap" in the run."""
    folder = make_photos(tmp_path_factory.mktemp("grouped") / "photos")
    rows = list(csv.reader((folder / "labels.csv").read_text(encoding="utf-8").splitlines()))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(
            [[*row, "patient" if number == 0 else f"p{number // 4}"] for number, row in enumerate(rows)]
        )
    (folder / "names.json").write_text('{"hat": "cap"}')
    return folder / "labels.csv"


@pytest.fixture(scope="module")
def grouped(table, tmp_path_factory):
    out = tmp_path_factory.mktemp("grouped") / "run"
    words = ["--group-by", "patient", "--rename", str(table.parent / "names.json"), *QUICK, "--out", str(out)]
    assert main(["train", str(table), *words]) == 0
    return out


def told(run, table):
    names = table.parent / "names.json"
    return f"read as in the training of {run}: --group-by patient --rename {names}\n"


def test_they_split_as_the_training_did(grouped, table, capsys):
    assert main(["evaluate", str(grouped), str(table), "--json"]) == 0
    shown, narrated = capsys.readouterr()
    assert narrated == told(grouped, table)
    values = json.loads(shown)
    expected = json.loads((grouped / "metrics.json").read_text())["test"]
    assert list(values["classes"]) == ["cat", "dog", "cap"]
    assert values["mAP"] == pytest.approx(expected["mAP"], rel=1e-6)


@pytest.mark.parametrize("command", ["tune", "calibrate"])
def test_so_do_those_that_settle_something(command, grouped, table, tmp_path, capsys, monkeypatch):
    run = shutil.copytree(grouped, tmp_path / "run")
    monkeypatch.chdir(table.parent)
    assert main([command, str(run), "labels.csv", "--always"]) == 0  # the same file by another path
    shown, narrated = capsys.readouterr()
    assert narrated == told(run, table)
    assert f"polytag evaluate {run} labels.csv --group-by patient --rename {table.parent / 'names.json'}" in shown


def test_what_is_typed_wins(grouped, table, tmp_path, capsys):
    (tmp_path / "other.json").write_text('{"hat": "cap", "dog": "wolf"}')
    assert main(["evaluate", str(grouped), str(table), "--rename", str(tmp_path / "other.json")]) == 0
    narrated = capsys.readouterr().err.splitlines()
    assert narrated[0] == f"read as in the training of {grouped}: --group-by patient"
    assert "labels of the data that are not among the classes are left out: wolf" in narrated


def test_other_data_is_read_as_it_is(grouped, table, tmp_path, capsys):
    shutil.copytree(table.parent, tmp_path / "new")
    assert main(["evaluate", str(grouped), str(tmp_path / "new" / "labels.csv"), "--split", "all"]) == 0
    assert "read as in the training" not in capsys.readouterr().err


def test_a_run_whose_config_does_not_say_how_reads_as_before(grouped, table, tmp_path, capsys):
    run = shutil.copytree(grouped, tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    for source in (None, [], {"data": 3}, {"group_by": "patient"}):
        config["data"]["source"] = source
        (run / "config.json").write_text(json.dumps(config))
        assert main(["evaluate", str(run), str(table), "--split", "all"]) == 0
        assert "read as in the training" not in capsys.readouterr().err
