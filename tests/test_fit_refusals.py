"""What a training refuses: arguments out of their range when it is made, and early on what cannot succeed."""

import math
from types import SimpleNamespace

import pytest
import torch
from fit_toys import training
from toys import tiny_set

import polytag.recorder
import polytag.session
import polytag.train.device
from polytag.errors import DataError, DivergedError, OptionError, RunError
from polytag.train.optimizers import OPTIMIZERS


def test_what_cannot_be_built_is_refused_before_any_photo_is_decoded(tmp_path, monkeypatch):
    def decoded(*arguments):
        raise AssertionError

    monkeypatch.setattr(polytag.session, "ready", decoded)
    with pytest.raises(RunError, match=r"there is no gone\.pth$"):
        training(tmp_path / "run", weights="gone.pth").finish()
    one = tiny_set(1)
    with pytest.raises(DataError, match=r"^1 photo cannot be split"):
        training(tmp_path / "run", data=one).finish()
    assert not (tmp_path / "run").exists()


def test_a_batch_that_cannot_be_split_is_refused(tmp_path):
    with pytest.raises(
        OptionError,
        match=r"^batch_size must be a multiple of accumulate 2, got 7$",
    ):
        training(tmp_path / "run", batch_size=7, accumulate=2).finish()


def test_a_model_that_answers_with_nan_is_refused_by_its_cause(tmp_path):
    with pytest.raises((DivergedError, RunError), match=r"; lower the learning rate$"):
        training(tmp_path / "run", lr=1000.0, epochs=8).finish()


def test_one_process_trains_on_one_device(tmp_path, monkeypatch):
    def refuse(device):
        with pytest.raises(OptionError) as refusal:
            training(tmp_path / "run", device=device).finish()
        return str(refusal.value)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert refuse("cuda") == "device is cuda, and torch finds no GPU on this machine; use auto or cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        polytag.train.device, "Accelerator", lambda **options: SimpleNamespace(device=torch.device("cpu"))
    )
    assert refuse("cuda") == "device is cuda, and this process has trained on the CPU; start another process"

    def begun(**options):
        raise ValueError("AcceleratorState has already been initialized")

    monkeypatch.setattr(polytag.train.device, "Accelerator", begun)
    assert refuse("cpu") == "device is cpu, and this process has trained on a GPU; start another process"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 0}, "epochs must be between 1 and 100000, got 0"),
        ({"epochs": 2.5}, "epochs must be a whole number, got 2.5"),
        ({"crop": {"name": "sides", "smallest": 0.0}}, "smallest must be between 0.05 and 1, got 0.0"),
        ({"cutout": 1.5}, "cutout must be between 0 and 1, got 1.5"),
        ({"patience": -1}, "patience must be between 0 and 100000, got -1"),
        ({"sam": {"name": "plain", "rho": -1.0}}, "rho must be between 0 and 1000, got -1.0"),
        ({"optimizer": {"name": "sgd", "bias_lr": -1.0}}, "bias_lr must be between 0 and 1000, got -1.0"),
        ({"average": 1.0}, "average must be between 0 and 0.999999, got 1.0"),
        ({"lr": math.nan}, "lr must be between 1e-12 and 1000, got nan"),
        ({"optimizer": "lion"}, "optimizer must be one of {optimizer}, got 'lion'"),
        ({"cache": "disk"}, "cache must be one of auto, memory, none, got 'disk'"),
        ({"image_size": 0}, "each side of image_size must be between 1 and 8192, got 0"),
        ({"image_size": (32,)}, "image_size must be 2 whole numbers, got (32,)"),
        (
            {"schedule": {"name": "constant", "size": 1}},
            "the schedule 'constant' has no option 'size'; it takes warmup",
        ),
        ({"search": "halving"}, "a search is for lr auto, and lr is 0.003; leave one of them out"),
        ({"lr": "fast"}, "lr must be a number or auto, got 'fast'"),
        ({"resume": True, "overwrite": True}, "resume and overwrite exclude each other; choose one"),
    ],
)
def test_arguments_are_checked_when_it_is_made(options, sentence, tmp_path):
    with pytest.raises(OptionError) as refusal:
        training(tmp_path / "run", **options)
    assert str(refusal.value) == sentence.format(optimizer=", ".join(OPTIMIZERS))


def test_vectors_that_cannot_be_had_are_refused_before_any_photo_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(polytag.session, "ready", pytest.fail)
    with pytest.raises(
        DataError, match=r"^vectors must be cooccurrence, images, random or a file, and there is no glove"
    ):
        training(tmp_path / "run", head={"name": "gat", "vectors": "glove.txt"}).finish()
    assert not (tmp_path / "run").exists()
