"""What happens when a :class:`polytag.Training` runs: its photos, its model, its steps, its run folder."""

import dataclasses
import gc
import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator
from accelerate.utils.memory import should_reduce_batch_size

from polytag._interrupt import Interrupts
from polytag._team import Team, lost_process
from polytag._text import counted
from polytag.backbones import preprocessing_defaults
from polytag.build import build_loss, build_model, describe, factory
from polytag.card import write_card
from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Loader
from polytag.data.ready import Progress, ready
from polytag.data.splits import Split, three_way
from polytag.errors import OptionError, ProcessError
from polytag.fits import Fits, arguments_of
from polytag.inference import Judge, evaluate
from polytag.method import Context, Method
from polytag.recorder import FREE, Recorder, alone_in, check_folder, has_run, has_state
from polytag.run import METRICS, Run, new_config, save_json
from polytag.scores import photos_fingerprint, save_scores
from polytag.trackers import Trackers
from polytag.train.device import restarted
from polytag.train.loop import Epoch, Step, train
from polytag.train.optimizers import OPTIMIZERS
from polytag.train.speed import SPEEDS, fastest, has_bf16, without_bf16
from polytag.weights import load_weights

if TYPE_CHECKING:
    from polytag.fit import Training

SCORE = "mAP"
REPORT_EVERY = 1.0  # seconds between two Steps


@dataclass(frozen=True)
class Note:
    """A sentence for the user: something inferred, chosen or left out."""

    text: str


Event = Note | Progress | Step | Epoch


