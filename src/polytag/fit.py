"""One training, from photos and labels to a run folder."""

import dataclasses
import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from polytag._checks import check_choice, check_number
from polytag._interrupt import Interrupts
from polytag._text import counted
from polytag.backbones import preprocessing_defaults
from polytag.build import Choice, build_loss, build_model, describe, factory
from polytag.card import write_card
from polytag.data.augment import Augmentation, Chain, Flip, RandomCrop
from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Loader
from polytag.data.preprocessing import Preprocessing
from polytag.data.ready import Progress, ready
from polytag.data.splits import Split, three_way
from polytag.errors import OptionError
from polytag.inference import Judge, evaluate
from polytag.method import Context, Method
from polytag.recorder import Recorder, check_folder, has_state
from polytag.run import METRICS, Run, new_config, save_json
from polytag.train.device import accelerator_for
from polytag.train.loop import Epoch, Step, train
from polytag.train.optimizers import OPTIMIZERS
from polytag.train.speed import SPEEDS, fastest
from polytag.weights import load_weights

SAVE_EVERY = 60.0  # seconds between two saves of the training state
SCORE = "mAP"


@dataclass(frozen=True)
class Note:
    """A sentence for the user: something inferred, chosen or left out."""

    text: str


Event = Note | Progress | Step | Epoch


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
        accumulate: parts that a step is computed in, to save memory.
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
        on_bad_image: "stop" with a list, or "skip" the photos that cannot be read.
        evaluate_every: epochs from one validation to the next.
        device: "auto", "cpu" or "cuda".
        resume: go on with the training that ``out`` holds.
        overwrite: replace the run that ``out`` holds.
        command: noted as the origin of the run.

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
    lr: float = 1e-3
    weight_decay: float = 0.01
    clip: float = 0.0
    average: float = 0.9997
    flip: float = 0.5
    crop: float = 1.0
    seed: int = 0
    workers: int = 2
    cache: Literal["auto", "memory", "none"] = "auto"
    speed: str = "channels_last"
    on_bad_image: Literal["stop", "skip"] = "stop"
    evaluate_every: int = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    resume: bool = False
    overwrite: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        self.out = Path(self.out)
        for name, (low, high) in _RANGES.items():
            check_number(name, getattr(self, name), low, high)
        for name, allowed in _CHOICES.items():
            check_choice(name, getattr(self, name), allowed)
        for kind in ("head", "method", "sampler", "schedule"):
            factory(kind, getattr(self, kind))
        build_loss(self.loss)
        self._preprocessing()
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
        check_folder(self.out, self.resume, self.overwrite)
        accelerator = accelerator_for(self.device)
        three_way(self.data, self.seed)  # what cannot be split or built is refused before any photo is decoded
        preprocessing = self._preprocessing()
        method = yield from self._method(self.data.classes, preprocessing)
        data = yield from ready(self.data, preprocessing, self.workers, self.cache, self.on_bad_image)
        split = three_way(data, self.seed)
        yield from map(Note, (*data.notes, *split.notes))
        most = len(split.train) // self.accumulate * self.accumulate
        batch_size = min(self.batch_size, max(most, self.accumulate))
        if batch_size < self.batch_size:
            yield Note(f"batch size {batch_size}, since there are only {counted(len(split.train), 'training photo')}")

        loader = Loader(split.train, preprocessing, self._augmentation(), self.workers)
        speed = self.speed
        if speed == "auto" and self.resume:
            speed = Run.open(self.out).config.get("speed", speed)  # a run goes on as it began
        if speed == "auto":
            steps = self.epochs * (len(split.train) // batch_size)
            context = Context(accelerator, self.seed)
            speed, text = fastest(method, loader, context, batch_size // self.accumulate, steps * self.accumulate)
            yield Note(text)

        recorder = Recorder(self.out, self._config(data, split, preprocessing) | {"speed": speed}, SCORE)
        saved = None
        if self.resume:
            saved = recorder.resume()
        else:
            recorder.start()
        judge = Judge(Loader(split.val, preprocessing, None, self.workers), accelerator.device)
        with Interrupts() as interrupts:
            started = saved_at = time.monotonic()
            done = saved["step"] if saved else 0
            for event in train(
                method,
                loader,
                epochs=self.epochs,
                batch_size=batch_size,
                optimizer=lambda trained: OPTIMIZERS[self.optimizer](trained, self.lr, self.weight_decay),
                schedule=factory("schedule", self.schedule)(),
                accelerator=accelerator,
                seed=self.seed,
                average=self.average or None,
                evaluate=judge,
                evaluate_every=self.evaluate_every,
                score=SCORE,
                accumulate=self.accumulate,
                clip=self.clip or None,
                speed=SPEEDS[speed],
                interrupted=interrupts.seen,
                resume=saved,
            ):
                now = time.monotonic()
                if isinstance(event, Epoch):
                    photos = (event.state.step - done) * batch_size
                    recorder.epoch(event, now - started - judge.take_seconds(), photos)
                if isinstance(event, Epoch) or interrupts.seen() or now - saved_at >= SAVE_EVERY:
                    recorder.save(event)
                    saved_at = time.monotonic()
                yield event
                if isinstance(event, Epoch):
                    started, done = time.monotonic(), event.state.step
                if interrupts.seen() and event.state.epoch < self.epochs:
                    raise KeyboardInterrupt(
                        f"stopped after step {event.state.step}, kept in {self.out}; "
                        f"the same command with --out {self.out} --resume goes on"
                    )
        if recorder.best["score"] == -math.inf:
            yield Note(
                f"{SCORE} is undefined on {counted(len(split.val), 'validation photo')}; the last weights are kept"
            )
        self._conclude(recorder, split, preprocessing, accelerator.device)

    def _preprocessing(self) -> Preprocessing:
        size = (self.image_size, self.image_size) if isinstance(self.image_size, int) else self.image_size
        return dataclasses.replace(preprocessing_defaults(self.backbone), image_size=size)

    def _augmentation(self) -> Augmentation:
        return Chain(*([RandomCrop(self.crop)] if self.crop < 1 else []), Flip(self.flip))

    def _method(self, classes: tuple[str, ...], preprocessing: Preprocessing) -> Generator[Event, None, Method]:
        saved = self.resume and has_state(self.out)
        weights = "none" if saved else self.weights  # a saved state has all of them
        model = build_model(
            self.backbone,
            self.head,
            len(classes),
            image_size=preprocessing.image_size,
            pretrained=weights == "pretrained",
            seed=self.seed,
        )
        yield from map(Note, load_weights(model, weights, classes))
        method: Method = factory("method", self.method)(model, build_loss(self.loss), factory("sampler", self.sampler))
        return method

    def _config(self, data: LabelledSet, split: Split, preprocessing: Preprocessing) -> dict[str, Any]:
        arguments = {f.name: describe(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name != "data"}
        counts = {name: len(part) for name, part in zip(("train", "val", "test"), split[:3], strict=True)}
        return new_config(
            backbone=self.backbone,
            head=describe(self.head),
            classes=data.classes,
            preprocessing=preprocessing,
            thresholds=[0.5] * len(data.classes),
            training=arguments,
            data={
                "fingerprint": data.fingerprint(),
                "train_fingerprint": split.train.fingerprint(),
                "photos": counts,
                "notes": [*data.notes, *split.notes],
            },
            command=self.command,
        )

    def _conclude(self, recorder: Recorder, split: Split, preprocessing: Preprocessing, device: torch.device) -> None:
        """Judge the best weights on the test photos, which nothing has looked at before."""
        run = Run.open(self.out)
        model = run.load_model(factory("head", self.head)).to(device)
        metrics: dict[str, Any] = {"best": recorder.best}
        for name, part in (("val", split.val), ("test", split.test)):
            if len(part):
                metrics[name] = evaluate(model, Loader(part, preprocessing, None, self.workers), device).compute()
        save_json(self.out / METRICS, metrics)
        write_card(run, metrics)


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
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": tuple(OPTIMIZERS),
    "speed": ("auto", *SPEEDS),
    "cache": ("auto", "memory", "none"),
    "on_bad_image": ("stop", "skip"),
    "device": ("auto", "cpu", "cuda"),
}
