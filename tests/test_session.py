"""What a training does by itself when the machine is smaller than was hoped, and what it tells others meanwhile."""

import copy
import csv
import json
import os
from typing import ClassVar

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from toys import tiny_set

import polytag.session
import polytag.train.speed
from polytag._team import Team
from polytag.data.labelled_set import LabelledSet
from polytag.data.ready import Note
from polytag.data.splits import three_way
from polytag.errors import OptionError, ProcessError, RunError
from polytag.fit import Training
from polytag.losses import WeightedBCE
from polytag.method import Method
from polytag.methods.supervised import Supervised
from polytag.metrics import METRICS
from polytag.recorder import Recorder
from polytag.run import Run
from polytag.scores import SCORES, VAL_SCORES, load_scores
from polytag.train.loop import Epoch
from polytag.tuning import tune

FULL = "CUDA out of memory. Tried to allocate 2.00 GiB."


class Hungry(Method):
    """The plain method on a machine that holds four photos at a time, and in its second epoch three."""

    def __init__(self, model, loss, sampler):
        super().__init__()
        self.plain, self.model, self.seen = Supervised(model, loss, sampler), model, 0

    def losses(self, *batches):
        self.seen += len(batches[0].rows)
        if len(batches[0].rows) > (4 if self.seen <= 30 else 3):
            raise torch.OutOfMemoryError(FULL)
        return self.plain.losses(*batches)


class Starved(Hungry):
    """The same where not even one fits."""

    def losses(self, *batches):
        raise torch.OutOfMemoryError(FULL)


class Unlucky(Hungry):
    """What it needs fails the first time, once it has left a file in the run folder."""

    LEFT: ClassVar = []

    def prepare(self, train_set, context):
        self.LEFT.append(context.folder)
        (context.folder / "left.json").write_text("{}")
        if len(self.LEFT) == 1:
            raise OptionError("a teacher failed")

    def losses(self, *batches):
        return self.plain.losses(*batches)


def training(out, **options):
    quick = {"backbone": "test_convnext", "weights": "none", "image_size": 32, "epochs": 2, "batch_size": 8}
    return Training(**{"data": tiny_set(30), "out": out, "workers": 0, "lr": 3e-3, **quick, **options})


def notes(run):
    return [event.text for event in run if isinstance(event, Note)]


def assert_same(run, other):
    ours, theirs = (load_file(path / "model.safetensors") for path in (run, other))
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], atol=1e-5, rtol=0)


