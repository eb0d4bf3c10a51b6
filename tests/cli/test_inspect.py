"""What `polytag inspect` promises: a page for the terminal, one for the browser, a table that keeps copies together."""

import shutil
from hashlib import sha256

import pytest
from photo_folder import make_photos

from polytag.cli import main
from polytag.data.open import open_data
from polytag.data.published import PUBLISHED, Published
from polytag.data.readers import Table


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    folder = make_photos(tmp_path / "photos", items=12)
    shutil.copy(folder / "photo00.png", folder / "copy.png")
    head, first, *rows = (folder / "labels.csv").read_text().splitlines()
    rows = [f"{first},train", *(f"{row},train" for row in rows[:8]), *(f"{row},val" for row in rows[8:])]
    copied = first.replace("photo00", "copy")
    (folder / "labels.csv").write_text("\n".join([f"{head},split", *rows, f"{copied},val"]))
    return folder


def test_what_is_there_and_what_is_wrong_fits_80_columns(photos, capsys):
    assert main(["inspect", str(photos)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "13 photos, 3 labels: 9 train, 4 val"
    assert lines[1].endswith("; head 0, medium 0, tail 3")
    assert lines[3] == "! 1 pair of photos that are the same or overlap is in different splits, which"
    assert lines[4] == "  makes scores too good; keep such photos together"
    assert any(line.split() == ["label", "photos", "train", "val"] for line in lines)
    assert any(line.split() == ["photo00.png", "copy.png", "train,", "val"] for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_a_photo_that_changed_since_its_manifest_is_named(photos, capsys):
    digests = [f"{sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(photos.glob("*.png"))]
    (photos / "photos.sha256").write_text("".join(digests))
    shutil.copy(photos / "photo01.png", photos / "photo02.png")
    assert main(["inspect", str(photos), "--manifest", str(photos / "photos.sha256")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "1 photo cannot be read" in shown
    assert "photo02.png is not the file that the manifest lists" in shown


def test_a_page_is_written(photos, tmp_path, capsys):
    assert main(["inspect", str(photos), "-o", "page.html"]) == 0
    assert "Inspection of photos" in (tmp_path / "page.html").read_text()
    assert "All of it, with drawings and pictures: page.html" in capsys.readouterr().out


def test_a_table_keeps_copies_together(photos, tmp_path, capsys):
    assert main(["inspect", str(photos), "--regroup", "new.csv"]) == 0
    assert "    polytag train new.csv --group-by group" in capsys.readouterr().out.splitlines()
    data = Table(group_by="group").read(tmp_path / "new.csv")
    assert data.split is None
    assert data.groups[0] == data.groups[12]
    assert len(set(data.groups.tolist())) == 12
    assert open_data(tmp_path / "new.csv").labels.dense().tolist() == open_data(photos).labels.dense().tolist()


def test_photos_need_not_be_opened(photos, capsys, refused):
    (photos / "photo03.png").write_bytes(b"")
    assert main(["inspect", str(photos), "--no-photos"]) == 0
    assert "cannot be read" not in capsys.readouterr().out
    assert main(["inspect", str(photos)]) == 0
    assert f"{photos / 'photo03.png'} cannot be read: it is empty" in capsys.readouterr().out
    assert refused("inspect", photos, "--no-photos", "--regroup", "x.csv") == (
        "--no-photos opens no photo, which --regroup and --look-alikes must; choose one"
    )


def test_published_counts_are_compared(photos, capsys, refused):
    assert main(["inspect", str(photos), "--expect", "voc2007"]) == 1
    assert "NO" in capsys.readouterr().out
    assert "voc2007" in refused("inspect", photos, "--expect", "voc2077")


@pytest.mark.parametrize(("train", "status"), [(9, 0), (10, 1)])
def test_the_status_says_whether_the_counts_are_those_published(photos, capsys, monkeypatch, train, status):
    monkeypatch.setitem(PUBLISHED, "toys", Published(3, {"train": train, "val": 4}))
    assert main(["inspect", str(photos), "--expect", "toys"]) == status
    assert capsys.readouterr().out.count("NO") == status


def test_nothing_is_written_over(photos, refused):
    table = photos / "labels.csv"
    before = table.read_bytes()
    assert refused("inspect", table, "--regroup", table) == (
        f"{table} exists; choose another file with --regroup, or --overwrite it"
    )
    assert refused("inspect", table, "--regroup", table, "--overwrite") == (
        f"{table} is DATA itself, which is never written to; choose another file"
    )
    assert refused("inspect", table, "-o", table) == f"--out writes a page, whose name must end in .html, got {table}"
    assert refused("inspect", table, "--regroup", "x.json") == (
        "the name of what is written here must end in .csv or .tsv, got x.json"
    )
    assert refused("inspect", table, "--expect", "voc2007", "--look-alikes") == (
        "--expect compares counts and nothing else; leave --out, --regroup and --look-alikes away"
    )
    assert table.read_bytes() == before


def test_an_option_of_other_readers_is_named(photos, refused):
    assert refused("inspect", photos, "--unlisted", "unknown") == (
        f"--unlisted is for the readers long, jsonl, parquet, open_images, and {photos} is none of these; leave it away"
    )


def test_photos_that_are_not_there_are_all_named(photos, capsys):
    for number in (2, 3, 4, 5):
        (photos / f"photo{number:02d}.png").unlink()
    assert main(["inspect", str(photos)]) == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines() == ["photos that are not there:", *(f"photo0{number}.png" for number in (2, 3, 4, 5))]
    assert shown.err.startswith(f"polytag: 4 of 13 photos are not in {photos}: ")
