"""A folder of tiny photos and runs trained on it, made once and shared; who changes something takes a copy."""

import shutil

import pytest
from photo_folder import QUICK, make_photos

from polytag.cli import main
from polytag.data.open import open_data
from polytag.fit import Training


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
