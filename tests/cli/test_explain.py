"""What `polytag explain` promises: a picture of where labels are seen, a line for each, and sentences."""

import pytest
from PIL import Image

from polytag.cli import main
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
    ],
)
def test_what_cannot_be_drawn_is_refused(words, sentence, trained, photo, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused("explain", trained, photo, *words) == sentence
    assert list(tmp_path.iterdir()) == []


def test_too_many_photos_are_refused(trained, photo, refused, monkeypatch):
    monkeypatch.setattr("polytag.cli.explain.MOST", 2)
    assert refused("explain", trained, photo, photo, photo) == ("3 photos are too many for a sheet; give at most 2")
