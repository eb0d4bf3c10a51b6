"""Thresholds of one's own for each class, where they are found to help on photos that they were not chosen on."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from polytag.labels.matrix import UNKNOWN
from polytag.labels.thresholds import best_thresholds
from polytag.metrics.bootstrap import Clusters, Difference, difference_of_measured, measured, photo_folds

FOLDS, DRAWS = 5, 500
_LEAST = 1e-12  # of a probability whose logit is to be finite
_MEASURE = "CF1"


class Adapted(NamedTuple):
    """Thresholds, and what they are worth."""

    thresholds: NDArray[np.float64]  # (classes,), probabilities
    gain: Difference  # of CF1 over 0.5 for all, each photo judged at thresholds of others; -1 to 1
    taken: bool  # whether the thresholds are those that were chosen, not 0.5


def adapted_thresholds(
    scores: ArrayLike,
    targets: ArrayLike,
    shrink: float = 10.0,
    grid: float = 0.0,
    always: bool = False,
    seed: int = 0,
    clusters: Clusters = None,
) -> Adapted:
    """Those of :func:`polytag.labels.thresholds.best_thresholds` for F1; 0.5 for all where they are not found to help.

    Photos are dealt to five folds, and each fold is judged at thresholds that the other four choose, or at 0.5 where
    these have no class to choose for. Where the 95% interval of the CF1 that this gains over 0.5 lies above 0, over
    resampled photos, thresholds are chosen on all of them. So a model whose scores suit 0.5 is left in peace: there the
    best cut of few photos is luck.

    Args:
        scores: ``(items, classes)``, probabilities in ``[0, 1]``.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown.
        shrink: ``>= 0``, how many positives the shared cut counts for.
        grid: try multiples of this alone, in ``[0, 0.5]``; 0 for every cut.
        always: take them however little they help.
        seed: of the folds and of the resamples.
        clusters: ``(items,)``, which photos share a fold and are drawn together.

    Raises:
        OptionError: as :func:`~polytag.labels.thresholds.best_thresholds` does.
    """
    p, y = np.asarray(scores, np.float64), np.asarray(targets)
    chosen = best_thresholds(p, y, shrink=shrink, grid=grid)
    above = _logits(p)  # over 0.5 where positive
    moved = np.empty_like(above)  # over the thresholds of the others
    for fold in photo_folds(len(p), seed, FOLDS, clusters):
        rest = np.setdiff1d(np.arange(len(p)), fold)
        if _can_choose(y[rest]):
            moved[fold] = above[fold] - _logits(best_thresholds(p[rest], y[rest], shrink=shrink, grid=grid))
        else:
            moved[fold] = above[fold]
    own, plain = (measured(one, y, DRAWS, seed, metrics=(_MEASURE,), clusters=clusters) for one in (moved, above))
    gain = difference_of_measured([own], [plain])[_MEASURE]
    taken = always or gain.verdict == "up"
    return Adapted(chosen if taken else np.full(p.shape[1], 0.5), gain, taken)


def _can_choose(targets: NDArray[np.int8]) -> bool:
    """Whether some class has a known positive and a known negative."""
    return any(len(np.unique(column[column != UNKNOWN])) == 2 for column in targets.T)


def _logits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logit(probabilities.clip(_LEAST, 1 - _LEAST)))
