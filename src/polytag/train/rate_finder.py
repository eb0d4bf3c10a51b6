"""Finding a learning rate: by one short climb, or by short trainings. This file is their table.

Sources: Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, for the climb; Bergstra, Bardenet,
Bengio, Kegl, "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011, for TPE, which the training strategy of
the AAM paper uses; Jamieson, Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
AISTATS 2016, for successive halving.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.stats import t

from polytag._checks import check_number
from polytag.errors import OptionError

BARS = 30  # letters of the longest bar of a curve
CHANCE = 0.001  # that steps which do not fall look as if they did
LEAST = 8  # steps that a line is drawn through
DONE = 0.9  # of the fall of the loss
SHOWN = 16  # lines of it at most


class Probe(Protocol):
    """What a search may ask about the training that it looks for a rate for; that training is left as it was."""

    seed: int

    def losses(self, rates: Sequence[float]) -> list[float]:
        """The loss of each step of a copy that is trained with one rate after the other; ends early at a NaN."""

    def score(self, rate: float, epochs: int) -> float:
        """The validation score, higher is better, of a training of its own with this rate and so many epochs."""


class Tried(NamedTuple):
    """A rate and what came of it."""

    rate: float
    value: float


class Found(NamedTuple):
    """A rate, and how it was found."""

    rate: float
    curve: tuple[Tried, ...]
    what: str  # the values of the curve are
    open_end: bool = False  # a higher rate than those that were tried may be better

    def text(self) -> str:
        """The curve in lines of at most 80 letters, a bar for each value, and the rate."""
        every = max(1, math.ceil(len(self.curve) / SHOWN))
        rows = sorted(self.curve)[::every]
        values = [value for _, value in rows if math.isfinite(value)]
        low, high = min(values, default=0.0), max(values, default=1.0)
        lines = [f"  lr       {self.what}"]
        for rate, value in rows:
            share = (value - low) / (high - low) if high > low else 1.0
            bar = "#" * round(BARS * share) if math.isfinite(value) else ""
            lines.append(f"  {rate:.1e}  {value:7.4f}  {bar}".rstrip())
        more = "; the loss still falls there, so --search.high may go higher" if self.open_end else ""
        return "\n".join([*lines, f"lr {self.rate:.2g}{more}"])


class Search(ABC):
    """A way to find a learning rate between two others.

    Args:
        low, high: the rates, ``0 < low < high``.
    """

    def __init__(self, low: float, high: float) -> None:
        check_number("low", low, 1e-12, 1e3)
        check_number("high", high, low * 1.001, 1e3)
        self.low, self.high = low, high

    @abstractmethod
    def find(self, probe: Probe) -> Found:
        """Look for it.

        Raises:
            OptionError: if none can be told.
        """


class Climb(Search):
    """One climb from a low rate to a high one: the rate at which nine tenths of the fall of the loss are done.

    Steps with a higher rate still learn, but hardly more; where the loss falls fastest, steps are too small for a short
    training. Losses are means over a tenth of the steps, as those of single batches are noisy. A fall that is not clear
    of that noise is none: a line through half of the steps, before the loss is lowest, must fall. Nine tenths were
    chosen on two data sets, see docs/benchmarks/strategy.md.

    Args:
        low, high: the rates, ``0 < low < high``.
        steps: of the climb, ``>= 40``; it ends where the loss is four times as high as it has been.
        smooth: share of the loss so far in the running average that is shown, in ``[0, 1)``.
    """

    def __init__(self, low: float = 1e-6, high: float = 0.1, steps: int = 100, smooth: float = 0.9) -> None:
        super().__init__(low, high)
        check_number("steps", steps, 40, 100_000)
        check_number("smooth", smooth, 0.0, 0.999)
        self.steps, self.smooth = steps, smooth

    def find(self, probe: Probe) -> Found:
        """Look for it."""
        rates = np.geomspace(self.low, self.high, self.steps)
        curve: list[Tried] = []
        raw: list[float] = []
        average, lowest = 0.0, math.inf
        for number, (rate, loss) in enumerate(zip(rates.tolist(), probe.losses(rates.tolist()), strict=False), 1):
            average = self.smooth * average + (1 - self.smooth) * loss
            value = average / (1 - self.smooth**number)  # as if it had begun with the first loss
            if not math.isfinite(value) or value > lowest + 3 * abs(lowest):
                break
            lowest = min(lowest, value)
            curve.append(Tried(rate, value))
            raw.append(loss)
        place = _fallen(np.array(raw), self.steps)
        if place is None:
            elsewhere = "lower" if len(curve) < self.steps else "lower or higher"
            raise OptionError(
                f"the loss does not fall between the learning rates {self.low:g} and {self.high:g}; choose lr "
                f"yourself, or search {elsewhere}"
            )
        return Found(curve[place].rate, tuple(curve), "loss", open_end=place >= 0.9 * self.steps)


class Halving(Search):
    """Short trainings with rates far apart; the better third goes on three times as long, until one is left.

    Args:
        low, high: the rates, ``0 < low < high``.
        trials: rates at the beginning, ``>= 2``.
        epochs: of the shortest trainings, ``>= 1``.
    """

    def __init__(self, low: float = 1e-5, high: float = 1e-2, trials: int = 9, epochs: int = 1) -> None:
        super().__init__(low, high)
        check_number("trials", trials, 2, 1000)
        check_number("epochs", epochs, 1, 10_000)
        self.trials, self.epochs = trials, epochs

    def find(self, probe: Probe) -> Found:
        """Look for it."""
        rates, epochs = np.geomspace(self.low, self.high, self.trials).tolist(), self.epochs
        last: dict[float, float] = {}
        while len(rates) > 1:
            scores = {rate: probe.score(rate, epochs) for rate in rates}
            last |= scores
            rates = sorted(rates, key=lambda rate: _defined(scores[rate]), reverse=True)[: math.ceil(len(rates) / 3)]
            epochs *= 3
        _check_any(last.values(), self)
        best = rates[0] if not math.isnan(last[rates[0]]) else max(last, key=lambda rate: _defined(last[rate]))
        return Found(best, tuple(Tried(*pair) for pair in last.items()), "validation score, of the longest trial")


class TPE(Search):
    """Short trainings whose rates follow from those before: a tree-structured Parzen estimator, by optuna.

    Args:
        low, high: the rates, ``0 < low < high``.
        trials: trainings, ``>= 2``; the first five are drawn anywhere.
        epochs: of each, ``>= 1``.
    """

    def __init__(self, low: float = 1e-5, high: float = 1e-2, trials: int = 15, epochs: int = 3) -> None:
        super().__init__(low, high)
        check_number("trials", trials, 2, 1000)
        check_number("epochs", epochs, 1, 10_000)
        self.trials, self.epochs = trials, epochs
        _optuna()  # if it is missing, that is said before anything is read

    def find(self, probe: Probe) -> Found:
        """Look for it."""
        optuna = _optuna()
        sampler = optuna.samplers.TPESampler(seed=probe.seed % 2**32, n_startup_trials=5)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        curve = []
        for _ in range(self.trials):
            trial = study.ask()
            rate = float(f"{trial.suggest_float('lr', self.low, self.high, log=True):.3g}")
            curve.append(Tried(rate, probe.score(rate, self.epochs)))
            study.tell(trial, _defined(curve[-1].value))
        _check_any([value for _, value in curve], self)
        best = max(curve, key=lambda tried: _defined(tried.value))
        return Found(best.rate, tuple(curve), "validation score")


SEARCHES: dict[str, type[Search]] = {
    "climb": Climb,
    "halving": Halving,
    "tpe": TPE,
}


def _fallen(losses: NDArray[np.float64], steps: int) -> int | None:
    """The step at which ``DONE`` of the fall are done; None where no fall is clear of the noise.

    The middle of the first tenth of ``steps`` whose mean loss has fallen so far.
    """
    tenth = max(2, steps // 10)
    if len(losses) < max(LEAST, tenth):
        return None
    means = sliding_window_view(losses, tenth).mean(axis=1)  # (places,)
    fallen = losses[: int(means.argmin()) + tenth]
    if not _falls(fallen, min(max(LEAST, steps // 2), len(fallen))):
        return None
    return int(np.argmax(means <= means[0] - DONE * (means[0] - means.min()))) + tenth // 2


def _falls(losses: NDArray[np.float64], width: int) -> bool:
    """Whether there are ``width`` steps over which the loss falls, by a t test of the slope of a line."""
    if width < LEAST:
        return False
    windows = sliding_window_view(losses, width)  # (places, width); rates are even in their logarithm
    steps = np.arange(width) - (width - 1) / 2
    slopes = windows @ steps / (steps @ steps)
    rest = windows - windows.mean(axis=1, keepdims=True) - slopes[:, None] * steps
    errors = np.sqrt((rest**2).sum(axis=1) / (width - 2) / (steps @ steps))
    rounding = 1e-9 * np.abs(losses).max()
    return bool((slopes < -t.ppf(1 - CHANCE, width - 2) * errors - rounding).any())


def _check_any(scores: Iterable[float], search: Search) -> None:
    if all(map(math.isnan, scores)):
        raise OptionError(
            f"no trial between the learning rates {search.low:g} and {search.high:g} has a score that is defined; "
            "choose lr yourself, or search lower"
        )


def _defined(score: float) -> float:
    return -1.0 if math.isnan(score) else score


def _optuna() -> Any:
    try:
        optuna: Any = import_module("optuna")
    except ImportError as error:
        raise OptionError(
            'search "tpe" needs optuna; bring it with pip install "polytag[hpo]", or take halving'
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
