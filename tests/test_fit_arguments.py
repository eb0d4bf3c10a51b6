"""What a training promises of its arguments: each of them reaches what it is about."""

import dataclasses

import numpy as np
import pytest
import torch
from fit_toys import training
from safetensors.torch import load_file
from toys import tiny_set

import polytag.session
from polytag.data.augment.base import Chain
from polytag.data.augment.cutout import Cutout
from polytag.data.augment.flip import Flip
from polytag.data.augment.randaugment import RandAugment
from polytag.data.augment.turn import Rotate90
from polytag.data.ready import Note
from polytag.errors import RunError
from polytag.fit import Training
from polytag.recorder import Recorder
from polytag.run import Run
from polytag.run_config import FREE
from polytag.samplers.rebalanced import Rebalanced
from polytag.train.sam import SAM
from polytag.train.schedules import Constant


def weights(run):
    return load_file(run.path / "model.safetensors")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return training(tmp_path_factory.mktemp("plain") / "run", average=0.0).finish()


@pytest.mark.parametrize(
    "options",
    [
        {"sam": "plain"},
        {"clip": 1e-4},
        {"optimizer": "sgd"},
        {"optimizer": {"name": "adamw", "backbone_lr": 0.1}},
        {"schedule": "constant"},
        {"weight_decay": 1.0},
        {"frozen_epochs": 1},
        {"sampler": "rebalanced"},
        {"flip_vertical": 1.0},
        {"rotate90": 1.0},
        {"augment": "none"},
        {"cutout": 0.5, "cutout_probability": 1.0},
        {"crop": "sides"},
        {"mix": "mixup"},
        {"lr": 1e-3},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_is_learned_depends_on_each_argument(options, plain, tmp_path):
    other = weights(training(tmp_path / "run", average=0.0, **options).finish())
    assert not all(torch.equal(value, other[key]) for key, value in weights(plain).items())


def test_the_loop_gets_what_the_arguments_say(tmp_path, monkeypatch):
    seen = {}

    def spy(method, loader, **options):
        seen.update(options, method=method, loader=loader, base=options["optimizer"](method))
        raise KeyboardInterrupt

    monkeypatch.setattr(polytag.session, "train", spy)
    options = {"sam": "plain", "clip": 2.0, "frozen_epochs": 1, "patience": 3, "sampler": "rebalanced", "lr": 0.5}
    options |= {"schedule": "constant", "optimizer": "sgd", "weight_decay": 0.25, "average": 0.75, "evaluate_every": 2}
    with pytest.raises(KeyboardInterrupt):
        training(tmp_path / "run", **options).finish()
    assert (seen["clip"], seen["frozen"], seen["stopping"].patience) == (2.0, 1, 3)
    assert (seen["average"], seen["evaluate_every"], seen["epochs"], seen["batch_size"]) == (0.75, 2, 2, 8)
    assert isinstance(seen["schedule"], Constant)
    assert isinstance(seen["base"], SAM)
    assert {group["weight_decay"] for group in seen["base"].param_groups} == {0.0, 0.25}
    assert {group["lr"] for group in seen["base"].param_groups} == {0.5}
    assert all("momentum" in group for group in seen["base"].param_groups)
    assert isinstance(seen["method"].samplers(tiny_set(30).labels)[0], Rebalanced)


def test_a_training_ends_early_where_the_score_no_longer_rises(tmp_path, monkeypatch):
    scores = iter([0.5, 0.4, 0.3, 0.2, 0.1])
    monkeypatch.setattr(polytag.session.Judge, "__call__", lambda self, model: {"mAP": next(scores)})
    options = {"epochs": 5, "patience": 2, "average": 0.0, "judge_test": False}
    notes = [event.text for event in training(tmp_path / "run", **options) if isinstance(event, Note)]
    ended = next(text for text in notes if text.startswith("ended after epoch "))
    assert ended == "ended after epoch 3 of 5, since mAP no longer rose or could not"


def test_photos_are_changed_as_the_arguments_say(tmp_path):
    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    upside_down = training(tmp_path, augment="none", cutout=0.0, flip=0.0, flip_vertical=1.0).augmentation()
    np.testing.assert_array_equal(upside_down(image, np.random.default_rng(0)), image[::-1])
    mirrored = training(tmp_path, augment="none", cutout=0.0, flip=1.0, flip_vertical=0.0).augmentation()
    np.testing.assert_array_equal(mirrored(image, np.random.default_rng(0)), image[:, ::-1])
    turned = training(tmp_path, augment="none", cutout=0.0, flip=0.0, rotate90=1.0).augmentation()
    square = image[:, :2]
    seen = {turned(square, np.random.default_rng(seed)).tobytes() for seed in range(30)}
    assert seen == {np.rot90(square, turns).tobytes() for turns in (1, 2, 3)}
    cut = training(tmp_path, augment="none", cutout=0.5, cutout_probability=1.0, flip=0.0).augmentation()
    grey = np.full((8, 8, 3), 7, np.uint8)
    assert all((cut(grey, np.random.default_rng(seed)) != 7).any() for seed in range(20))
    never = training(tmp_path, augment="none", cutout=0.5, cutout_probability=0.0, flip=0.0).augmentation()
    assert all((never(grey, np.random.default_rng(seed)) == 7).all() for seed in range(20))
    whole = training(tmp_path, augment="randaugment", cutout=0.5, flip=0.5, flip_vertical=0.5, rotate90=0.5)
    whole = whole.augmentation()
    assert isinstance(whole, Chain)
    assert [type(part) for part in whole.parts] == [RandAugment, Cutout, Flip, Flip, Rotate90]
    assert training(tmp_path, augment="none", cutout=0.0, flip=0.0).augmentation() is None


# What docs/exact.md says may change when a run is resumed, and what is no argument of the result.
RESUMED = {"out", "workers", "device", "track", "jobs", "jobs_on", "fits", "accumulate", "judge_test"}
OF_THE_CALL = {"resume", "overwrite", "command", "source", "data"}


@pytest.mark.parametrize("name", sorted({field.name for field in dataclasses.fields(Training)} - RESUMED - OF_THE_CALL))
def test_every_other_argument_must_be_that_which_the_run_was_started_with(name, trained):
    assert set(FREE) == (RESUMED | OF_THE_CALL) - {"data"}
    config = Run.open(trained).config
    config["training"][name] = "something else"
    with pytest.raises(RunError, match=f"was started with {name} "):
        Recorder(trained, config, "mAP").resume()