def test_where_memory_runs_out_the_batch_is_cut_and_the_same_is_learned(tmp_path):
    told = notes(training(tmp_path / "small", method=Hungry))
    assert [text for text in told if text.startswith("out of memory")] == [
        "out of memory; from here on, each step is computed in 2 parts",
        "out of memory; from here on, each step is computed in 4 parts",
    ]
    assert Run.open(tmp_path / "small").config["running"]["accumulate"] == 4
    training(tmp_path / "large").finish()
    assert_same(tmp_path / "small", tmp_path / "large")
    with (tmp_path / "small" / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["1", "2"]


def test_a_run_that_had_to_cut_its_batch_goes_on_like_that(tmp_path):
    for event in training(tmp_path / "run", method=Hungry):
        if isinstance(event, Epoch):
            break
    assert Run.open(tmp_path / "run").config["running"]["accumulate"] == 2
    told = notes(training(tmp_path / "run", method=Hungry, resume=True))
    assert not any("out of memory" in text for text in told)
    assert Run.open(tmp_path / "run").config["running"]["accumulate"] == 2


def test_a_loss_of_the_users_own_stays_as_it_was_given(tmp_path):
    loss = WeightedBCE()
    before = copy.deepcopy(loss).state_dict()
    training(tmp_path / "run", loss=loss, epochs=1).finish()
    assert str(loss.state_dict()) == str(before)


def test_where_not_even_one_photo_fits_it_says_so(tmp_path):
    sentence = r"^out of memory with 1 photo at a time; choose a smaller image_size, backbone or batch_size$"
    with pytest.raises(OptionError, match=sentence):
        training(tmp_path / "run", method=Starved).finish()


def test_a_lost_process_is_named_and_how_to_go_on(tmp_path, monkeypatch):
    session = polytag.session.Session(training(tmp_path / "run"), Accelerator(cpu=True))
    session.team = Team(0, 2)

    def lost(*arguments):
        raise RuntimeError("[gloo/pair.cc:547] Connection closed by peer\nand a stack")

    monkeypatch.setattr(Team, "from_first", lost)
    with pytest.raises(ProcessError) as raised:
        list(session.events())
    assert str(raised.value) == (
        "another process of this training has ended or cannot be reached "
        "([gloo/pair.cc:547] Connection closed by peer); "
        f"the same command with --out {tmp_path / 'run'} --resume goes on"
    )


def test_a_finished_run_without_its_state_is_not_trained_anew(tmp_path):
    run = training(tmp_path / "run").finish()
    (run.path / "state" / "last.safetensors").unlink()
    before = (run.path / "model.safetensors").read_bytes()
    with pytest.raises(
        RunError,
        match=rf"^{run.path} is finished and has no state/last\.safetensors to go on from; start another run, "
        r"or replace it with --overwrite$",
    ):
        training(tmp_path / "run", resume=True).finish()
    assert (run.path / "model.safetensors").read_bytes() == before


def test_memory_that_runs_out_before_the_first_step_does_not_revive_the_run_that_is_replaced(tmp_path, monkeypatch):
    old = training(tmp_path / "run").finish()
    before = (old.path / "model.safetensors").read_bytes()
    measure, calls = polytag.session.fastest, []

    def full(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise torch.OutOfMemoryError(FULL)
        return measure(*arguments)

    monkeypatch.setattr(polytag.session, "fastest", full)
    training(tmp_path / "run", overwrite=True, speed="auto", lr=1e-3).finish()
    assert (tmp_path / "run" / "model.safetensors").read_bytes() != before
    assert len(calls) == 2


def test_a_run_whose_method_fails_while_its_speed_is_measured_can_be_resumed(tmp_path, monkeypatch):
    monkeypatch.setattr(Unlucky, "LEFT", [])
    options = {"method": Unlucky, "speed": "auto", "epochs": 1}
    with pytest.raises(OptionError, match=r"^a teacher failed$"):
        training(tmp_path / "run", **options).finish()
    run = training(tmp_path / "run", resume=True, **options).finish()
    assert run.config["running"]["speed"] in polytag.train.speed.SPEEDS


def test_only_the_launch_that_began_a_run_goes_on_by_itself(tmp_path, monkeypatch):
    for name, value in {"TORCHELASTIC_RUN_ID": "a", "TORCHELASTIC_RESTART_COUNT": "1"}.items():
        monkeypatch.setenv(name, value)
    began = polytag.session.was_begun_by_this_launch
    assert not began(tmp_path / "run")
    training(tmp_path / "run").finish()
    assert began(tmp_path / "run")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "b")
    assert not began(tmp_path / "run")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "0")
    assert not began(tmp_path / "run")


def test_a_device_without_bf16_falls_back_to_float32_and_says_so(tmp_path, monkeypatch):
    for module in (polytag.session, polytag.train.speed):
        monkeypatch.setattr(module, "has_bf16", lambda device: False)
    told = notes(training(tmp_path / "run", speed="bf16"))
    assert "this cpu has no bf16; speed channels_last with float32 takes the place of bf16" in told
    assert Run.open(tmp_path / "run").config["running"]["speed"] == "channels_last"
    training(tmp_path / "plain", speed="channels_last").finish()
    assert_same(tmp_path / "run", tmp_path / "plain")
    measured = next(text for text in notes(training(tmp_path / "auto", speed="auto")) if text.startswith("speed "))
    assert "bf16" not in measured


