"""What happens when a :class:`polytag.Training` runs: its photos, its model, its steps, its run folder."""

import copy
import dataclasses
import math
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator

from polytag._interrupt import Interrupts
from polytag._launch import launch
from polytag._team import Team, lost_process
from polytag._text import counted
from polytag.backbones import preprocessing_defaults
from polytag.build import build_loss, build_model, factory, made, trained_model
from polytag.card import write_card
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.loader import Loader, ToDevice
from polytag.data.ready import Note, Progress, ready
from polytag.data.splits import Split, three_way
from polytag.errors import DataError, ElsewhereError, OptionError, PolytagError, ProcessError
from polytag.fits import Fits
from polytag.inference import Judge, evaluate
from polytag.method import Context, Method
from polytag.model import Classifier
from polytag.probe import TrainingProbe
from polytag.recorder import Recorder
from polytag.relations import Known, read_words, tell_labels
from polytag.run import METRICS, PREVIOUS, Run, save_json
from polytag.run_config import FREE, config_of
from polytag.run_folder import alone_in, check_folder, has_state, was_begun_by_this_launch
from polytag.scores import SCORES, VAL_SCORES, photos_fingerprint, save_scores
from polytag.shares import fitting, parts_after, parts_of, release_memory
from polytag.trackers import Trackers
from polytag.train.device import forget_peak_memory, peak_memory
from polytag.train.loop import Epoch, Step, train
from polytag.train.speed import SPEEDS, fastest, has_bf16, without_bf16
from polytag.train.stopping import Stopping
from polytag.views import with_views
from polytag.weights import load_weights

if TYPE_CHECKING:
    from polytag.fit import Training