class Session:
    """One training as it runs, in one process or as one of several.

    Args:
        training: what to do.
        accelerator: the one of this program.
    """

    def __init__(self, training: "Training", accelerator: Accelerator) -> None:
        self.training, self.accelerator, self.team = training, accelerator, Team.of(accelerator)
        self.preprocessing = preprocessing_defaults(training.backbone, training.image_size)
        self.device: torch.device = accelerator.device

    def events(self) -> Iterator[Event]:
        """Everything that happens, to the end."""
        t, team = self.training, self.team
        resume = team.from_first(lambda: t.resume or (restarted() and has_run(t.out)))
        team.from_first(lambda: check_folder(t.out, resume, t.overwrite and not resume))
        data, split, method = yield from team.together(self._prepared(resume))
        parts = t.accumulate
        with alone_in(t.out, team.first):
            while True:
                try:
                    yield from self._trained(data, split, method, parts, resume)
                    return
                except RuntimeError as error:
                    parts = self._parts_after(error, parts)
                resume = has_run(t.out)
                method, _ = self._method(resume)  # the one that failed goes
                release_memory()
                yield Note(f"out of memory; from here on, each step is computed in {parts} parts")

    def _prepared(self, resume: bool) -> Generator[Event, None, tuple[LabelledSet, Split, Method]]:
        """The photos, decoded if wanted, how they are split, and what is trained on them."""
        t = self.training
        three_way(t.data, t.seed)  # what cannot be split or built is refused before any photo is decoded
        method, notes = self._method(resume)
        yield from map(Note, notes)
        data = yield from ready(t.data, self.preprocessing, t.workers, t.cache, t.on_bad_image)
        split = three_way(data, t.seed)
        yield from map(Note, (*data.notes, *split.notes))
        return data, split, method

    def _method(self, resume: bool) -> tuple[Method, list[str]]:
        """The method around a model with its first weights, and what there is to say of those."""
        t = self.training
        # A saved state has all weights, so neither the network nor a file is asked for them again.
        weights = "none" if resume and has_state(t.out) else t.weights
        model = build_model(
            t.backbone,
            t.head,
            len(t.data.classes),
            image_size=self.preprocessing.image_size,
            pretrained=weights == "pretrained",
            seed=t.seed,
        )
        notes = load_weights(model, weights, t.data.classes)
        return factory("method", t.method)(model, build_loss(t.loss), factory("sampler", t.sampler)), notes

    def _trained(self, data: LabelledSet, split: Split, method: Method, parts: int, resume: bool) -> Iterator[Event]:
        """The steps, from the first or from where they were left, and the run folder that they end in."""
        t, team = self.training, self.team
        recorder = Recorder(t.out, self._config(data, split), SCORE, team.first)
        saved = team.from_first(recorder.resume) if resume else None
        began = team.from_first(lambda: Run.open(t.out).config.get("running", {})) if resume else {}
        parts = max(parts, began.get("accumulate", 1))  # a run goes on as it began
        batch_size = self._batch_size(len(split.train), parts * team.size)
        if batch_size < t.batch_size:
            yield Note(f"batch size {batch_size}, since there are only {counted(len(split.train), 'training photo')}")
        loader = Loader(split.train, self.preprocessing, t.augmentation(), t.workers)
        context = Context(self.accelerator, t.seed, self._fits(split))
        speed = began.get("speed", t.speed)
        if speed == "auto":
            steps = t.epochs * (len(split.train) // batch_size) * parts
            share = batch_size // (parts * team.size)
            measured = fastest(method, loader, context, share, steps)
            speed, text = team.from_first(lambda: measured)
            yield Note(text)
        if SPEEDS[speed].bf16 and not has_bf16(self.device):
            slower = without_bf16(speed)
            yield Note(f"this {self.device.type} has no bf16; speed {slower} with float32 takes the place of {speed}")
            speed = slower
        running = {"speed": speed, "accumulate": parts, "processes": team.size, "device": self.device.type}
        recorder.start(running) if saved is None else recorder.go_on(running)
        judge = Judge(Loader(split.val, self.preprocessing, None, t.workers), self.device, team)
        with Interrupts() as interrupts:
            events = train(
                method,
                loader,
                epochs=t.epochs,
                batch_size=batch_size,
                optimizer=lambda trained: OPTIMIZERS[t.optimizer](trained, t.lr, t.weight_decay),
                schedule=factory("schedule", t.schedule)(),
                context=context,
                average=t.average or None,
                evaluate=judge,
                evaluate_every=t.evaluate_every,
                score=SCORE,
                accumulate=parts,
                clip=t.clip or None,
                speed=SPEEDS[speed],
                report_every=REPORT_EVERY,
                interrupted=interrupts.seen,
                resume=recorder.take_up(saved) if saved else None,
            )
            first = saved["train"]["step"] if saved else 0
            yield from self._tracked(recorder.follow(events, first, batch_size, judge.take_seconds), recorder)
        if recorder.best["score"] == -math.inf:
            photos = counted(len(split.val), "validation photo")
            yield Note(f"{SCORE} is undefined on {photos}; the last weights are kept")
        yield from self._concluded(recorder, split)

    def _batch_size(self, photos: int, unit: int) -> int:
        """Of a step: what was asked for, or what the photos fill; every process and part gets the same share."""
        t = self.training
        if t.batch_size % unit:
            raise OptionError(
                f"batch_size {t.batch_size} cannot be split into {unit} equal shares, one for each part of a step in "
                f"each process; choose a multiple of {unit}"
            )
        return min(t.batch_size, max(photos // unit * unit, unit))

    def _fits(self, split: Split) -> Fits:
        t = self.training
        if t.jobs > 1 and self.team.size > 1:
            raise OptionError(f"jobs must be 1 in a training of {self.team.size} processes, got {t.jobs}")
        alone: dict[str, Any] = {"overwrite": False, "jobs": 1, "source": {}, "track": ()}
        return Fits(
            again=lambda **changes: dataclasses.replace(t, **alone, **changes),
            arguments=lambda: arguments_of(t, FREE),
            data=split.whole,
            folder=t.out,
            jobs=t.jobs,
            jobs_on=t.jobs_on,
            team=self.team,
        )

    def _tracked(self, events: Iterator[Step | Epoch], recorder: Recorder) -> Iterator[Event]:
        """The same events, told to the trackers that the user named."""
        t = self.training
        names = t.track if self.team.first else ()
        with Trackers(names, t.out, t.out.name, recorder.config["training"]) as trackers:
            for event in events:
                values = {f"loss/{name}": value for name, value in event.losses.items()} | {"lr": event.rate}
                if isinstance(event, Epoch):
                    for kind, metrics in event.metrics.items():
                        values |= {f"val_{kind}/{name}": value for name, value in metrics.items()}
                yield from map(Note, trackers.log(values, event.state.step))
                yield event
            yield from map(Note, trackers.close())

    def _parts_after(self, error: RuntimeError, parts: int) -> int:
        """Into how many parts to divide a step after an error, if that was for want of memory.

        Raises:
            ProcessError: if another process is gone.
            OptionError: if no smaller part can be had.
            RuntimeError: the error itself, if it is another one.
        """
        t, size = self.training, self.team.size
        if size > 1 and lost_process(error):
            raise ProcessError(
                "another process of this training has ended or cannot be reached; "
                f"the same command with --out {t.out} --resume goes on"
            ) from error
        if not should_reduce_batch_size(error):
            raise error
        more = next((n for n in range(2 * parts, t.batch_size // size + 1) if t.batch_size % (n * size) == 0), None)
        if more is None:
            raise OptionError(
                f"out of memory with {t.batch_size // (parts * size)} photos at a time; choose a smaller image_size, "
                "backbone or batch_size"
            ) from error
        if size > 1:
            raise OptionError(f"out of memory; start all processes again with --accumulate {more}") from error
        return more

    def _config(self, data: LabelledSet, split: Split) -> dict[str, Any]:
        t = self.training
        arguments = {f.name: describe(getattr(t, f.name)) for f in dataclasses.fields(t) if f.name != "data"}
        counts = {name: len(part) for name, part in zip(("train", "val", "test"), split[:3], strict=True)}
        return new_config(
            backbone=t.backbone,
            head=describe(t.head),
            classes=data.classes,
            preprocessing=self.preprocessing,
            thresholds=[0.5] * len(data.classes),
            training=arguments,
            data={
                "source": arguments.pop("source"),
                "fingerprint": data.fingerprint(),
                "train_fingerprint": split.train.fingerprint(),
                "photos": counts,
                "notes": [*data.notes, *split.notes],
            },
            command=t.command,
        )

    def _concluded(self, recorder: Recorder, split: Split) -> Iterator[Event]:
        """Judge the best weights on the test photos, which nothing has looked at before."""
        t, team = self.training, self.team
        model = team.from_first(lambda: Run.open(t.out).load_model(factory("head", t.head))).to(self.device)
        metrics: dict[str, Any] = {"best": recorder.best}
        for name, part in (("val", split.val), ("test", split.test)):
            if not len(part):
                continue
            evaluation = evaluate(model, Loader(part, self.preprocessing, None, t.workers), self.device, team)
            metrics[name] = evaluation.compute()
            if name == "test" and team.first:
                note = save_scores(t.out, *evaluation.collected(), photos_fingerprint(part.images))
                yield from [Note(note)] if note else []
        if team.first:
            save_json(t.out / METRICS, metrics)
            write_card(Run.open(t.out), metrics)
        team.from_first(lambda: None)  # nobody leaves before it is written


def release_memory() -> None:
    """Give memory that nothing uses any more back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