def test_bf16_learns_nearly_the_same(tmp_path):
    training(tmp_path / "half", speed="bf16").finish()
    training(tmp_path / "full").finish()
    halves, fulls = (load_file(tmp_path / name / "model.safetensors") for name in ("half", "full"))
    apart = torch.cat([(halves[name] - fulls[name]).abs().flatten() for name in fulls])
    assert 0 < apart.mean() < 2e-3


def switches():
    """What makes a GPU compute the same each time."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    return deterministic, torch.backends.cudnn.benchmark, os.environ.get("CUBLAS_WORKSPACE_CONFIG")


def test_deterministic_algorithms_are_used_while_it_trains_and_not_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    for workspace in (None, ":16:8"):
        monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
        if workspace:
            monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", workspace)
        seen = {switches() for _ in training(tmp_path / "run", deterministic=True, overwrite=True)}
        assert seen == {(True, False, ":4096:8")}
        assert switches() == (False, True, workspace)
    with pytest.raises(
        OptionError,
        match=r"^deterministic excludes speed auto, which measures and may choose otherwise next time$",
    ):
        training(tmp_path / "run", deterministic=True, speed="auto")


def test_what_it_answered_on_the_test_and_validation_photos_is_kept(tmp_path):
    run = training(tmp_path / "run").finish()
    for name, part in ((SCORES, "test"), (VAL_SCORES, "val")):
        scores = load_scores(run.path, name)
        assert scores.logits.shape == scores.targets.shape == (run.config["data"]["photos"][part], 4)
        assert METRICS["mAP"](scores.logits, scores.targets, 0.0) == pytest.approx(run.metrics[part]["mAP"])
    Recorder(run.path, run.config, "mAP").start({})  # a run that replaces it
    assert not any((run.path / "scores").iterdir())


def test_groups_of_the_photos_are_kept_with_the_answers(tmp_path):
    plain = tiny_set(40)
    data = LabelledSet(plain.images, plain.labels, groups=np.arange(40) // 2 + 7)
    run = training(tmp_path / "run", data=data, epochs=1).finish()
    for name, part in ((SCORES, three_way(data, 0).test), (VAL_SCORES, three_way(data, 0).val)):
        clusters = load_scores(run.path, name).clusters
        np.testing.assert_array_equal(clusters, np.unique(part.groups, return_inverse=True)[1])
        assert 0 < clusters.max() < len(clusters) - 1
    tuned, plainly = tune(run, data), tune(run, plain)
    assert tuned.adapted.gain != plainly.adapted.gain


def test_trackers_are_told_every_epoch(tmp_path):
    reading = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason='needs pip install "polytag[trackers]"'
    )
    run = training(tmp_path / "run", track=("tensorboard",)).finish()
    events = reading.EventAccumulator(str(run.path / "track" / "tensorboard"))
    for folder in (run.path / "track" / "tensorboard").rglob("events.*"):
        events = reading.EventAccumulator(str(folder.parent))
        events.Reload()
        if "loss/classify" in events.Tags()["scalars"]:
            break
    with (run.path / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    told = events.Scalars("loss/classify")
    assert [event.step for event in told] == [3, 6]
    assert [event.value for event in told] == pytest.approx([float(row["loss_classify"]) for row in rows])
    assert events.Scalars("val_raw/mAP")[-1].value == pytest.approx(float(rows[-1]["val_mAP_raw"]))


def test_the_config_notes_where_the_data_came_from_and_how_it_ran(tmp_path):
    run = training(tmp_path / "run", source={"data": "/photos/labels.csv"}).finish()
    config = json.loads((run.path / "config.json").read_text())
    assert config["data"]["source"] == {"data": "/photos/labels.csv"}
    assert "source" not in config["training"]
    assert config["running"].pop("memory_mb") > 50
    assert config["running"] == {
        "speed": "channels_last",
        "accumulate": 1,
        "processes": 1,
        "device": "cpu",
        "launch": "",
    }
