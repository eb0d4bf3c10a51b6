"""What a search for a learning rate asks of a training."""

import copy
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from polytag.data.loader import Loader
from polytag.errors import DivergedError, TaskError
from polytag.fits import Fits, seconds_of
from polytag.method import Context, Fit, Method
from polytag.run import Run
from polytag.train.loop import Step, train
from polytag.train.schedules import Schedule
from polytag.train.speed import Speed

if TYPE_CHECKING:
    from polytag.fit import Training

# Of the short trainings; SAM is left out, as in the public code of the AAM paper, for twice as many trials.
SHORT = {"search": "climb", "sam": "none", "patience": 0, "evaluate_every": 1}


@dataclass
class TrainingProbe:
    """A :class:`polytag.train.rate_finder.Probe` of a training that has its photos and has not begun."""

    training: "Training"
    method: Method  # not prepared, and left as it is
    loader: Loader  # of the training photos
    context: Context
    fits: Fits
    batch_size: int
    accumulate: int
    speed: Speed
    seconds: float = 0.0  # that all of it took

    @property
    def seed(self) -> int:
        """Of the training."""
        return self.training.seed

    def losses(self, rates: Sequence[float]) -> list[float]:
        """The loss of each step of a copy that is trained with one rate after the other; ends early at a NaN."""
        found: list[float] = []
        self.fits.take_seconds()  # of before
        began = time.monotonic()
        with suppress(DivergedError):  # the steps before are the answer
            found.extend(self._steps(rates))
        self.context.accelerator.free_memory()  # which holds what it has wrapped for several processes
        self.seconds += time.monotonic() - began - self.fits.take_seconds()  # which count as the method's
        return found

    def _steps(self, rates: Sequence[float]) -> Iterator[float]:
        base = rates[0]
        method = copy.deepcopy(self.method)
        method.begin_step(0.0)
        method.begin_step = lambda done: None  # type: ignore[method-assign]  # what rises with it would look like a loss that does
        events = train(
            method,
            self.loader,
            epochs=len(rates),  # more than enough
            batch_size=self.batch_size,
            optimizer=lambda method: self.training.optimizer_of(method, base),
            schedule=_Listed([rate / base for rate in rates]),
            context=self.context,
            accumulate=self.accumulate,
            clip=self.training.clip or None,
            frozen=len(rates) if self._head_alone() else 0,
            speed=self.speed,
            report_every=0.0,
            interrupted=self.fits.interrupted,
        )
        epoch, before = 0, 0.0
        for event in events:
            if not isinstance(event, Step):
                continue
            if event.interrupted:
                out = self.training.out
                raise KeyboardInterrupt(
                    f"stopped while looking for a learning rate; the same command with --out {out} --resume goes on"
                )
            if event.epoch != epoch:
                epoch, before, first = event.epoch, 0.0, event.step - 1
            total = sum(event.losses.values()) * (event.step - first)  # means over the epoch so far
            yield total - before
            before = total
            if event.step == len(rates):
                return

    def score(self, rate: float, epochs: int) -> float:
        """The best validation score of a training of its own; NaN where it diverges.

        It is kept in the run folder and found again there.
        """
        frozen = epochs if self._head_alone() else 0
        options = {"lr": rate, "epochs": epochs, "frozen_epochs": frozen, **SHORT}
        fit = Fit(f"lr {rate:.3g} epochs {epochs}", self.training.method, options=options)
        try:
            folder = self.fits([fit])[fit.name]
        except TaskError as error:
            if isinstance(error.__cause__, DivergedError):
                return float("nan")
            raise
        score, seconds = self.fits.team.from_first(lambda: _outcome(Run.open(folder)))  # others may not see it
        self.seconds += seconds
        return float("nan") if score is None else float(score)

    def _head_alone(self) -> bool:
        """Whether the backbone stays frozen throughout the training."""
        return self.training.frozen_epochs >= self.training.epochs


def _outcome(run: Run) -> tuple[float | None, float]:
    return run.metrics["best"]["score"], seconds_of(run)


class _Listed(Schedule):
    """One factor after the other."""

    def __init__(self, factors: Sequence[float]) -> None:
        super().__init__(0.0)
        self.factors = factors

    def factor(self, step: int, total: int) -> float:
        return self.factors[min(step, len(self.factors) - 1)]

    def shape(self, progress: float) -> float:
        return 1.0
