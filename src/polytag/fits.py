"""The trainings that a method asks for while it prepares: done once, kept in run folders, side by side if wanted."""

import dataclasses
import hashlib
import json
import logging
import pickle
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from polytag._files import is_locked
from polytag._team import ALONE, Team
from polytag._text import counted
from polytag.build import describe
from polytag.data.labelled_set import LabelledSet
from polytag.data.ready import Note
from polytag.data.splits import TRAIN
from polytag.errors import BusyError, OptionError, RunError
from polytag.method import Fit
from polytag.parallel import run_all
from polytag.run import CONFIG, FITS, LOCK, METRICS, Run
from polytag.run_config import NEWER

LONGEST = 120  # letters of a name, for which a folder has room
WAIT = 1.0  # seconds between two looks whether another process is done
LOG = logging.getLogger("polytag")  # for what takes long, where nothing can be yielded


class Trainable(Protocol):
    """A :class:`polytag.Training`."""

    data: LabelledSet
    out: Path
    resume: bool

    def __iter__(self) -> Iterator[object]: ...


class Fits:
    """Does trainings for a method.

    Args:
        again: the training that is running, with other arguments.
        data: the photos, with the splits that it uses.
        free: arguments that do not change what comes out.
        folder: the run folder of that training.
        fits: where the run folders go; by default to one below ``folder``.
        jobs: trainings at once.
        jobs_on: what runs them, where they are several: processes of this machine, or Ray.
        team: the processes of the training that is running.

    Attributes:
        interrupted: asked before each one that is done here, and while another process does it; True ends them.
        used: the run folders of those that the method asked for.
    """

    def __init__(
        self,
        again: Callable[..., Trainable],
        data: LabelledSet,
        folder: Path,
        free: Sequence[str] = (),
        fits: str = "",
        jobs: int = 1,
        jobs_on: Literal["processes", "ray"] = "processes",
        team: Team = ALONE,
    ) -> None:
        self.again, self.free, self.data = again, free, data
        self.folder, self.jobs, self.jobs_on, self.team = folder, jobs, jobs_on, team
        self.fits = Path(fits) if fits else folder / FITS
        self.used: set[Path] = set()
        self.seconds = 0.0
        self.interrupted: Callable[[], bool] = lambda: False

    def __call__(self, fits: Sequence[Fit]) -> dict[str, Path]:
        """Do them all; the run folder of each, by name.

        Raises:
            TaskError: if one of them fails; those that are finished are kept.
            OptionError: if two have one name, or a method cannot be told from others.
            KeyboardInterrupt: when interrupted; what was begun is kept.
        """
        trainings = {fit.name: self._training(fit) for fit in fits}
        if len(trainings) < len(fits):
            raise OptionError(f"each training needs a name of its own, got {', '.join(fit.name for fit in fits)}")
        folders = self.team.from_first(lambda: {name: training.out for name, training in trainings.items()})
        done = self.team.from_first(lambda: [name for name, out in folders.items() if (out / METRICS).exists()])
        waiting = {name: training for name, training in trainings.items() if name not in done}
        for name, training in waiting.items():
            training.out = folders[name]
        if done and self.team.first:
            LOG.info("%s found in %s: %s", counted(len(done), "finished training"), self.fits, ", ".join(done))
        if waiting and self.team.first:
            at_once = f", {self.jobs} at once" if self.jobs > 1 else ""
            LOG.info("this needs %s first%s: %s", counted(len(waiting), "training"), at_once, ", ".join(waiting))
        try:
            if self.jobs > 1 and len(waiting) > 1:
                run_all(finish_once, waiting, backend=self.jobs_on, processes=self.jobs)
            else:
                run_all(self._finish_unless_interrupted, waiting)
            if gone := [name for name, out in folders.items() if not (out / METRICS).exists()]:
                where = f"{gone[0]} is finished and not in {folders[gone[0]]}"
                raise RunError(f"{where}; give --fits a folder that all machines share")
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(
                f"stopped among the trainings that this one needs, kept in {self.folder}; "
                f"the same command with --out {self.folder} --resume goes on"
            ) from stop
        return folders

    def needed(self, fits: Sequence[Fit]) -> dict[str, Path]:
        """The same for the method itself, whose price they are part of."""
        began = time.monotonic()
        folders = self(fits)
        self.seconds += time.monotonic() - began
        self.used |= set(folders.values())
        return folders

    def take_seconds(self) -> float:
        """The seconds in which the method waited for them, since this was last asked."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds

    def cost(self) -> float:
        """Seconds of training in those that were used, whenever that was, and in those that they needed."""
        return sum(seconds_of(Run.open(folder)) for folder in self.used)

    def _finish_unless_interrupted(self, training: Trainable) -> None:
        if self.team.from_first(self.interrupted):
            raise KeyboardInterrupt
        if self.team.first:
            LOG.info("training %s", training.out.name)
        finish_once(training, self.interrupted, self.team)

    def _training(self, fit: Fit) -> Trainable:
        chosen = list(range(len(self.data.classes)) if fit.classes is None else fit.classes)
        data = self.data.with_classes([self.data.classes[column] for column in chosen])
        if fit.photos == "containing":
            fewer = containing(data)
            hidden = np.flatnonzero(seen_absent(data) & ~seen_absent(fewer))
            if len(hidden):
                label = data.classes[hidden[0]]
                LOG.info("%s learns from all photos, as those with one of its labels all have %s", fit.name, label)
            else:
                data = fewer
        command = f"{fit.name} of {self.folder}"
        training = self.again(data=data, out=self.fits, method=fit.method, command=command, **fit.options)
        key = {"arguments": arguments_of(training, self.free), "data": data.fingerprint()}
        training.out = self.fits / content_name(fit.name, key)
        return training


def containing(data: LabelledSet) -> LabelledSet:
    """The photos without those training photos that have none of the labels."""
    learned = np.ones(len(data), np.bool_) if data.split is None else data.split == TRAIN
    bare = np.diff(data.labels.present.starts) == 0
    return data.select(np.flatnonzero(~(learned & bare)))


def seen_absent(data: LabelledSet) -> NDArray[np.bool_]:
    """Which labels are known to be absent from a training photo, ``(classes,)``."""
    learned = np.arange(len(data)) if data.split is None else np.flatnonzero(data.split == TRAIN)
    return np.asarray(data.labels.select(learned).counts().absent > 0)


def content_name(name: str, key: dict[str, Any]) -> str:
    """The name of a folder for what is made of ``key``, which is JSON: another key is another folder."""
    digest = hashlib.blake2b(json.dumps(key, sort_keys=True).encode(), digest_size=6).hexdigest()
    readable = re.sub(r"[^A-Za-z0-9_.]+", "-", name)[:LONGEST].strip("-.")
    return f"{readable or 'run'}-{digest}"


def identity(value: Any) -> Any:
    """A choice as JSON that differs where what it would build differs; a user's own object by what it pickles to.

    Raises:
        OptionError: if it is an object that cannot be pickled.
    """
    if value is None or (described := describe(value)) is not None:
        return None if value is None else described
    try:
        return hashlib.blake2b(pickle.dumps(value), digest_size=16).hexdigest()
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise OptionError(
            f"{value!r} cannot be told from other objects of its kind ({error}); define it at the top of a module"
        ) from error


def arguments_of(training: Any, free: Sequence[str]) -> dict[str, Any]:
    """The arguments of a training that make its result, as JSON."""
    names = [field.name for field in dataclasses.fields(training) if field.name not in (*free, "data")]
    told = {name: identity(getattr(training, name)) for name in names}
    return {name: value for name, value in told.items() if name not in NEWER or value != NEWER[name]}


def seconds_of(run: Run) -> float:
    """Seconds of training in a run: its own, of its search for a learning rate, and of what its method asked for."""
    running = run.config.get("running", {})
    return float(run.train_seconds() + running.get("search_seconds", 0.0) + running.get("fits_seconds", 0.0))


def finish_once(training: Trainable, interrupted: Callable[[], bool] = lambda: False, team: Team = ALONE) -> None:
    """Train to the end, or wait where somebody else does the same training.

    Args:
        training: which.
        interrupted: asked of the first process while somebody else is waited for, and after each event of a training
            in one process; several agree within the training.
        team: the processes that train together.

    Raises:
        KeyboardInterrupt: if interrupted.
    """
    while not team.from_first(lambda: (training.out / METRICS).exists()):
        training.resume = team.from_first(lambda: (training.out / CONFIG).exists())
        try:
            for event in training:
                if isinstance(event, Note) and team.first:
                    LOG.info("%s: %s", training.out.name, event.text)
                if team.size == 1 and interrupted():  # by a signal that came while no step was done
                    raise KeyboardInterrupt
            return
        except BusyError:  # also where somebody else has begun it since it was looked at
            if team.first:
                LOG.info("another process is at %s, which is waited for", training.out)
        while team.from_first(lambda: is_locked(training.out / LOCK)):
            if team.from_first(interrupted):
                raise KeyboardInterrupt
            time.sleep(WAIT)
