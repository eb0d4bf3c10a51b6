"""What `polytag predict` promises: an answer for every photo that can be read, in a form that harms nobody."""

import csv
import io
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from polytag.cli import main
from polytag.cli.predict import as_csv, as_jsonl, as_table
from polytag.predictor import Prediction, Predictor

NASTY = "=cmd()\x1b[31m\n\u202e"


def shown(capsys, *words, status=0):
    assert main(["predict", *map(str, words)]) == status
    return capsys.readouterr()


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


def test_csv_has_a_row_a_photo(trained, photos, capsys):
    header, *rows = rows_of(shown(capsys, trained, photos, "--format", "csv", "--threshold", "0").out)
    assert header == ["filename", "labels", "scores"]
    assert [row[0] for row in rows] == [str(photos / f"photo{n:02d}.png") for n in range(40)]
    for _, labels, scores in rows:
        values = [float(score) for score in scores.split(";")]
        assert sorted(labels.split(";")) == ["cat", "dog", "hat"]
        assert values == sorted(values, reverse=True)


def test_json_lines_say_the_same_with_more_digits(trained, photos, capsys):
    words = (trained, photos / "photo00.png", photos / "photo01.png", "--topk", "2", "--format")
    rows = rows_of(shown(capsys, *words, "csv").out)[1:]
    lines = [json.loads(line) for line in shown(capsys, *words, "jsonl").out.splitlines()]
    assert [line["filename"] for line in lines] == [row[0] for row in rows]
    for (_, labels, scores), line in zip(rows, lines, strict=True):
        assert [tag["label"] for tag in line["tags"]] == labels.split(";")
        assert [f"{tag['score']:.4f}" for tag in line["tags"]] == pytest.approx(scores.split(";"))


def test_a_person_gets_a_table(trained, photos, capsys):
    lines = shown(capsys, trained, photos / "photo00.png", "--threshold", "1").out.splitlines()
    assert lines[0].split() == ["photo", "tags"]
    assert lines[1].split() == [str(photos / "photo00.png"), "-"]


def test_the_other_photos_are_answered_where_some_cannot_be_read(trained, photos, tmp_path, capsys):
    text, gone = tmp_path / "text.png", tmp_path / "gone.png"
    text.write_text("no photo")
    good = photos / "photo00.png"
    output, errors = shown(capsys, trained, text, good, gone, "--format", "csv", "--topk", "1", status=1)
    assert [row[0] for row in rows_of(output)] == ["filename", str(good)]
    assert errors.splitlines() == [
        f"polytag: {text} cannot be read: it is not a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC photo",
        f"polytag: {gone} cannot be read: no such file or directory",
    ]
    lines = shown(capsys, trained, text, good, "--format", "jsonl", status=1).out.splitlines()
    assert [sorted(json.loads(line)) for line in lines] == [["error", "filename"], ["filename", "tags"]]
    assert "(not readable)" in shown(capsys, trained, text, good, status=1).out


def test_a_file_is_written_whole_or_not_at_all(trained, photos, tmp_path, capsys, monkeypatch, refused):
    out = tmp_path / "new" / "tags.csv"
    words = ("predict", trained, photos, "--format", "csv", "--out", out)
    assert main([str(word) for word in words]) == 0
    assert capsys.readouterr() == ("", f"40 photos, tags written to {out}\n")
    before = out.read_text()
    assert len(rows_of(before)) == 41

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert refused(*words, "--topk", "1") == (
        f"cannot write {out}: the disk is full; the previous one is kept; make room or choose another folder"
    )
    assert out.read_text() == before
    assert [path.name for path in out.parent.iterdir()] == ["tags.csv"]


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_answered(tmp_path, monkeypatch, refused):
    (tmp_path / "notes.txt").write_text("no folder")
    words = ("predict", tmp_path / "no run", tmp_path / "no photo", "-o")
    assert refused(*words, tmp_path) == f"{tmp_path} is a folder; name a file in it"
    for above, name in ((tmp_path / "notes.txt", "a.csv"), (tmp_path / "notes.txt", "new/a.csv"), (tmp_path, "in/a")):
        if above.is_dir():
            monkeypatch.setattr(os, "access", lambda place, mode: False)
        assert refused(*words, above / name) == (
            f"{above / name} cannot be written, as {above} is no folder to write to; choose another place"
        )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--threshold", "2"], "threshold must be between 0 and 1, got 2.0"),
        (["--threshold", "nan"], "threshold must be between 0 and 1, got nan"),
        (["--topk", "0"], "topk must be between 1 and 3, got 0"),
        (["--topk", "4"], "topk must be between 1 and 3, got 4"),
        (["--workers", "-1"], "workers must be between 0 and 256, got -1"),
    ],
)
def test_numbers_out_of_range_are_refused(options, sentence, trained, photos, refused):
    assert refused("predict", trained, photos, *options) == sentence


def test_a_folder_without_photos_is_refused(trained, tmp_path, refused):
    (tmp_path / "notes.txt").write_text("nothing here")
    assert refused("predict", trained, tmp_path) == (
        f"no photo found in {tmp_path}; give photos, or folders that hold some"
    )


