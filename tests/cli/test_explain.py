"""What `polytag explain` promises: a picture of where labels are seen, a line for each, and sentences."""

import json

import pytest
from PIL import Image

from polytag.cli import main
from polytag.cli.explain import HIGHEST
from polytag.run import Run


@pytest.fixture(scope="module")
def photo(photos):
    return sorted(photos.glob("*.png"))[0]


@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("JPG", "JPEG"), ("webp", "WEBP")])
def test_draws_a_sheet_and_prints_a_line_a_map(trained, photo, tmp_path, capsys, suffix, kind):
    out = tmp_path / f"new/sheet.{suffix}"
    assert main(["explain", str(trained), str(photo), "--topk", "2", "-o", str(out), "--workers", "0"]) == 0
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 3
    assert told.out.split()[:3] == ["photo", "label", "probability"]
    assert told.err == f"2 heat maps by maps, drawn to {out}\n"
    with Image.open(out) as image:
        assert (image.format, image.width) == (kind, 1200)


def test_labels_may_be_named_there_or_not(trained, photo, tmp_path, capsys):
    labels = Run.open(trained).classes[:2]
    words = [word for label in labels for word in ("--label", label)]
    out = str(tmp_path / "sheet.png")
    assert main(["explain", str(trained), str(photo), *words, "--by", "gradcam", "-o", out, "--columns", "2"]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()[1:]] == list(labels)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-o", "sheet.gif"], "--out must end in .png, .jpg, .jpeg, .webp, got sheet.gif"),
        (["--by", "attention"], "the head Linear has no attention to places; choose maps or gradcam"),
        (["--topk", "1", "--label", "x"], "labels and topk are two ways to say which; give one of them"),
        (["--columns", "1"], "columns must be between 2 and 12, got 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_a_photo_is_read(
    words, sentence, trained, refused, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert refused("explain", trained, "no-such-photo.png", *words) == sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "suffix", "advice"),
    [
        ("WEBP", "webp", "choose .png, or give fewer photos or labels"),
        ("PNG", "png", "give fewer photos or labels"),
    ],
)
def test_a_sheet_too_high_for_its_format_is_refused(
    kind, suffix, advice, run_copy, photo, refused, tmp_path, monkeypatch
):
    monkeypatch.setitem(HIGHEST, kind, 720)
    out = tmp_path / f"sheet.{suffix}"
    sentence = "the sheet would be {} px high, and a .{} may have 720; {}"
    options = ("-o", out, "--columns", "2")
    early = sentence.format("754", suffix, advice)
    assert refused("explain", run_copy, "no-such-photo.png", *options, "--topk", "2") == early
    config = json.loads((run_copy / "config.json").read_text())
    (run_copy / "config.json").write_text(json.dumps(config | {"thresholds": [0.0] * 3}))  # all are tags of the photo
    assert refused("explain", run_copy, photo, *options) == sentence.format("1,082", suffix, advice)
    assert not out.exists()


def test_the_other_photos_are_drawn_where_some_cannot_be_read(trained, photo, tmp_path, capsys):
    out, gone = tmp_path / "sheet.png", tmp_path / "gone.png"
    words = ["explain", str(trained), "--label", "cat", "-o", str(out), "--columns", "2"]
    assert main([*words, str(gone)]) == 1
    assert capsys.readouterr() == ("", f"polytag: {gone} cannot be read: no such file or directory\n")
    assert not out.exists()
    assert main([*words, str(gone), str(photo)]) == 1
    told = capsys.readouterr()
    assert [line.split()[0] for line in told.out.splitlines()] == ["photo", str(photo)]
    assert told.err.splitlines() == [
        f"1 heat map by maps, drawn to {out}",
        f"polytag: {gone} cannot be read: no such file or directory",
    ]


def test_too_many_photos_are_refused(trained, photo, refused, monkeypatch):
    monkeypatch.setattr("polytag.cli.explain.MOST", 2)
    assert refused("explain", trained, photo, photo, photo) == ("3 photos are too many for a sheet; give at most 2")
