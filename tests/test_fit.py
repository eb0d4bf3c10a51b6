"""What a training promises: a run that depends on its arguments alone, and goes on where it was stopped."""

import dataclasses
import inspect
import json
import math
import os
import re
import shutil
import signal

import numpy as np
import pytest
import torch
from fit_toys import training
from safetensors.torch import load_file
from torch.nn.functional import binary_cross_entropy_with_logits
from toys import tiny_set

import polytag.recorder
import polytag.session
import polytag.train.saving
from polytag.cli.options import argument_help
from polytag.data.augment.crops import Sides
from polytag.data.augment.mixes import CutMix
from polytag.data.augment.randaugment import RandAugment
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.ready import Note, Progress
from polytag.data.splits import three_way
from polytag.estimator import MultiLabelClassifier
from polytag.fit import Training
from polytag.heads.linear import Linear
from polytag.labels import Labels
from polytag.labels.cooccurrence import conditional, label_graph
from polytag.labels.vectors import LENGTH
from polytag.run import Run
from polytag.train.loop import Epoch, Step
from polytag.train.optimizers import sgd
from polytag.train.rate_finder import Climb
from polytag.train.schedules import Cosine


def weights(run):
    return load_file(run.path / "model.safetensors")


def equal(one, other):
    return all(torch.equal(value, weights(other)[key]) for key, value in weights(one).items())


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return training(tmp_path_factory.mktemp("plain") / "run").finish()


@pytest.mark.parametrize("options", [{}, {"workers": 3}, {"cache": "none"}, {"cache": "memory"}, {"device": "cpu"}])
def test_where_and_how_fast_it_runs_changes_nothing(options, plain, tmp_path):
    assert equal(training(tmp_path / "run", **options).finish(), plain)


@pytest.mark.parametrize("options", [{"seed": 1}, {"flip": 0.0}, {"loss": {"name": "asl", "gamma_neg": 1.0}}])
def test_what_is_learned_depends_on_the_arguments(options, plain, tmp_path):
    assert not equal(training(tmp_path / "run", **options).finish(), plain)


