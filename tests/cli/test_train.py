"""What `polytag train` promises: a run folder, or one sentence before anything is lost."""

import errno
import json
import os
import re
import shutil

import pytest
from photo_folder import QUICK
from train_words import contents, history, table

import polytag.backbones
from polytag.cli import main
from polytag.losses import LOSSES


def test_a_run_folder_has_all_that_is_needed_to_use_and_to_judge_it(trained):
    names = {str(path.relative_to(trained)) for path in trained.rglob("*") if path.is_file()}
    assert names == {
        *("model.safetensors", "config.json", "README.md", "history.csv", "metrics.json", "state/last.safetensors"),
        *("scores/test.safetensors", "scores/val.safetensors", ".lock"),
    }
    metrics = json.loads((trained / "metrics.json").read_text())
    assert {"val", "test", "best"} == set(metrics)
    assert [row["epoch"] for row in history(trained)] == ["1", "2"]
    assert (trained / "model.safetensors").stat().st_mode == (trained / "config.json").stat().st_mode


def test_what_a_person_sees(photos, tmp_path, capsys):
    assert main(["train", str(photos), *QUICK, "--out", str(tmp_path / "run")]) == 0
    shown, narrated = capsys.readouterr()
    assert shown.splitlines()[0].split() == ["photos", "mAP", "CF1", "OF1", "CP", "CR", "OP", "OR"]
    assert [line.split()[0] for line in shown.splitlines()[1:3]] == ["val", "test"]
    lines = narrated.splitlines()
    assert lines[0] == f"40 photos, 3 labels; the run goes to {tmp_path / 'run'}"
    assert lines[1] == "labels.csv: photos from column 'filename', 3 labels from column 'labels', split by ';'"
    assert lines[2].startswith("no splits in the data: cut 80/10/10 into train, val and test")
    assert re.fullmatch(r"epoch 1/2  loss classify \d\.\d{4}  val mAP [01]\.\d{4} \*", lines[3])
    assert max(map(len, shown.splitlines()[:3])) <= 80


