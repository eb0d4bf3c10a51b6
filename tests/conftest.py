"""A folder of tiny photos and runs trained on it, made once and shared; who changes something takes a copy."""

import csv
import shutil

import numpy as np
import pytest
from PIL import Image

from polytag._random import generator
from polytag.cli import main
from polytag.data.open import open_data
from polytag.fit import Training

QUICK = ("--backbone", "test_efficientnet", "--weights", "none", "--image-size", "32", "--epochs", "2")
QUICK += ("--batch-size", "8", "--workers", "0")


def make_photos(folder, items=40, names=("cat", "dog", "hat"), seed=0):
    """``labels.csv`` and PNG photos; label ``c`` is on a photo where its colour plane ``c % 3`` is bright."""
    folder.mkdir(parents=True, exist_ok=True)
    random = generator(seed)
    present = random.random((items, len(names))) < 0.5
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("filename", "labels"))
        for row, marks in enumerate(present):
            pixels = random.integers(0, 90, (20, 24, 3))
            for column, mark in enumerate(marks):
                pixels[:, :, column % 3] += 120 * mark
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"photo{row:02d}.png")
            tags = ";".join(name for name, mark in zip(names, marks, strict=True) if mark)
            table.writerow((f"photo{row:02d}.png", tags))
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder with 40 photos and a table of their tags cat, dog, hat."""
    return make_photos(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="session")
def trained(photos, tmp_path_factory):
    """A run on ``photos``, trained by the command line."""
    out = tmp_path_factory.mktemp("runs") / "first"
    assert main(["train", str(photos), *QUICK, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="session")
def second(photos, tmp_path_factory):
    """A run on the same photos from another seed, whose classes stand in another order."""
    out = tmp_path_factory.mktemp("runs") / "second"
    data = open_data(photos).with_classes(("hat", "cat", "dog"))
    Training(
        data=data, out=out, backbone="test_efficientnet", weights="none", image_size=32, epochs=1, batch_size=8, seed=1
    ).finish()
    return out


@pytest.fixture
def run_copy(trained, tmp_path):
    """A copy of ``trained`` to break."""
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def refused(capsys):
    """Runs a command line that must be refused; returns the sentence behind ``polytag: ``."""

    def run(*words):
        assert main([str(word) for word in words]) == 1
        *before, last = capsys.readouterr().err.rstrip("\n").split("\npolytag: ")
        sentence = last.removeprefix("polytag: ")
        assert before or last.startswith("polytag: ")
        return sentence

    return run