def test_everything_random_leaves_the_global_generators_alone(tmp_path):
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    training(tmp_path / "run").finish()
    assert torch.equal(torch.random.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002


def test_events_come_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(polytag.session, "REPORT_EVERY", math.inf)  # however slow the machine is
    events = list(training(tmp_path / "run", batch_size=64))
    assert [type(event) for event in events] == [Progress, Note, Note, Epoch, Epoch]
    assert events[1].text.startswith("no splits in the data: ")
    train = Run.open(tmp_path / "run").config["data"]["photos"]["train"]
    assert events[2].text == f"batch size {train}, since there are only {train} training photos"


def test_the_test_photos_are_judged_once_and_never_before_the_end(tmp_path, monkeypatch):
    judged, evaluate = [], polytag.session.evaluate

    def watched(model, loader, device, team):
        judged.append(len(loader.data))
        return evaluate(model, loader, device, team)

    monkeypatch.setattr(polytag.session, "evaluate", watched)
    for event in training(tmp_path / "run"):
        if isinstance(event, Epoch):
            assert judged == []
    photos = Run.open(tmp_path / "run").config["data"]["photos"]
    assert judged == [photos["val"], photos["test"]]


def test_the_saved_metrics_are_those_of_the_saved_weights(plain):
    rows = (plain.path / "history.csv").read_text().splitlines()
    names, best = rows[0].split(","), plain.metrics["best"]
    row = dict(zip(names, rows[best["epoch"]].split(","), strict=True))
    assert plain.metrics["val"]["mAP"] == best["score"] == float(row[f"val_mAP_{best['weights']}"])


def test_epochs_may_be_judged_now_and_then_and_the_last_one_always(tmp_path):
    run = training(tmp_path / "run", epochs=3, evaluate_every=2, average=0.0).finish()
    rows = (run.path / "history.csv").read_text().splitlines()
    assert [bool(row.split(",")[-1]) for row in rows] == [True, False, True, True]
    assert "val_mAP_raw" in rows[0]
    assert "average" not in rows[0]


def test_a_loss_and_a_head_of_ones_own(plain, tmp_path):
    def head(channels, classes):
        return Linear(channels, classes)

    run = training(tmp_path / "run", loss=lambda z, t: binary_cross_entropy_with_logits(z, t), head=head).finish()
    assert run.config["model"]["head"] is None
    assert run.config["training"]["loss"] is None
    assert run.load_model(head).head.in_channels == plain.load_model().head.in_channels


def test_sizes_need_not_be_square_and_such_a_run_is_resumed(tmp_path):
    first = training(tmp_path / "run", image_size=(32, 40)).finish()
    assert first.preprocessing.image_size == (32, 40)
    before = weights(first)
    again = training(tmp_path / "run", image_size=(32, 40), resume=True).finish()
    assert all(torch.equal(value, before[key]) for key, value in weights(again).items())


def test_where_no_validation_score_is_defined_the_last_weights_are_kept_and_a_note_says_so(tmp_path):
    labels = Labels.from_dense(np.tile([[1], [0]], (6, 1)), ("cat",))
    split = np.array([0] * 8 + [1] * 2 + [2] * 2, np.int8)
    split[8:10] = (1, 0)  # one photo to choose by
    data = LabelledSet(ImageArrays(tiny_set(12).images.arrays), labels, split)
    events = list(training(tmp_path / "run", data=data))
    assert events[-1] == Note("mAP is undefined on 1 validation photo; the last weights are kept")
    run = Run.open(tmp_path / "run")
    assert run.metrics["best"]["epoch"] == 2
    assert run.metrics["best"]["score"] is None
    assert run.metrics["val"]["mAP"] is None


def test_unknown_labels_and_labels_without_any_positive_do_not_stop_it(tmp_path):
    targets = tiny_set(30).labels.dense()
    targets[::3, 0] = -1
    targets[:, 1] = 0
    targets[:, 2] = -1
    data = LabelledSet(tiny_set(30).images, Labels.from_dense(targets, list("abcd")))
    run = training(tmp_path / "run", data=data).finish()
    assert math.isfinite(run.metrics["best"]["score"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_last_step_is_not_lost(number, plain, tmp_path):
    out = tmp_path / "run"
    events = iter(training(out))
    last = plain.config["training"]["epochs"]
    while not (isinstance(event := next(events), Epoch) and event.number == last):
        pass
    os.kill(os.getpid(), number)
    with pytest.raises(KeyboardInterrupt) as stop:
        next(events)
    assert str(stop.value) == (
        f"stopped before the test photos, kept in {out}; the same command with --out {out} --resume goes on"
    )
    assert not (out / "metrics.json").exists()
    assert equal(training(out, resume=True).finish(), plain)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_the_step_with_all_of_it_saved(number, plain, tmp_path):
    before = signal.getsignal(number)
    events = iter(training(tmp_path / "run"))
    while not isinstance(next(events), Epoch):
        pass
    os.kill(os.getpid(), number)
    assert next(events).interrupted
    with pytest.raises(KeyboardInterrupt) as stop:
        next(events)
    out = tmp_path / "run"
    assert str(stop.value) == (
        f"stopped after step 4, kept in {out}; the same command with --out {out} --resume goes on"
    )
    assert signal.getsignal(number) is before
    assert equal(training(out, resume=True).finish(), plain)


def test_resuming_needs_neither_the_network_nor_the_weights_that_it_started_from(plain, tmp_path):
    start = shutil.copytree(plain.path, tmp_path / "start")
    for event in training(tmp_path / "run", weights=str(start)):
        if isinstance(event, Epoch):
            break
    shutil.rmtree(start)
    run = training(tmp_path / "run", weights=str(start), resume=True).finish()
    assert (run.path / "history.csv").read_text().count("\n") == 3


def test_a_batch_larger_than_the_photos_shrinks_to_what_its_parts_divide(tmp_path):
    small = tiny_set(13)
    small.split = np.repeat(np.array([0, 1, 2], np.int8), (7, 3, 3))
    notes = [e.text for e in training(tmp_path / "run", data=small, batch_size=32, accumulate=2) if isinstance(e, Note)]
    assert "batch size 6, since there are only 7 training photos" in notes


def test_a_loss_of_cosines_trains_a_normalised_head_that_is_loaded_as_such(tmp_path):
    run = training(tmp_path / "run", loss="aam", head={"name": "linear", "scale": 17.0}).finish()
    assert run.config["model"]["head"] == {"name": "linear", "normalize": True, "scale": 17.0}
    head = run.load_model().head
    assert (head.normalize, head.scale.item()) == (True, 17.0)


@pytest.mark.parametrize("vectors", ["cooccurrence", "images"])
def test_a_head_is_told_of_the_training_labels_once_and_never_again(vectors, tmp_path, monkeypatch):
    head = {"name": "gat", "vectors": vectors, "vector_size": 6, "threshold": 0.3}
    made = training(tmp_path / "run", head=head)
    events = iter(made)
    told = next(event.text for event in events if isinstance(event, Note) and event.text.startswith("label graph"))
    assert re.fullmatch(
        rf"label graph: \d+ of 12 edges, where a label brings another one with 30% or more; vectors: {vectors}", told
    )
    next(event for event in events if isinstance(event, Epoch))
    events.close()
    monkeypatch.setattr("polytag.session.tell_labels", lambda known: pytest.fail("told again"))
    run = training(tmp_path / "run", head=head, resume=True).finish()
    nodes = run.load_model().head.nodes
    train = three_way(tiny_set(30), 0).train
    expected = label_graph(conditional(train.labels), 0.3)
    np.testing.assert_allclose(nodes.graph, expected, rtol=1e-6)
    assert nodes.vectors.shape == (4, 6)
    assert nodes.vectors.norm(dim=1).sub(LENGTH).abs().max() < 1e-4


def test_objects_of_ones_own_stand_for_names(tmp_path):
    own = {"crop": Sides(0.5), "augment": RandAugment(), "mix": CutMix(), "schedule": Cosine(), "optimizer": sgd}
    run = training(tmp_path / "run", **own).finish()
    named = {"augment": "randaugment", "mix": "cutmix", "schedule": "cosine", "optimizer": "sgd"}
    named["crop"] = {"name": "sides", "smallest": 0.5}
    assert equal(run, training(tmp_path / "named", **named).finish())
    training(tmp_path / "other", lr="auto", search=Climb()).finish()


def test_every_argument_is_documented_and_the_estimator_has_the_same_defaults():
    fields = {field.name: field.default for field in dataclasses.fields(Training)}
    assert set(argument_help(Training)) == set(fields)
    estimator = inspect.signature(MultiLabelClassifier).parameters
    of_the_folder = {"data", "out", "resume", "overwrite", "command", "source", "track", "fits", "jobs_on"}
    shared = fields.keys() - of_the_folder - {"on_bad_image", "judge_test"}  # it stops, and scores whatever it is given
    assert estimator.keys() == shared | {"classes", "out"}
    assert {name: estimator[name].default for name in shared} == {name: fields[name] for name in shared}


def test_steps_are_told_while_it_runs(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(polytag.session, "REPORT_EVERY", math.inf)
        events = [event for event in training(tmp_path / "run") if isinstance(event, Step)]
    assert events == []  # epochs that are over before there is anything to report
    monkeypatch.setattr(polytag.train.saving, "EVERY", 0.0)
    saved = []
    monkeypatch.setattr(polytag.recorder.Recorder, "save", lambda self, event: saved.append(event.state.step))
    times = iter(range(10**6))
    monkeypatch.setattr(polytag.recorder.time, "monotonic", lambda: float(next(times)))
    events = [event for event in training(tmp_path / "slow") if isinstance(event, Step)]
    assert [event.step for event in events] == [1, 2, 3, 4, 5, 6]
    assert saved == [1, 2, 3, 3, 4, 5, 6, 6]
    history = (tmp_path / "slow" / "history.csv").read_text()
    assert history.count("\n") == 3


def test_the_config_says_how_it_was_made(plain):
    config = json.loads((plain.path / "config.json").read_text())
    assert config["training"]["lr"] == 3e-3
    assert config["data"]["photos"] == {"train": 24, "val": 3, "test": 3}
    assert config["versions"].keys() == {"python", "torch", "timm"}
    assert config["data"]["fingerprint"] == tiny_set(30).fingerprint()