def test_a_label_on_test_photos_only_is_a_warning_with_a_count(photos, tmp_path, capsys):
    rows = [f"{photos}/photo{n:02d}.png,{tags},{split}" for n, tags, split in [
        *((n, "cat" if n % 2 else "dog", "train") for n in range(12)),
        *((n, "cat" if n % 2 else "dog", "val") for n in range(12, 20)),
        (20, "bird;cat", "test"), (21, "bird;dog", "test"),
    ]]  # fmt: skip
    text = "filename,labels,split\n" + "\n".join(rows).replace(f"{photos}/", "") + "\n"
    data = shutil.copytree(photos, tmp_path / "data")
    assert main(["train", str(table(data, text)), *QUICK, "--out", str(tmp_path / "run")]) == 0
    assert "1 label is only in test and cannot be learned: 'bird'\n" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("", [], "{data}/labels.csv is empty; its first line must name the columns, such as filename,labels"),
        (
            "filename,labels\nphoto00.png,cat\n",
            ["--reader.labels", "tags"],
            "{data}/labels.csv has no column 'tags'; it has 'filename', 'labels'; correct --reader.labels",
        ),
        (
            'filename,labels\nphoto00.png,a;b\nphoto01.png,"a,b"\nphoto02.png,a|b\n',
            [],
            "the labels of {data}/labels.csv may be separated by ';' or ',' or '|', as in row 4 ('a|b'); "
            "choose with --reader.delimiter, such as ';'",
        ),
        (
            "filename,labels\nphoto00.png,\nphoto01.png,\nphoto02.png,\n",
            [],
            "{data}/labels.csv has 3 photos and no label on any of them; check where it has its labels",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(text, options, sentence, photos, tmp_path, refused):
    data = table(shutil.copytree(photos, tmp_path / "data"), text)
    assert refused("train", data, *QUICK, *options, "--out", tmp_path / "run") == sentence.format(data=data)
    assert not (tmp_path / "run").exists()


def test_one_photo_is_too_few(photos, tmp_path, refused):
    data = table(shutil.copytree(photos, tmp_path / "data"), "filename,labels\nphoto00.png,cat\n")
    assert refused("train", data, *QUICK, "--out", tmp_path / "run") == (
        "1 photo cannot be split into train, val, test; add photos until there are 3, or give every photo its split"
    )


def test_places_without_labels_are_refused(photos, tmp_path, refused):
    assert refused("train", "nowhere", *QUICK) == (
        "nowhere does not exist; give a label file, or a folder with photos and their labels"
    )
    data = shutil.copytree(photos, tmp_path / "data")
    shutil.copy(data / "labels.csv", data / "more.csv")
    assert refused("train", data, *QUICK) == (f"{data} has 2 label files: labels.csv, more.csv; name the one to read")


def test_bad_photos_are_listed_before_training_and_left_out_if_asked(photos, tmp_path, refused, capsys):
    data = shutil.copytree(photos, tmp_path / "data")
    (data / "photo07.png").rename(data / "photo07.jpg")
    (data / "photo07.jpg").write_bytes(b"")
    (data / "photo09.png").write_text("no photo")
    table(data, (data / "labels.csv").read_text().replace("photo07.png", "photo07.jpg"))
    sentence = refused("train", data, *QUICK, "--out", tmp_path / "run")
    assert sentence.splitlines() == [
        "2 of 40 photos cannot be read; repair or remove them, or leave them out with --on-bad-image skip:",
        f"  {data}/photo07.jpg cannot be read: it is empty",
        f"  {data}/photo09.png cannot be read: it is not a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC photo",
    ]
    assert not (tmp_path / "run").exists()

    skip = ("--on-bad-image", "skip", "--out", str(tmp_path / "run"))
    assert main(["train", str(data), *QUICK, *skip]) == 0
    assert f"left out: {data}/photo07.jpg cannot be read: it is empty\n" in capsys.readouterr().err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert sum(config["data"]["photos"].values()) == 38


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--loss", "als"], f"loss must be one of {', '.join(LOSSES)}, got 'als'; did you mean 'asl'"),
        (["--image-size", "abc"], "--image-size must be a number of pixels or HEIGHTxWIDTH, got 'abc'"),
        (["--image-size", "0"], "each side of image_size must be between 1 and 8192, got 0"),
        (["--lr", "nan"], "lr must be between 1e-12 and 1000, got nan"),
        (["--epochs", "0"], "epochs must be between 1 and 100000, got 0"),
        (["--resume"], "--resume needs --out with the run folder to go on with"),
        (["--resume", "--overwrite", "--out", "x"], "resume and overwrite exclude each other; choose one"),
        (["--resume", "--out", "x"], "x holds no training to resume; start it without --resume"),
        (
            ["--weights", "gone.pth"],
            "weights must be pretrained, none, a weights file or a run folder; there is no {folder}/gone.pth",
        ),
    ],
)
def test_options_that_cannot_be_used_are_refused_by_name(options, sentence, photos, tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    assert refused("train", photos, *QUICK, *options) == sentence.format(folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_backbone_is_refused_with_the_nearest_one(photos, refused):
    sentence = refused("train", photos, *QUICK, "--backbone", "resnet5O")
    assert re.fullmatch(
        r"backbone must be one of the \d+ models of timm, got 'resnet5O'; did you mean 'resnet50'( or .*)?", sentence
    )


def test_weights_that_do_not_fit_are_refused(photos, trained, tmp_path, refused):
    text = tmp_path / "text.pth"
    text.write_text("hello")
    run = ("--out", tmp_path / "run")
    assert refused("train", photos, *QUICK, *run, "--weights", text) == (
        f"{text} cannot be read: it is damaged or no weights file; fetch it again"
    )
    sentence = refused("train", photos, *QUICK, *run, "--backbone", "test_byobnet", "--weights", trained)
    assert re.fullmatch(
        r"the run does not fit the backbone test_byobnet: \d+ of \d+ entries match, and .* is missing; "
        "give weights of the same model, or start from scratch with --weights none",
        sentence,
    )
    assert not (tmp_path / "run").exists()


def test_without_a_network_pretrained_weights_are_one_sentence(photos, monkeypatch, refused):
    def unreachable(config):
        raise ConnectionError("Name or service\nnot known")

    monkeypatch.setattr(polytag.backbones, "_cached_or_reachable", unreachable)
    assert refused("train", photos, *QUICK, "--weights", "pretrained") == (
        "the weights of test_efficientnet cannot be fetched (Name or service not known; no network?); "
        "give a file with --weights PATH, or start from scratch with --weights none"
    )


def test_a_run_that_is_there_is_kept_unless_it_may_be_overwritten(photos, run_copy, refused):
    before = contents(run_copy)
    assert refused("train", photos, *QUICK, "--out", run_copy) == (
        f"{run_copy} already holds a run; choose another folder, go on with it with --resume, "
        "or replace it with --overwrite"
    )
    assert contents(run_copy) == before
    assert main(["train", str(photos), *QUICK, "--seed", "5", "--out", str(run_copy), "--overwrite"]) == 0
    after = contents(run_copy)
    assert list(after) == list(before)
    assert all(after[path] != before[path] for path in before if path.name not in ("README.md", ".lock"))


def test_a_folder_with_other_things_in_it_is_never_written_to(photos, tmp_path, refused):
    (tmp_path / "README.md").write_text("mine")
    for more in ([], ["--overwrite"]):
        assert refused("train", photos, *QUICK, "--out", tmp_path, *more) == (
            f"{tmp_path} holds something else than a run; choose a folder that is new, empty or a run"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def full(*arguments):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_full_disk_keeps_the_old_run(call, photos, run_copy, monkeypatch, refused):
    before = contents(run_copy)
    monkeypatch.setattr(os, call, full)
    assert refused("train", photos, *QUICK, "--out", run_copy, "--overwrite") == (
        f"cannot write {run_copy}/config.json: the disk is full; the previous one is kept; "
        "make room or choose another folder"
    )
    assert contents(run_copy) == before


def test_the_real_end_of_the_disk_is_a_sentence_too(photos, tmp_path, refused):
    import resource  # not on every system

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # bytes a file: enough for JSON, not for weights
    try:
        sentence = refused("train", photos, *QUICK, "--out", tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert sentence == (
        f"cannot write {tmp_path}/run/model.safetensors: the disk is full; make room or choose another folder"
    )
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [".lock", "config.json"]