SCORE = "mAP"
REPORT_EVERY = 1.0  # seconds between two Steps


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
        self.parts = training.accumulate  # of a step
        self.begun = False  # whether the run folder holds what this session has written

    def events(self) -> Iterator[Event]:
        """Everything that happens, to the end.

        Raises:
            ProcessError: if another process of the training is lost.
            PolytagError: if something is refused.
        """
        try:
            yield from self._events()
        except RuntimeError as error:
            if isinstance(error, PolytagError) or self.team.size == 1 or not lost_process(error):
                raise
            first_line = str(error).partition("\n")[0]
            raise ProcessError(
                f"another process of this training has ended or cannot be reached ({first_line}); "
                f"the same command with --out {self.training.out} --resume goes on"
            ) from error

    def _events(self) -> Iterator[Event]:
        t, team = self.training, self.team
        resume = team.from_first(lambda: t.resume or was_begun_by_this_launch(t.out))
        overwrite = t.overwrite and not resume
        team.from_first(lambda: check_folder(t.out, resume, overwrite))
        data, split, method = yield from team.together(self._prepared(resume))
        self._check_alike(data, split)
        with ExitStack() as held:
            team.from_first(lambda: held.enter_context(alone_in(t.out, resume, overwrite)))
            while True:
                try:
                    yield from self._trained(data, split, method, resume or self.begun)
                    return
                except RuntimeError as error:
                    self.parts = parts_after(error, t.batch_size, self.parts, team.size)
                method, _ = self._method(resume or self.begun)  # the one that failed goes
                release_memory()
                yield Note(f"out of memory; from here on, each step is computed in {self.parts} parts")

    def _prepared(self, resume: bool) -> Generator[Event, None, tuple[LabelledSet, Split, Method]]:
        """The photos, decoded if wanted, how they are split, and what is trained on them."""
        t = self.training
        three_way(t.data, t.seed)  # what cannot be split or built is refused before any photo is decoded
        method, notes = self._method(resume)
        yield from map(Note, notes)
        cache = "none" if t.cache == "auto" and made("crop", t.crop).enlarges else t.cache
        data = yield from ready(t.data, self.preprocessing, t.workers, cache, t.on_bad_image)
        split = three_way(data, t.seed)
        yield from map(Note, (*data.notes, *split.notes))
        return data, split, method

    def _check_alike(self, data: LabelledSet, split: Split) -> None:
        prints = self.team.gathered((data.fingerprint(), split.train.fingerprint())) if self.team.size > 1 else []
        other = next((rank for rank, print_ in enumerate(prints) if print_ != prints[0]), None)
        if other is not None:
            sentence = f"process {other} has other photos, labels or splits than the first; give all the same data"
            raise DataError(sentence) if self.team.first else ElsewhereError(sentence)

    def _model(self, pretrained: bool = False) -> Classifier:
        t, size = self.training, self.preprocessing.image_size
        return build_model(t.backbone, t.head, len(t.data.classes), image_size=size, pretrained=pretrained, seed=t.seed)

    def _method(self, resume: bool) -> tuple[Method, list[str]]:
        """The method around a model with its first weights, and what there is to say of those."""
        t = self.training
        # A saved state has all weights, so neither the network nor a file is asked for them again.
        saved = resume and has_state(t.out)
        model = self._model(pretrained=t.weights == "pretrained" and not saved)
        notes = load_weights(model, "none" if saved else t.weights, t.data.classes)
        self.words = {} if saved else read_words(model.head, t.data.classes)
        loss = copy.deepcopy(build_loss(t.loss))  # one of the user's own is for the teachers, too, and stays as it is
        return factory("method", t.method)(model, loss, factory("sampler", t.sampler)), notes

    def _trained(self, data: LabelledSet, split: Split, method: Method, resume: bool) -> Iterator[Event]:
        """The steps, from the first or from where they were left, and the run folder that they end in."""
        t, team = self.training, self.team
        recorder = Recorder(t.out, config_of(t, data, split, self.preprocessing), SCORE, team.first)
        saved = team.from_first(recorder.resume) if resume else None
        yield from map(Note, team.from_first(recorder.told) if resume else ())
        began = team.from_first(lambda: Run.open(t.out).config.get("running", {})) if resume else {}
        self.parts = parts = max(self.parts, parts_of(began, t.batch_size, team.size))
        batch_size = fitting(t.batch_size, len(split.train), parts * team.size)
        if batch_size < t.batch_size:
            yield Note(f"batch size {batch_size}, since there are only {counted(len(split.train), 'training photo')}")
        crop, mix = made("crop", t.crop), made("mix", t.mix)
        loader = Loader(split.train, self.preprocessing, t.augmentation(), t.workers, crop, mix)
        if saved is None and isinstance(method.model, Classifier):
            plain = Loader(split.train, self.preprocessing, None, t.workers)
            yield from map(Note, tell_labels(Known(method.model, plain, self.device, t.seed, self.words)))
        forget_peak_memory(self.device)
        fits = self._fits(split)
        head = None if isinstance(t.head, str | Mapping) else t.head  # the user's own, which no config names
        to_device = ToDevice(self.device, self.preprocessing.mean, self.preprocessing.std)
        context = Context(
            self.accelerator,
            t.seed,
            fits.needed,
            lambda path: ((run := Run.open(path)).load_model(head), run.classes),
            None if loader.changes else lambda: map(to_device, loader.in_order(batch_size // (parts * team.size))),
            t.out,
        )
        place = {"processes": team.size, "device": self.device.type, "launch": launch()}
        if self.device.type == "cuda":
            place["gpu"] = torch.cuda.get_device_name(self.device)
        running = {**began, "accumulate": parts, **place}
        files = not isinstance(t.data.images, ImageArrays)  # of arrays nobody knows whether they are the same
        recorder.start(running, resume, keep_fits=files) if saved is None else recorder.go_on(running)
        self.begun = True
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
        recorder.go_on(running := {**running, "speed": speed})
        judge = Judge(Loader(split.val, self.preprocessing, None, t.workers), self.device, team)
        with Interrupts(patient=team.size > 1) as interrupts:
            fits.interrupted = judge.interrupted = interrupts.seen
            if t.lr == "auto" and "lr" not in running:
                probe = TrainingProbe(t, method, loader, context, fits, batch_size, parts, SPEEDS[speed])
                own = made("search", t.search).find(probe)
                found = team.from_first(lambda: own)
                yield from map(Note, found.text().splitlines())
                running |= {"lr": found.rate, "search_seconds": round(probe.seconds, 1)}
                recorder.go_on(running)
            lr = running["lr"] if t.lr == "auto" else t.lr
            events = train(
                method,
                loader,
                epochs=t.epochs,
                batch_size=batch_size,
                optimizer=lambda trained: t.optimizer_of(trained, lr),
                schedule=made("schedule", t.schedule),
                context=context,
                average=t.average or None,
                evaluate=judge,
                evaluate_every=t.evaluate_every,
                score=SCORE,
                accumulate=parts,
                clip=t.clip or None,
                frozen=t.frozen_epochs,
                stopping=Stopping(t.patience) if t.patience else None,
                speed=SPEEDS[speed],
                report_every=REPORT_EVERY,
                interrupted=interrupts.seen,
                resume=recorder.take_up(saved) if saved else None,
            )
            epochs_before = len(saved["history"]) if saved else 0
            try:
                fits.take_seconds()

                def apart() -> float:
                    return judge.take_seconds() + fits.take_seconds()

                yield from self._tracked(recorder.follow(events, batch_size, apart), recorder)
            except KeyboardInterrupt:
                team.from_first(lambda: None)  # nobody leaves before it is saved
                raise
        if recorder.best["score"] == -math.inf:
            photos = counted(len(split.val), "validation photo")
            yield Note(f"{SCORE} is undefined on {photos}; the last weights are kept")
        if (last := len(recorder.history)) < t.epochs:
            yield Note(f"ended after epoch {last} of {t.epochs}, since {SCORE} no longer rose or could not")
        if cost := team.from_first(fits.cost):
            running["fits_seconds"] = round(cost, 1)
        if len(recorder.history) > epochs_before:
            running["memory_mb"] = round(peak_memory(self.device), 1)
        recorder.go_on(running)
        if interrupts.seen() and team.size == 1:  # since the last step, after which nobody has asked
            raise KeyboardInterrupt(
                f"stopped before the test photos, kept in {t.out}; the same command with --out {t.out} --resume goes on"
            )
        yield from self._concluded(recorder, split)

    def _fits(self, split: Split) -> Fits:
        t = self.training
        if t.jobs > 1 and self.team.size > 1:
            raise OptionError(f"jobs must be 1 in a training of {self.team.size} processes, got {t.jobs}")
        alone: Any = {"resume": False, "overwrite": False, "jobs": 1, "judge_test": False, "source": {}, "track": ()}
        alone["tta"] = "none"  # nobody reads their answers but methods, which ask about the photo alone
        return Fits(
            again=lambda **changes: dataclasses.replace(t, **alone | changes),
            free=FREE,
            fits=t.fits,
            data=split.whole,
            folder=t.out,
            jobs=t.jobs,
            jobs_on=t.jobs_on,
            team=self.team,
        )

    def _tracked(self, events: Generator[Step | Epoch, None, None], recorder: Recorder) -> Iterator[Event]:
        """The same events, told to the trackers that the user named."""
        t = self.training
        names = t.track if self.team.first else ()
        with closing(events), Trackers(names, t.out, t.out.name, recorder.config["training"]) as trackers:
            for event in events:
                values = {f"loss/{name}": value for name, value in event.losses.items()} | {"lr": event.rate}
                if isinstance(event, Epoch):
                    for kind, metrics in event.metrics.items():
                        values |= {f"val_{kind}/{name}": value for name, value in metrics.items()}
                yield from map(Note, trackers.log(values, event.state.step))
                yield event
            yield from map(Note, trackers.close())

    def _concluded(self, recorder: Recorder, split: Split) -> Iterator[Event]:
        """Judge the best weights on the photos of validation, and of the test, which nothing has looked at before."""
        t, team = self.training, self.team
        model = trained_model(t.method, self._model()).to(self.device)
        model.load_state_dict(team.from_first(lambda: Run.open(t.out).load_weights()))
        asked, metrics = with_views(model, t.tta), dict[str, Any](best=recorder.best)
        for name, part, file in (("val", split.val, VAL_SCORES), ("test", split.test, SCORES)):
            if not len(part) or (name == "test" and not t.judge_test):
                continue
            judged = evaluate(asked, Loader(part, self.preprocessing, None, t.workers), self.device, team)
            metrics[name] = judged.compute(train_positives=split.train.labels.counts().present.tolist())
            kept = (*judged.collected(), photos_fingerprint(part.images), file, part.groups)
            if team.first and (note := save_scores(t.out, *kept)):
                yield Note(note)
        if team.first:
            save_json(t.out / METRICS, metrics)
            write_card(Run.open(t.out), metrics)
            (t.out / PREVIOUS).unlink(missing_ok=True)
        team.from_first(lambda: None)  # nobody leaves before it is written
