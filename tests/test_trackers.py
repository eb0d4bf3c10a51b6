"""What experiment trackers promise: numbers that can be read back, nothing outside the run, no end to the training."""

import importlib.util
import math
import os
import re
import shutil
import socket
import time
from contextlib import contextmanager

import pytest
import yaml
from accelerate import Accelerator

from polytag import trackers
from polytag.errors import OptionError, RunError
from polytag.trackers import TRACKERS, Trackers, check_trackers, flat

SETTINGS = {"loss": {"name": "asl", "gamma": 4.0}, "head": None, "sizes": [32, 48], "resume": False}
FLAT = {"loss.name": "asl", "loss.gamma": 4.0, "head": "None", "sizes": "[32, 48]", "resume": False}
OURS = ("WANDB_ERROR_REPORTING", "MLFLOW_TRACKING_URI", "MLFLOW_ALLOW_FILE_STORE", "MLFLOW_DISABLE_TELEMETRY")
USERS = ("WANDB_MODE", "WANDB_API_KEY", "WANDB_PROJECT", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_TAGS")


def needs(package):
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed; the extra trackers brings it")


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    """An accelerator, and none of the variables of whoever runs the tests."""
    Accelerator(cpu=True)
    for name in (*OURS, *USERS):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "a run"


@pytest.fixture(scope="module")
def wandb():
    module = pytest.importorskip("wandb", reason="wandb is not installed; the extra trackers brings it")
    yield module
    module.teardown()  # ends the process that serves all its runs


@pytest.fixture
def client(folder, monkeypatch):
    """Reads what MLflow has in the run folder."""
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed; the extra trackers brings it")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return mlflow.MlflowClient((folder / "track" / "mlflow").as_uri())


def train(names, folder, *steps):
    """Log the same three values at some steps."""
    with Trackers(names, folder, "mine", SETTINGS) as opened:
        for step in steps:
            assert opened.log({"val/mAP": step / 4, "loss/a": math.nan, "lr": math.inf}, step) == []
        assert opened.close() == []


class Fake:
    """A tracker that fails where it is told to, and notes what happens to it."""

    def __init__(self, *fails):
        self.fails, self.said = fails, []

    @contextmanager
    def open(self, folder, run, settings):
        self.tell("start")
        yield self
        self.tell("finish")

    def log(self, values, step):
        self.tell(f"log {step}")

    def tell(self, what):
        self.said.append(what)
        if what in self.fails:
            raise OSError(f"no {what}.\nAnd more")


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


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "track" / "tensorboard"))
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


@needs("tensorboard")
def test_tensorboard_has_the_finite_values_and_the_settings(folder):
    train(["tensorboard"], folder, 3)
    assert scalars(folder) == {"val/mAP": [(3, 0.75)]}
    (written,) = folder.rglob("hparams.yml")
    assert yaml.safe_load(written.read_text()) == FLAT


@needs("tensorboard")
def test_tensorboard_goes_on_in_the_same_folder(folder):
    train(["tensorboard"], folder, 1, 2)
    train(["tensorboard", "tensorboard"], folder, 3)
    assert scalars(folder) == {"val/mAP": [(1, 0.25), (2, 0.5), (3, 0.75)]}
    assert len(list(folder.rglob("hparams.yml"))) == 1


def written_by_wandb(path, *words):
    """The content once these words are in it: wandb's own process may still be writing when it says it has finished."""
    for _ in range(600):
        if all(word in path.read_bytes() for word in words):
            break
        time.sleep(0.05)
    return path.read_bytes()


def test_wandb_offline_writes_its_folder_and_connects_to_nothing(wandb, folder, monkeypatch, capfd):
    connect = socket.socket.connect

    def local_only(self, address):
        assert self.family == socket.AF_UNIX, f"a connection to {address}"  # its own process beside us
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local_only)
    train(["wandb"], folder, 3)
    (written,) = folder.glob("track/wandb/offline-run-*/*.wandb")
    words = (b"val/mAP", b"0.75", b"loss.name", b"asl", b"mine")
    content = written_by_wandb(written, *words)
    assert all(word in content for word in words)
    assert b"loss/a" not in content
    assert {path.name for path in (folder / "track").iterdir()} == {"wandb", "wandb.id"}
    assert tuple(capfd.readouterr()) == ("", "")


