"""What a training leaves on the disk while it runs: its history, its best weights, the state to resume from."""

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, get_args

from polytag import trackers
from polytag._files import remove_unfinished
from polytag._text import without_nan
from polytag.errors import DivergedError, RunError
from polytag.labels.affinity import Kind
from polytag.labels.partition import partition_file
from polytag.run import (
    CARD,
    CONFIG,
    FITS,
    HISTORY,
    METRICS,
    PREVIOUS,
    STATE,
    WEIGHTS,
    Run,
    best_of_weights,
    save_calibration,
    save_history,
    save_json,
    save_weights,
)
from polytag.run_config import FREE, NEWER
from polytag.run_folder import has_run, has_state
from polytag.scores import SCORES, VAL_SCORES
from polytag.train.loop import Epoch, Step
from polytag.train.saving import Pace
from polytag.train.state import is_finite, load_tree, save_tree

HEADLINES = ("mAP", "CF1", "OF1")  # in the history; all metrics of the best epoch are in metrics.json


class Recorder:
    """Writes a run folder as its training goes on.

    Args:
        folder: the run folder.
        config: contents of ``config.json``.
        score: the validation metric, higher is better, that picks the best epoch.
        writes: whether this process is the one that writes; the others keep the same account and write nothing.
    """

    def __init__(self, folder: Path, config: dict[str, Any], score: str, writes: bool = True) -> None:
        self.folder, self.config, self.score, self.writes = folder, config, score, writes
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {"epoch": 0, "weights": "raw", "score": -math.inf}
        self.remarks: list[str] = []  # on what was resumed
        self.spent, self.epoch_began = 0.0, 0  # seconds in the epoch that is going on, and its first step

    def start(self, running: dict[str, Any], again: bool = False, keep_fits: bool = True) -> None:
        """Begin a new run; what another one left in the folder goes, once it is sure that the folder can be written.

        Args:
            running: how it is computed, noted in the config; a run that is resumed goes on like that.
            again: whether the folder is of this run, stopped before it was saved: groups of labels are kept.
            keep_fits: whether the trainings that a run needed may be of the same photos; else they go, too.
        """
        if not self.writes:
            return
        self._tidy()
        save_json(self.folder / CONFIG, {**self.config, "running": running})
        for kind in () if again else get_args(Kind):
            partition_file(self.folder, kind).unlink(missing_ok=True)
        for name in (STATE, PREVIOUS, METRICS, CARD, HISTORY, WEIGHTS, SCORES, VAL_SCORES):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / trackers.FOLDER, ignore_errors=True)
        if not (again or keep_fits):
            shutil.rmtree(self.folder / FITS, ignore_errors=True)

    def resume(self) -> dict[str, Any] | None:
        """What the run in the folder left: everything that :meth:`save` kept, None if it was stopped before any save.

        Raises:
            RunError: if it was started with other arguments or other data, or is finished and has no state.
        """
        self._tidy()
        before = Run.open(self.folder).config
        now = json.loads(json.dumps(without_nan(self.config)))  # as it would be read back
        for name, value in now["training"].items():
            if name not in FREE and (was := before["training"].get(name, NEWER.get(name, value))) != value:
                raise RunError(
                    f"{self.folder} was started with {name} {was!r}, and {value!r} came; "
                    "resume it with the same arguments, or start another run"
                )
        if any(before["data"].get(name) != now["data"][name] for name in ("fingerprint", "train_fingerprint")):
            raise RunError(
                f"{self.folder} was started with other photos, labels or splits than those that came; "
                "resume it with the same data, or start another run"
            )
        if (self.folder / METRICS).exists() and not has_state(self.folder):
            raise RunError(
                f"{self.folder} is finished and has no {STATE} to go on from; start another run, or replace it with "
                "--overwrite"
            )
        return self._saved() if has_state(self.folder) else None

    def _tidy(self) -> None:
        """What a killed process did not finish goes; nobody else is in the folder."""
        for place in {(self.folder / name).parent for name in (CONFIG, STATE, SCORES)}:
            remove_unfinished(place)

    def _saved(self) -> dict[str, Any]:
        """The last state, or the one before if that is damaged; the best epoch is that of the weights there."""
        saved = self._last_or_previous()
        kept = best_of_weights(self.folder)
        if kept and kept["epoch"] != saved["best"]["epoch"]:
            self.remarks.append(f"the weights that are kept are of epoch {kept['epoch']}, which is trained once more")
            saved["best"] = kept
        return saved

    def _last_or_previous(self) -> dict[str, Any]:
        try:
            return dict(load_tree(self.folder / STATE))
        except RunError as error:
            try:
                previous = dict(load_tree(self.folder / PREVIOUS))
            except RunError:
                raise error from None
            os.replace(self.folder / PREVIOUS, self.folder / STATE)  # or the next save would set the damaged one aside
            what = str(error).removesuffix("; start again without --resume")
            self.remarks.append(f"{what}; the state before it, of step {previous['train']['step']}, is taken instead")
            return previous

    def told(self) -> list[str]:
        """What there is to say of what was resumed, and of versions that may compute otherwise; a sentence each."""
        config = Run.open(self.folder).config
        before = config.get("running", {}).get("versions", config.get("versions", {}))
        return self.remarks + [
            f"it ran with {name} {before[name]} and goes on with {version}: sums may be rounded otherwise"
            for name, version in self.config.get("versions", {}).items()
            if before.get(name, version) != version
        ]

    def go_on(self, running: dict[str, Any]) -> None:
        """Note how a resumed run is computed from here on."""
        before = Run.open(self.folder).config if self.writes else {}
        if (versions := self.config.get("versions")) != before.get("versions"):
            running = {**running, "versions": versions}  # beside those that it was begun with
        if self.writes and before.get("running") != running:
            save_json(self.folder / CONFIG, {**before, "running": running})

    def take_up(self, saved: dict[str, Any]) -> dict[str, Any]:
        """Go on from what :meth:`resume` gave; the state of the training loop."""
        self.history, self.best = saved["history"], saved["best"]
        self.spent, self.epoch_began = saved["spent"], saved["epoch_began"]
        state: dict[str, Any] = saved["train"]
        return state

    def follow(
        self, events: Iterable[Step | Epoch], batch_size: int, apart: Callable[[], float]
    ) -> Generator[Step | Epoch, None, None]:
        """Pass on the events of a training, and keep what they bring: each epoch, and the state (:class:`Pace`).

        The state at the last event is always saved, also where nobody asks for more.

        Args:
            events: of the training loop.
            batch_size: photos a step.
            apart: the seconds spent on validation and on other trainings since this was last asked.

        Raises:
            KeyboardInterrupt: once the training was interrupted; everything is saved.
        """
        counted, pace = time.monotonic(), Pace()
        unsaved: Step | Epoch | None = None
        for event in events:
            now = time.monotonic()
            self.spent += now - counted - apart()
            counted = now
            stop = isinstance(event, Step) and event.interrupted
            if isinstance(event, Epoch):
                self.epoch(event, self.spent, (event.state.step - self.epoch_began) * batch_size)
                self.spent, self.epoch_began = 0.0, event.state.step
            unsaved = event
            if stop or pace.due(after_epoch=isinstance(event, Epoch)):
                with pace.saving():
                    self.save(event)
                unsaved = None
            try:
                yield event
            except GeneratorExit:
                if unsaved:
                    self.save(unsaved)
                raise
            if isinstance(event, Epoch):
                counted = time.monotonic()  # what is done between epochs is no part of either
            if stop:
                raise KeyboardInterrupt(
                    f"stopped after step {event.state.step}, kept in {self.folder}; "
                    f"the same command with --out {self.folder} --resume goes on"
                )
        if unsaved:
            self.save(unsaved)

    def epoch(self, event: Epoch, seconds: float, photos: int) -> None:
        """Note an epoch, and keep its weights if they are the best so far."""
        row: dict[str, Any] = {"epoch": event.number, "seconds": round(seconds, 3), "lr": event.rate}
        row["images_per_second"] = round(photos / seconds, 2)
        row |= {f"loss_{name}": value for name, value in event.losses.items()}
        for kind, metrics in event.metrics.items():
            row |= {f"val_{name}_{kind}": metrics[name] for name in HEADLINES if name in metrics}
        self.history.append(row)
        for kind, metrics in event.metrics.items():
            # A score is NaN where the validation photos define none; until one is defined, the latest weights are kept.
            score = -math.inf if math.isnan(metrics[self.score]) else metrics[self.score]
            if score > self.best["score"] or self.best["score"] == -math.inf:
                self.best = {"epoch": event.number, "weights": kind, "score": score}
                if self.writes:
                    save_weights(self.folder, event.models[kind], self.best)
                    self._forget_thresholds()
        if self.writes:
            save_history(self.folder, self.history)

    def save(self, event: Step | Epoch) -> None:
        """Keep the state of the training, from which it can be resumed.

        Raises:
            DivergedError: if a weight is no longer finite; the state before is kept.
        """
        if not self.writes:
            return
        state = event.state.state_dict()
        if not is_finite(state["method"]):
            raise DivergedError(f"the weights became infinite at step {event.state.step}; lower the learning rate")
        account = {"history": self.history, "best": self.best, "spent": self.spent, "epoch_began": self.epoch_began}
        self._set_aside(self.folder / STATE, self.folder / PREVIOUS)
        save_tree(self.folder / STATE, {"train": state, **account})

    def _set_aside(self, last: Path, previous: Path) -> None:
        if last.exists():
            previous.unlink(missing_ok=True)
            try:
                os.link(last, previous)
            except OSError:  # a file system without links: should the next one not be written, this one is taken
                os.replace(last, previous)

    def _forget_thresholds(self) -> None:
        """Those that were chosen meanwhile, and a calibration, are of weights that are gone."""
        config = Run.open(self.folder).config if has_run(self.folder) else self.config
        if config.get("thresholds") != self.config.get("thresholds") or "calibration" in config:
            save_calibration(self.folder, None, self.config["thresholds"])
