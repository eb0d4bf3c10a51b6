"""Tiny photos and runs trained on them, made once and shared (who changes one takes a copy), and a team of two."""

import shutil
import threading

import pytest
from photo_folder import QUICK, make_photos

import polytag._team
from polytag._team import Team
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


@pytest.fixture
def pair(monkeypatch):
    """Runs a function of a team as two members at once; what each gave or raised."""
    place, meet, shared = threading.local(), threading.Barrier(2, timeout=20), [None, None]

    def exchanged(value):
        shared[place.rank] = value
        meet.wait()
        both = list(shared)
        meet.wait()
        return both

    def broadcast(values):
        values[:] = exchanged(values)[0]

    monkeypatch.setattr(polytag._team, "broadcast_object_list", broadcast)
    monkeypatch.setattr(polytag._team, "gather_object", lambda part: [each for one in exchanged(part) for each in one])

    def both(function):
        ends = [None, None]

        def member(rank):
            place.rank = rank
            try:
                ends[rank] = function(Team(rank, 2))
            except Exception as error:
                ends[rank] = error

        threads = [threading.Thread(target=member, args=(rank,)) for rank in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ends

    return both
