"""One training, from photos and labels to a run folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from polytag._checks import check_choice, check_number
from polytag.backbones import preprocessing_defaults
from polytag.build import Choice, build_loss, factory
from polytag.data.augment import Augmentation, Chain, Flip, RandomCrop
from polytag.data.labelled_set import LabelledSet
from polytag.errors import OptionError
from polytag.run import Run
from polytag.session import Event, Session
from polytag.trackers import check_trackers
from polytag.train.device import accelerator_for, deterministic
from polytag.train.optimizers import OPTIMIZERS
from polytag.train.speed import SPEEDS


@dataclass(kw_only=True)
class Training:
    """Trains a model and writes a run folder; iterate over it to see it happen, or call :meth:`finish`.

    Args:
        data: photos and labels; split by what they say of themselves, else stratified.
        out: the run folder.
        backbone: any timm model with a feature map.
        weights: of the backbone: "pretrained" (from the hub), "none", a weights file, or a run folder of one's own.
        head, loss, method, sampler, schedule: names from the tables, ``{"name": ..., option: value}``, or objects of
            one's own.
        optimizer: a name from the table.
        image_size: pixels a side, or ``(height, width)``.
        epochs: passes over the training photos.
        batch_size: photos a step.
        accumulate: parts that a step is computed in, to save memory; doubled by itself where memory runs out.
        lr: learning rate at its highest.
        weight_decay: of weights with two or more dimensions.
        clip: largest norm of the gradient; 0 for none.
        average: decay of the running average of the weights; 0 for none.
        flip: probability of mirroring a training photo.
        crop: share of each side, in (0, 1], that a random crop of a training photo keeps at least; 1 for no crop.
        seed: of everything random.
        workers: threads that decode.
        cache: keep the photos decoded in memory; "auto" where they take under 2 GiB.
        speed: how a step is run: a name from the table, or "auto" to measure and take the fastest.
        deterministic: use algorithms alone that give the same numbers every time on a GPU, too; not with speed "auto".
        on_bad_image: "stop" with a list, or "skip" the photos that cannot be read.
        evaluate_every: epochs from one validation to the next.
        device: "auto", "cpu" or "cuda".
        track: experiment trackers to tell, beside the files of the run folder.
        jobs: trainings at once, where a method needs several.
        jobs_on: what runs them: "processes" of this machine, or "ray".
        resume: go on with the training that ``out`` holds.
        overwrite: replace the run that ``out`` holds.
        command: noted as the origin of the run.
        source: where the data came from, noted too: ``data``, ``reader``, ``images``, ``group_by``.

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
    optimizer: str = "adamw"
    schedule: Choice = "one_cycle"
    image_size: int | tuple[int, int] = 224
    epochs: int = 20
    batch_size: int = 32
    accumulate: int = 1
    lr: float = 5e-4
    weight_decay: float = 0.01
    clip: float = 0.0
    average: float = 0.9997
    flip: float = 0.5
    crop: float = 1.0
    seed: int = 0
    workers: int = 2
    cache: Literal["auto", "memory", "none"] = "auto"
    speed: str = "channels_last"
    deterministic: bool = False
    on_bad_image: Literal["stop", "skip"] = "stop"
    evaluate_every: int = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    track: tuple[str, ...] = ()
    jobs: int = 1
    jobs_on: Literal["processes", "ray"] = "processes"
    resume: bool = False
    overwrite: bool = False
    command: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.out = Path(self.out)
        for name, (low, high) in _RANGES.items():
            check_number(name, getattr(self, name), low, high)
        for name, allowed in _CHOICES.items():
            check_choice(name, getattr(self, name), allowed)
        for kind in ("head", "method", "sampler", "schedule"):
            factory(kind, getattr(self, kind))
        build_loss(self.loss)
        preprocessing_defaults(self.backbone, self.image_size)
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
        with deterministic(self.deterministic):
            yield from Session(self, accelerator_for(self.device)).events()

    def augmentation(self) -> Augmentation:
        """What changes a training photo."""
        return Chain(*([RandomCrop(self.crop)] if self.crop < 1 else []), Flip(self.flip))


_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 100_000),
    "batch_size": (1, 1_000_000),
    "accumulate": (1, 100_000),
    "lr": (1e-12, 1e3),
    "weight_decay": (0.0, 10.0),
    "clip": (0.0, float("inf")),
    "average": (0.0, 0.999999),
    "flip": (0.0, 1.0),
    "crop": (0.05, 1.0),
    "seed": (0, 2**62),
    "workers": (0, 256),
    "evaluate_every": (1, 100_000),
    "jobs": (1, 1024),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": tuple(OPTIMIZERS),
    "speed": ("auto", *SPEEDS),
    "cache": ("auto", "memory", "none"),
    "on_bad_image": ("stop", "skip"),
    "device": ("auto", "cpu", "cuda"),
    "jobs_on": ("processes", "ray"),
}
