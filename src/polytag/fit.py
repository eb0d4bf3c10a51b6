"""One training, from photos and labels to a run folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
from torch import nn
from torch.optim import Optimizer

from polytag._checks import check_choice, check_number, check_type
from polytag.backbones import preprocessing_defaults
from polytag.build import CHOICES, OBJECTS, Choice, build_loss, factory, head_for, made
from polytag.data.augment.base import Augmentation, Chain, Unchanged
from polytag.data.augment.cutout import Cutout
from polytag.data.augment.flip import Flip
from polytag.data.augment.turn import Rotate90, check_square
from polytag.data.labelled_set import LabelledSet
from polytag.errors import OptionError
from polytag.run import Run
from polytag.session import Event, Session
from polytag.trackers import check_trackers
from polytag.train.device import accelerator_for, deterministic
from polytag.train.memory import kept_memory
from polytag.train.speed import SPEEDS
from polytag.views import check_tta


@dataclass(kw_only=True)
class Training:
    """Trains a model and writes a run folder; iterate over it to see it happen, or call :meth:`finish`.

    Args:
        data: photos and labels; split by what they say of themselves, else stratified.
        out: the run folder.
        backbone: any timm model with a feature map.
        weights: of the backbone: "pretrained" (from the hub), "none", a weights file, or a run folder of one's own.
        head, loss, method, sampler, optimizer, schedule, sam, search, crop, augment, mix: names from the tables,
            ``{"name": ..., option: value}``, or objects of one's own. A training photo is cropped, augmented, cut out,
            flipped, turned and mixed, in this order.
        image_size: pixels a side, or ``(height, width)``.
        epochs: passes over the training photos.
        batch_size: photos a step.
        accumulate: parts that a step is computed in, to save memory; doubled by itself where memory runs out.
        lr: learning rate at its highest, or "auto" to look for one by ``search``.
        weight_decay: of weights with two or more dimensions.
        clip: largest norm of the gradient; 0 for none.
        frozen_epochs: at the start, in which the backbone is not trained.
        patience: judged epochs without a better score after which the training ends; 0 to never end early.
        average: decay of the running average of the weights; 0 for none.
        cutout: share of each side of a training photo that a painted rectangle has; 0 for none.
        cutout_probability: with which a training photo has one.
        flip: probability of mirroring a training photo left and right.
        flip_vertical: the same, top and bottom.
        rotate90: probability of turning a training photo by one, two or three quarter turns, for square image sizes.
        tta: views of a photo that the trained model is asked about: "none", the photo alone; "flip", with its mirror
            image; "d4", both in their four quarter turns. The best epoch is chosen by the photo alone.
        seed: of everything random.
        workers: threads that decode.
        cache: keep the photos decoded in memory, at the image size; "auto" where they take under 2 GiB, unless a crop
            enlarges parts of them.
        speed: how a step is run: a name from the table, or "auto" to measure and take the fastest.
        deterministic: use algorithms alone that give the same numbers every time on a GPU, too; not with speed "auto".
        on_bad_image: "stop" with a list, or "skip" the photos that cannot be read.
        evaluate_every: epochs from one validation to the next.
        judge_test: judge the best weights on the test photos in the end; not wanted while you explore.
        device: "auto", "cpu" or "cuda".
        track: experiment trackers to tell, beside the files of the run folder: tensorboard, wandb, mlflow.
        jobs: trainings at once, where a method needs several.
        jobs_on: what runs them: "processes" of this machine, or "ray".
        fits: the folder of the trainings that a method needs (teachers), below ``out`` by default; what is there is not
            trained again, so that trainings with one folder share their teachers.
        resume: go on with the training that ``out`` holds.
        overwrite: replace the run that ``out`` holds.
        command: noted as the origin of the run.
        source: where the data came from, noted too: ``data``, ``reader``, ``images``, ``classes``, ...

    Raises:
        PolytagError: one sentence; see the modules that do the work.
    """

    data: LabelledSet
    out: Path
    backbone: str = "mobilenetv3_large_100"
    weights: str = "pretrained"
    head: Choice = "linear"
    loss: Any = "bce"
    method: Choice = "supervised"
    sampler: Choice = "uniform"
    optimizer: Choice = "adamw"
    schedule: Choice = "one_cycle"
    sam: Choice = "none"
    image_size: int | tuple[int, int] = 224
    epochs: int = 20
    batch_size: int = 32
    accumulate: int = 1
    lr: float | Literal["auto"] = 5e-4
    search: Choice = "climb"
    weight_decay: float = 0.01
    clip: float = 0.0
    frozen_epochs: int = 0
    patience: int = 0
    average: float = 0.9997
    crop: Choice = "none"
    augment: Choice = "randaugment"
    cutout: float = 0.4
    cutout_probability: float = 0.5
    flip: float = 0.5
    flip_vertical: float = 0.0
    rotate90: float = 0.0
    mix: Choice = "none"
    tta: Literal["none", "flip", "d4"] = "none"
    seed: int = 0
    workers: int = 2
    cache: Literal["auto", "memory", "none"] = "auto"
    speed: str = "channels_last"
    deterministic: bool = False
    on_bad_image: Literal["stop", "skip"] = "stop"
    evaluate_every: int = 1
    judge_test: bool = True
    device: Literal["auto", "cpu", "cuda"] = "auto"
    track: tuple[str, ...] = ()
    jobs: int = 1
    jobs_on: Literal["processes", "ray"] = "processes"
    fits: str = ""
    resume: bool = False
    overwrite: bool = False
    command: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.out = Path(self.out)
        for each in fields(self):
            if each.name not in ("data", "out"):
                setattr(self, each.name, _plain(getattr(self, each.name)))
            if each.type is int:
                check_type(each.name, getattr(self, each.name), int)
        for name, (low, high) in _RANGES.items():
            check_number(name, getattr(self, name), low, high)
        if self.lr != "auto":
            check_rate(self.lr)
        for name, allowed in _CHOICES.items():
            check_choice(name, getattr(self, name), allowed)
        for kind in CHOICES:
            factory(kind, getattr(self, kind))
        for kind in OBJECTS:
            made(kind, getattr(self, kind))
        build_loss(self.loss)
        self.head = head_for(self.loss, self.head)
        if all(isinstance(choice, str | Mapping) for choice in (self.optimizer, self.sam)):
            self.optimizer_of(nn.Linear(1, 1, device="meta"), 1.0)
        if self.search != "climb" and self.lr != "auto":
            raise OptionError(f"a search is for lr auto, and lr is {self.lr!r}; leave one of them out")
        size = preprocessing_defaults(self.backbone, self.image_size).image_size
        check_tta(self.tta, size)
        if self.rotate90:
            check_square("rotate90", size)
        check_trackers(self.track)
        if self.deterministic and self.speed == "auto":
            raise OptionError("deterministic excludes speed auto, which measures and may choose otherwise next time")
        if self.resume and self.overwrite:
            raise OptionError("resume and overwrite exclude each other; choose one")
        if self.batch_size % self.accumulate:
            raise OptionError(f"batch_size must be a multiple of accumulate {self.accumulate}, got {self.batch_size}")

    def finish(self) -> Run:
        """Train to the end; the run folder."""
        for _ in self:
            pass
        return Run.open(self.out)

    def __iter__(self) -> Iterator[Event]:
        with deterministic(self.deterministic), kept_memory():
            yield from Session(self, accelerator_for(self.device)).events()

    def optimizer_of(self, method: nn.Module, lr: float) -> Optimizer:
        """What moves the weights of a method, at a learning rate."""
        base = factory("optimizer", self.optimizer)(method, lr, self.weight_decay)
        optimizer: Optimizer = factory("sam", self.sam)(base, method.buffers())
        return optimizer

    def augmentation(self) -> Augmentation | None:
        """What changes a training photo once it is cropped; None where nothing does."""
        parts = [made("augment", self.augment)]
        if isinstance(parts[0], Unchanged) and not (self.cutout or self.flip or self.flip_vertical or self.rotate90):
            return None
        parts += [Cutout(self.cutout, self.cutout_probability)] if self.cutout else []
        parts += [Flip(self.flip), Flip(self.flip_vertical, vertical=True)]
        return Chain(*parts, *([Rotate90(self.rotate90)] if self.rotate90 else []))


def _plain(value: Any) -> Any:
    """The same with numpy's numbers, as searches draw them, as Python's."""
    if isinstance(value, np.generic):
        return value.item()
    if type(value) in (tuple, list):
        return type(value)(map(_plain, value))
    return {key: _plain(each) for key, each in value.items()} if type(value) is dict else value


def check_rate(lr: object) -> None:
    """Raise :class:`OptionError` unless it is a learning rate."""
    if isinstance(lr, bool) or not isinstance(lr, int | float):
        raise OptionError(f"lr must be a number or auto, got {lr!r}")
    check_number("lr", lr, 1e-12, 1e3)


_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 100_000),
    "batch_size": (1, 1_000_000),
    "accumulate": (1, 100_000),
    "weight_decay": (0.0, 10.0),
    "clip": (0.0, float("inf")),
    "frozen_epochs": (0, 100_000),
    "patience": (0, 100_000),
    "average": (0.0, 0.999999),
    "cutout": (0.0, 1.0),
    "cutout_probability": (0.0, 1.0),
    "flip": (0.0, 1.0),
    "flip_vertical": (0.0, 1.0),
    "rotate90": (0.0, 1.0),
    "seed": (0, 2**62),
    "workers": (0, 256),
    "evaluate_every": (1, 100_000),
    "jobs": (1, 1024),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "speed": ("auto", *SPEEDS),
    "cache": ("auto", "memory", "none"),
    "on_bad_image": ("stop", "skip"),
    "device": ("auto", "cpu", "cuda"),
    "jobs_on": ("processes", "ray"),
}
