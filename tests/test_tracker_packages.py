"""What TensorBoard, W&B and MLflow are given: numbers that can be read back, and nothing outside the run."""

import importlib.util
import math
import os
import shutil
import socket
import time

import pytest
import yaml
from accelerate import Accelerator
from tracker_toys import FLAT, SETTINGS, Fake

from polytag import trackers
from polytag.trackers import Trackers

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
