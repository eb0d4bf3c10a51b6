"""A calibration, where it is found to help on photos that it was not fitted on."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polytag.errors import OptionError
from polytag.labels.calibration import Calibration, fit_calibration
from polytag.labels.matrix import PRESENT, UNKNOWN
from polytag.metrics.bootstrap import Clusters, Difference, difference, photo_counts, photo_folds

FOLDS, DRAWS = 5, 500


class Calibrated(NamedTuple):
    """A calibration, and what it is worth."""

    calibration: Calibration | None  # None where it is not taken
    gain: Difference  # log loss that it saves, in nats a known label, each photo judged by the fit to others
    logits: NDArray[np.float64]  # (items, classes), those of each photo by the fit to others

    @property
    def taken(self) -> bool:
        """Whether there is one."""
        return self.calibration is not None


def calibrated(
    logits: ArrayLike,
    targets: ArrayLike,
    shrink: float = 10.0,
    always: bool = False,
    seed: int = 0,
    clusters: Clusters = None,
) -> Calibrated:
    """That of :func:`polytag.labels.calibration.fit_calibration`; none where it is not found to help.

    Photos are dealt to five folds, and the logits of each fold are calibrated by the fit to the other four, or left as
    they are where these are too few. Where the 95% interval of the log loss that this saves lies above 0, over
    resampled photos, the fit to all of them is taken.

    Args:
        logits: ``(items, classes)``, finite.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown.
        shrink: ``> 0``, positives that the calibration of all classes together counts for.
        always: take it however little it helps.
        seed: of the folds and of the resamples.
        clusters: ``(items,)``, which photos share a fold and are drawn together.

    Raises:
        OptionError: as :func:`~polytag.labels.calibration.fit_calibration` does.
    """
    z, y = np.asarray(logits, np.float64), np.asarray(targets)
    whole = fit_calibration(z, y, shrink)
    moved = np.empty_like(z)
    for fold in photo_folds(len(z), seed, FOLDS, clusters):
        rest = np.setdiff1d(np.arange(len(z)), fold)
        try:
            moved[fold] = fit_calibration(z[rest], y[rest], shrink).apply(z[fold])
        except OptionError:  # too few of them to fit to
            moved[fold] = z[fold]
    saved = (_losses(z, y) - _losses(moved, y)).sum(axis=1)  # (items,)
    known = (y != UNKNOWN).sum(axis=1)

    def mean(counts: NDArray[np.int32]) -> float:
        return float(counts @ saved / max(counts @ known, 1))

    drawn = np.array([mean(photo_counts(len(z), seed, draw, clusters)) for draw in range(DRAWS)])
    gain = difference(mean(np.ones(len(z), np.int32)), drawn)
    return Calibrated(whole if always or gain.verdict == "up" else None, gain, moved)


def _losses(logits: NDArray[np.float64], targets: NDArray[np.integer]) -> NDArray[np.float64]:
    """Log loss of each known label, in nats; 0 where it is unknown."""
    losses = np.logaddexp(0, np.where(targets == PRESENT, -logits, logits))
    return np.where(targets == UNKNOWN, 0.0, losses)