def test_a_run_of_a_newer_version_is_refused(run_copy, photos, refused):
    config = json.loads((run_copy / "config.json").read_text())
    (run_copy / "config.json").write_text(json.dumps({**config, "format": 99, "polytag": "7.0"}))
    sentence = refused("predict", run_copy, photos)
    assert sentence.startswith(f"{run_copy} was written by polytag 7.0 in format 99, and this is polytag ")
    assert sentence.endswith(", which reads formats up to 1; update polytag")


def test_names_from_strangers_are_harmless_in_a_terminal_and_a_spreadsheet():
    predictions = [Prediction("=1\x1b.png", ((NASTY, 0.75), ("ok", 0.5)))]
    assert as_table(predictions).splitlines()[1] == "=1\\x1b.png  =cmd()\\x1b[31m\\n\\u202e 0.75, ok 0.50"
    assert rows_of(as_csv(predictions))[1] == ["'=1\\x1b.png", "'=cmd()\\x1b[31m\\n\\u202e;ok", "0.7500;0.5000"]


def test_json_lines_are_harmless_and_exact():
    predictions = [Prediction("=1\x1b.png", ((NASTY, 0.75),)), Prediction("猫.png", (("猫", 1 / 3),))]
    text = as_jsonl(predictions)
    assert text.replace("\n", "").isprintable()
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0] == {"filename": "=1\x1b.png", "tags": [{"label": NASTY, "score": 0.75}]}
    assert text.splitlines()[1] == '{"filename": "猫.png", "tags": [{"label": "猫", "score": 0.333333}]}'


def test_a_file_name_that_is_no_unicode_can_be_written(trained, photos, tmp_path, capsys):
    odd = tmp_path / os.fsdecode(b"caf\xe9.png")
    shutil.copy(photos / "photo00.png", odd)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "x.png")
    for form in ("csv", "jsonl", "table"):
        assert "caf\\udce9.png" in shown(capsys, trained, tmp_path, "--format", form).out
        assert main(["predict", str(trained), str(tmp_path), "--format", form, "--out", str(tmp_path / "out")]) == 0


def test_a_label_with_a_semicolon_is_refused_in_csv(photos, run_copy, refused):
    config = json.loads((run_copy / "config.json").read_text())
    config["classes"][0] = "mass; benign"
    (run_copy / "config.json").write_text(json.dumps(config))
    assert refused("predict", run_copy, photos, "--format", "csv") == (
        "the label 'mass; benign' has a semicolon, which joins labels in CSV; use --format jsonl"
    )


def test_mirrored_photos_are_asked_about_too_if_wanted(trained, photos, capsys):
    def scores(*words):
        assert main(["predict", str(trained), str(photos), "--format", "jsonl", "--topk", "3", *words]) == 0
        lines = map(json.loads, capsys.readouterr().out.splitlines())
        return {line["filename"]: {tag["label"]: tag["score"] for tag in line["tags"]} for line in lines}

    plain, both = scores(), scores("--tta", "flip")
    assert plain.keys() == both.keys()
    assert plain != both
    predictor = Predictor(trained, tta="flip")
    expected = predictor.predict_proba(photos)
    for row, tags in zip(expected, both.values(), strict=True):
        assert [tags[name] for name in predictor.classes] == pytest.approx(row.tolist(), abs=1e-5)


def test_an_ensemble_answers_as_one(trained, second, photos, capsys):
    words = [str(trained), str(photos), "--ensemble", str(second), "--format", "jsonl", "--topk", "3"]
    assert main(["predict", *words]) == 0
    lines = list(map(json.loads, capsys.readouterr().out.splitlines()))
    predictor = Predictor(trained, second)
    for row, line in zip(predictor.predict_proba(photos), lines, strict=True):
        scores = {tag["label"]: tag["score"] for tag in line["tags"]}
        assert [scores[name] for name in predictor.classes] == pytest.approx(row.tolist(), abs=1e-5)


def test_two_ways_to_choose_tags_are_refused(trained, photos, refused):
    assert refused("predict", str(trained), str(photos), "--threshold", "0.5", "--topk", "2") == (
        "--threshold and --topk are two ways to choose tags; give one of them"
    )


def test_no_photo_is_written_over(trained, photos, tmp_path, refused):
    photo = tmp_path / "a.png"
    shutil.copy(next(photos.glob("*.png")), photo)
    before = photo.read_bytes()
    sentence = f"{photo} is one of the photos, which are never written over; choose another file"
    assert refused("predict", trained, photo, "-o", photo) == sentence
    assert refused("predict", trained, tmp_path, "-o", photo) == sentence
    other = tmp_path / "b.jpg"
    assert refused("predict", trained, photo, "-o", other) == (
        f"tags are text, and {other} ends like a photo; choose another name for --out"
    )
    assert refused("explain", trained, photo, "-o", photo) == sentence
    assert photo.read_bytes() == before
