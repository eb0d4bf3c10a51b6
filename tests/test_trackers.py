"""What the table of trackers promises: one that fails is named in a sentence and closed, and the others go on."""

import importlib.util
import math
import re

import pytest
from tracker_toys import FLAT, SETTINGS, Fake

from polytag import trackers
from polytag.errors import OptionError, RunError
from polytag.trackers import TRACKERS, Trackers, check_trackers, flat


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "a run"


@pytest.fixture
def fakes(monkeypatch):
    """Puts trackers that fail into the table."""

    def put(**fails):
        made = {name: Fake(*fail) for name, fail in fails.items()}
        for name, fake in made.items():
            monkeypatch.setitem(TRACKERS, name, fake.open)
        monkeypatch.setattr(trackers, "check_trackers", lambda names: None)
        return made.values()

    return put


def test_a_tracker_that_fails_is_closed_and_the_others_go_on(fakes, folder):
    bad, good = fakes(bad=["log 2", "finish"], good=[])
    opened = Trackers(["bad", "good"], folder, "mine", SETTINGS)
    said = [opened.log({"loss": 1.0}, step) for step in (1, 2, 3)]
    assert said == [[], ["track bad failed at step 2 and is closed, the training goes on: no log 2"], []]
    assert opened.close() == []
    assert bad.said == ["start", "log 1", "log 2", "finish"]
    assert good.said == ["start", "log 1", "log 2", "log 3", "finish"]


def test_a_tracker_that_cannot_be_closed_says_so(fakes, folder):
    fakes(bad=["finish"], good=[])
    opened = Trackers(["bad", "good"], folder, "mine", SETTINGS)
    assert opened.close() == ["track bad failed when it was closed: no finish"]
    assert opened.close() == []


def test_a_tracker_that_cannot_be_opened_is_refused_and_those_before_it_closed(fakes, folder):
    good, _ = fakes(good=[], bad=["start"])
    with pytest.raises(
        RunError,
        match=rf"^track bad cannot be opened in {folder}/track: no start; put that right, or train without it$",
    ):
        Trackers(["good", "bad"], folder, "mine", SETTINGS)
    assert good.said == ["start", "finish"]


def test_trackers_are_closed_when_the_training_fails(fakes, folder):
    (good,) = fakes(good=[])
    with pytest.raises(KeyboardInterrupt), Trackers(["good"], folder, "mine", SETTINGS):
        raise KeyboardInterrupt
    assert good.said == ["start", "finish"]


def test_names_that_are_not_in_the_table_are_refused(folder):
    sentence = r"^track must be one of tensorboard, wandb, mlflow, got 'excel'$"
    with pytest.raises(OptionError, match=sentence):
        Trackers(["excel"], folder, "mine", SETTINGS)
    assert not folder.exists()


def test_a_package_that_is_missing_is_named_with_what_brings_it(folder, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    sentence = 'track wandb needs the package wandb, which is not installed; pip install "polytag[trackers]"'
    with pytest.raises(OptionError, match=f"^{re.escape(sentence)}$"):
        Trackers(["wandb"], folder, "mine", SETTINGS)
    assert not folder.exists()


def test_a_folder_with_the_name_of_a_package_is_no_package(tmp_path, monkeypatch):
    monkeypatch.setitem(TRACKERS, "zebra", Fake().open)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "zebra").mkdir()
    with pytest.raises(OptionError, match=r"^track zebra needs the package zebra, which is not installed; "):
        check_trackers(["zebra"])


def test_settings_become_one_level_of_numbers_and_short_texts():
    assert flat(SETTINGS) == FLAT
    assert flat({"clip": math.inf, "none": {}, "long": "x" * 251, "fits": "x" * 250}) == {
        "clip": "inf",
        "long": "x" * 247 + "...",
        "fits": "x" * 250,
    }