def test_wandb_goes_on_under_the_same_id_and_leaves_a_run_of_the_caller_open(wandb, folder, tmp_path):
    own = wandb.init(mode="offline", dir=tmp_path, settings={"silent": True, "console": "off"})
    train(["wandb"], folder, 1)
    train(["wandb"], folder, 2)
    assert wandb.run is own
    own.finish()
    known = (folder / "track" / "wandb.id").read_text()
    files = folder.glob(f"track/wandb/offline-run-*/run-{known}.wandb")
    parts = [written_by_wandb(path, b"val/mAP") for path in files]
    assert sorted((b"0.25" in part, b"0.5" in part) for part in parts) == [(False, True), (True, False)]


@pytest.mark.parametrize(
    ("variables", "project", "mode"),
    [
        ({}, "polytag", "offline"),
        ({"WANDB_MODE": "online"}, "polytag", None),
        ({"WANDB_API_KEY": "secret", "WANDB_PROJECT": "birds"}, "birds", None),
    ],
)
def test_wandb_is_offline_unless_the_user_says_otherwise(variables, project, mode, folder, monkeypatch):
    asked = []

    class Tracker(Fake):
        run = type("Run", (), {"id": "abc"})

        def __init__(self, project, **options):
            super().__init__()
            asked.append((project, options["mode"]))

        def start(self):
            assert os.environ["WANDB_ERROR_REPORTING"] == "false"

        def finish(self):
            pass

    monkeypatch.setattr(trackers, "WandBTracker", Tracker)
    monkeypatch.setattr(trackers, "check_trackers", lambda names: None)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    train(["wandb"], folder, 1)
    assert asked == [(project, mode)]
    assert "WANDB_ERROR_REPORTING" not in os.environ


def test_mlflow_has_the_finite_values_and_the_settings_and_goes_on_with_the_same_run(client, folder, capfd):
    train(["mlflow"], folder, 1, 2)
    changed = SETTINGS | {"resume": True}
    with Trackers(["mlflow"], folder, "mine", changed) as opened:
        assert opened.log({"val/mAP": 0.75}, 3) == []
    assert tuple(capfd.readouterr()) == ("", "")
    (run,) = client.search_runs([client.get_experiment_by_name("polytag").experiment_id])
    assert (run.info.run_name, run.info.status) == ("mine", "FINISHED")
    assert run.data.params == {name: str(value) for name, value in FLAT.items()}
    assert run.data.metrics == {"val/mAP": 0.75}
    history = client.get_metric_history(run.info.run_id, "val/mAP")
    assert [(point.step, point.value) for point in history] == [(1, 0.25), (2, 0.5), (3, 0.75)]


@needs("mlflow")
def test_mlflow_logs_where_the_user_says_and_leaves_a_run_of_the_user_open(folder, tmp_path, monkeypatch):
    import mlflow

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "server").as_uri())
    with mlflow.start_run() as own:
        train(["mlflow"], folder, 1)
        assert mlflow.active_run().info.run_id == own.info.run_id
    known = (folder / "track" / "mlflow.id").read_text()
    assert mlflow.get_run(known).data.metrics == {"val/mAP": 0.25}
    assert [path.name for path in (folder / "track").iterdir()] == ["mlflow.id"]
    assert os.environ["MLFLOW_TRACKING_URI"] == (tmp_path / "server").as_uri()


def test_a_store_that_goes_away_in_the_middle_is_one_sentence(client, folder):
    opened = Trackers(["mlflow"], folder, "mine", SETTINGS)
    shutil.rmtree(folder / "track" / "mlflow")
    assert opened.log({"loss": 1.0}, 7) == [
        "track mlflow failed at step 7 and is closed, the training goes on: "
        f"'{folder / 'track' / 'mlflow'}' does not exist"
    ]
    assert opened.log({"loss": 1.0}, 8) == opened.close() == []


def test_variables_are_set_while_a_tracker_is_open_and_no_longer(client, folder, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    before = dict(os.environ)
    with Trackers(["mlflow"], folder, "mine", SETTINGS):
        new = {name: value for name, value in os.environ.items() if before.get(name) != value}
        assert new == {"MLFLOW_TRACKING_URI": (folder / "track" / "mlflow").as_uri()}
    assert dict(os.environ) == before


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
