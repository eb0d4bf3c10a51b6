"""What `--lr auto` does within a training: it looks, leaves everything as it was, and can be repeated."""

import json
import math
import signal

import pytest
import torch
from safetensors.torch import load_file
from toys import tiny_set

import polytag.probe
from polytag.bench.cost import cost_of
from polytag.data.labelled_set import LabelledSet
from polytag.data.ready import Note
from polytag.errors import RunError
from polytag.fit import Training
from polytag.methods.supervised import Supervised
from polytag.run import Run
from polytag.scores import SCORES

HALVING = {"name": "halving", "trials": 2, "epochs": 1, "low": 1e-3, "high": 1e-2}


def training(out, **options):
    quick = {"backbone": "test_resnet", "weights": "none", "image_size": 32, "epochs": 2, "batch_size": 8}
    return Training(**{"data": tiny_set(48), "out": out, "workers": 0, **quick, **options})


def notes(events):
    return [event.text for event in events if isinstance(event, Note)]


def test_a_climb_shows_its_curve_and_trains_as_if_the_rate_had_been_given(tmp_path):
    search = {"name": "climb", "low": 1e-5, "high": 0.3, "steps": 80, "smooth": 0.5}
    said = notes(training(tmp_path / "auto", lr="auto", search=search))
    rate = Run.open(tmp_path / "auto").config["running"]["lr"]
    assert "  lr       loss" in said
    assert f"lr {rate:.2g}" in said
    assert 1e-5 <= rate <= 0.3
    training(tmp_path / "given", lr=rate).finish()
    auto, given = (load_file(tmp_path / name / "model.safetensors") for name in ("auto", "given"))
    assert all(torch.equal(auto[name], given[name]) for name in given)


def test_trials_are_short_trainings_that_never_see_the_test_photos(tmp_path):
    out = tmp_path / "run"
    said = notes(training(out, lr="auto", search=HALVING, sam="plain"))
    trials = [Run.open(path) for path in sorted((out / "fits").iterdir())]
    assert [run.config["training"]["lr"] for run in trials] == pytest.approx([0.001, 0.01])
    for run in trials:
        assert run.config["training"]["epochs"] == 1
        assert run.config["training"]["sam"] == "none"
        assert set(run.metrics) == {"best", "val"}
        assert not (run.path / SCORES).exists()
    best = max(trials, key=lambda run: run.metrics["best"]["score"])
    run = Run.open(out)
    assert run.config["running"]["lr"] == pytest.approx(best.config["training"]["lr"])
    assert run.config["training"]["lr"] == "auto"
    assert set(run.metrics) == {"best", "val", "test"}
    assert "  lr       validation score, of the longest trial" in said


def test_a_resumed_training_keeps_its_rate_and_trials_are_not_done_again(tmp_path):
    out = tmp_path / "run"
    for event in training(out, lr="auto", search=HALVING):
        if getattr(event, "number", 0) == 1:
            break
    config = json.loads((out / "config.json").read_text())
    times = {path: path.stat().st_mtime_ns for path in out.glob("fits/*/metrics.json")}
    said = notes(training(out, lr="auto", search=HALVING, resume=True))
    assert Run.open(out).config["running"]["lr"] == config["running"]["lr"]
    assert not any(line.startswith("  lr") for line in said)
    assert {path: path.stat().st_mtime_ns for path in out.glob("fits/*/metrics.json")} == times
    assert len(times) == 2


def test_a_climb_stops_at_a_loss_that_is_no_number(tmp_path):
    search = {"name": "climb", "low": 1e-5, "high": 1000.0, "steps": 120, "smooth": 0.0}
    training(tmp_path / "run", lr="auto", search=search, epochs=1, optimizer="sgd").finish()
    assert Run.open(tmp_path / "run").config["running"]["lr"] < 100


def test_a_trial_that_diverges_is_the_worst_and_does_not_end_the_search(tmp_path):
    search = {"name": "halving", "trials": 3, "epochs": 1, "low": 1e-3, "high": 1000.0}
    training(tmp_path / "run", lr="auto", search=search, epochs=1, optimizer="sgd").finish()
    assert Run.open(tmp_path / "run").config["running"]["lr"] < 100


def test_the_time_of_a_search_is_noted_and_counted(tmp_path):
    training(tmp_path / "run", lr="auto", search=HALVING).finish()
    run = Run.open(tmp_path / "run")
    trials = sum(Run.open(path).train_seconds() for path in (tmp_path / "run" / "fits").iterdir())
    assert run.config["running"]["search_seconds"] == pytest.approx(trials, abs=0.06)
    expected = run.train_seconds() + run.config["running"]["search_seconds"]
    assert cost_of([run.path]).train_seconds == pytest.approx(expected)


def test_a_climb_is_interrupted_with_a_word_on_how_to_go_on(tmp_path, monkeypatch):
    real = polytag.probe.train

    def signalled(*args, **options):
        for number, event in enumerate(real(*args, **options)):
            if number == 3:
                signal.raise_signal(signal.SIGTERM)
            yield event

    monkeypatch.setattr(polytag.probe, "train", signalled)
    with pytest.raises(KeyboardInterrupt) as stop:
        training(tmp_path / "run", lr="auto", search={"name": "climb", "steps": 5000}).finish()
    assert str(stop.value) == (
        f"stopped while looking for a learning rate; the same command with --out {tmp_path / 'run'} --resume goes on"
    )
    monkeypatch.undo()
    search = {"name": "climb", "low": 1e-4, "high": 0.3, "steps": 80}
    with pytest.raises(RunError, match="was started with search"):
        training(tmp_path / "run", lr="auto", search=search, resume=True).finish()


def test_a_frozen_backbone_is_frozen_while_the_rate_is_looked_for(tmp_path, monkeypatch):
    seen = []
    real = polytag.probe.train
    monkeypatch.setattr(polytag.probe, "train", lambda *a, **k: seen.append(k["frozen"]) or real(*a, **k))
    search = {"name": "climb", "low": 1e-4, "high": 0.3, "steps": 80}
    training(tmp_path / "a", lr="auto", search=search, frozen_epochs=2, epochs=2).finish()
    training(tmp_path / "b", lr="auto", search=search, frozen_epochs=1, epochs=2).finish()
    assert seen == [80, 0]


def test_what_was_not_judged_on_the_test_photos_can_be_judged_later(tmp_path):
    first = training(tmp_path / "run", judge_test=False).finish()
    assert "test" not in first.metrics
    assert "test" in training(tmp_path / "run", resume=True).finish().metrics


def test_without_the_test_photos_a_training_judges_the_others_alone(tmp_path):
    data = tiny_set(48)
    run = training(tmp_path / "run", data=LabelledSet(data.images, data.labels), judge_test=False).finish()
    assert set(run.metrics) == {"best", "val"}
    assert math.isfinite(run.metrics["val"]["mAP"])


def test_what_rises_as_a_training_goes_on_stands_still_in_a_climb(tmp_path):
    """Or the loss would rise with it, at whatever rate."""
    seen = []

    class Rising(Supervised):
        def begin_step(self, done):
            seen.append(done)

    search = {"name": "climb", "low": 1e-4, "high": 0.3, "steps": 80}
    training(tmp_path / "run", lr="auto", search=search, method=Rising).finish()
    climb, *steps = seen
    assert climb == 0
    assert steps == pytest.approx([step / len(steps) for step in range(len(steps))])
