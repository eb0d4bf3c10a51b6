"""What `polytag longtail` promises: a table with a long tail that can be trained on at once."""

import numpy as np
import pytest
from photo_folder import make_photos

from polytag.cli import main
from polytag.data.open import open_data


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return make_photos(tmp_path / "photos", items=120)


def test_a_table_is_written_with_its_splits(photos, tmp_path, capsys):
    assert main(["longtail", str(photos), "--imbalance", "8", "--seed", "1"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0].split() == ["label", "photos", "in", "DATA", "for", "training"]
    assert (
        "    polytag train longtail.csv --method collaborative --method.length photos --loss weighted_bce"
        in shown.out.splitlines()
    )
    assert "long tail, seed 1: " in shown.err
    data = open_data(tmp_path / "longtail.csv")
    counts = np.sort(data.labels.select(np.flatnonzero(data.split == 0)).counts().present)
    assert counts[-1] >= 3 * counts[0]
    assert {0, 1, 2} == set(data.split.tolist())


def test_where_there_is_no_test_it_says_what_a_training_makes_of_that(photos, tmp_path, capsys):
    header, *rows = (photos / "labels.csv").read_text().splitlines()
    (photos / "all.csv").write_text("\n".join([f"{header},split", *(f"{row},train" for row in rows)]))
    assert main(["longtail", str(photos / "all.csv"), "--imbalance", "2", "-o", str(tmp_path / "lt.csv")]) == 0
    assert "there are no test photos, so a training takes val for them" in capsys.readouterr().err


def test_a_published_list(photos, tmp_path, capsys):
    (tmp_path / "list.txt").write_text("photo03\nphoto01\n\n")
    assert main(["longtail", str(photos), "--photos", "list.txt", "--test", str(photos), "-o", "sub/new.csv"]) == 0
    assert "published list: 2 training photos, 118 test photos" in capsys.readouterr().err


def test_refusals(photos, refused):
    assert main(["longtail", str(photos)]) == 0
    assert refused("longtail", photos) == ("longtail.csv exists; choose another file with --out, or --overwrite it")
    assert refused("longtail", photos, "--overwrite", "--test", photos) == (
        "--test goes with --photos, a published list; without one the test of DATA is kept"
    )
    assert refused("longtail", photos, "--overwrite", "--photos", "no.txt", "--seed", "4") == (
        "--imbalance and --seed make a list, and --photos names one; leave one of both away"
    )
    assert refused("longtail", photos, "--overwrite", "--photos", "no.txt") == (
        "cannot read no.txt: No such file or directory; name another file"
    )
