"""Above which score a label counts as present: chosen for each class on photos that are not the test."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from polytag._checks import check_choice, check_number, check_scores_targets
from polytag.errors import OptionError
from polytag.labels.matrix import PRESENT, UNKNOWN

Objective = Literal["f1", "precision", "recall"]
OBJECTIVES: tuple[Objective, ...] = ("f1", "precision", "recall")
Values = NDArray[np.float64]

_MOST = 37.4  # stands for the logit of a score of 1: just above that of the largest number below 1


def best_thresholds(
    scores: ArrayLike,
    targets: ArrayLike,
    objective: Objective = "f1",
    level: float | None = None,
    shrink: float = 10.0,
    grid: float = 0.0,
) -> Values:
    """One threshold a class, such that a label is present where its score lies above.

    Every cut of a class between two different scores is tried, half way between their logits: the whole
    precision-recall curve. A cut that has few positives behind it is moved towards the one that suits all classes
    together, in logits: with ``n`` positives it counts ``n`` times, the shared one ``shrink`` times; where that loses
    the level, to the nearest cut that keeps it. A class without known positives or negatives has the shared one.

    Args:
        scores: ``(items, classes)``, probabilities in ``[0, 1]``.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown.
        objective: "f1": as high as can be; "precision": at least ``level``, with as many found as can be; "recall": at
            least ``level``, with as few wrong as can be. Where no cut reaches the level, the one that comes nearest.
        level: in ``[0, 1]``, of precision or recall, 0.9 unless given; f1 has none.
        shrink: ``>= 0``, how many positives the shared cut counts for; 0 to leave each class to itself.
        grid: try multiples of this alone, in ``[0.0001, 0.5]``; 0 for every cut.

    Returns:
        ``(classes,)`` in ``[0, 1)``.

    Raises:
        OptionError: if an argument is out of its range, f1 is given a level, or no class has a known positive and a
            known negative.
    """
    least = checked_level(objective, level, shrink, grid)
    p, y = np.asarray(scores, np.float64), np.asarray(targets)
    check_scores_targets(p, y)
    if p.size and not (p.min() >= 0 and p.max() <= 1):  # NaN is neither
        raise OptionError("scores must be probabilities from 0 to 1; use scipy.special.expit on logits")
    known = y != UNKNOWN
    judged = [column for column in range(p.shape[1]) if len(np.unique(y[known[:, column], column])) == 2]
    if not judged:
        raise OptionError("no class has both a known positive and a known negative; give other photos")

    def cuts_of(columns: list[int]) -> _Cuts:
        rows = known[:, columns]
        return _cuts(p[:, columns][rows], y[:, columns][rows] == PRESENT, objective, least, grid)

    shared = cuts_of(judged).best()
    found = np.full(p.shape[1], shared)
    for column in judged:
        cuts = cuts_of([column])
        own, positives = cuts.best(), np.count_nonzero(y[:, column] == PRESENT)
        if shrink and own != shared:
            own = float(_probability((positives * logit(own) + shrink * logit(shared)) / (positives + shrink)))
        found[column] = own if objective == "f1" and not grid else cuts.nearest(own, anywhere=not grid)
    return found


def checked_level(objective: Objective, level: float | None, shrink: float, grid: float) -> float:
    """The level of :func:`best_thresholds`, once its options were found to be in their ranges.

    Raises:
        OptionError: if one is not, or f1 is given a level.
    """
    check_choice("objective", objective, OBJECTIVES)
    if objective == "f1" and level is not None:
        raise OptionError(f"level goes with objective precision or recall, got {level:g} with f1; leave it out")
    least = 0.9 if level is None else level
    check_number("level", least, 0.0, 1.0)
    check_number("shrink", shrink, 0.0, 1e9)
    check_number("grid", grid, 1e-4 if grid else 0.0, 0.5)
    return least


class _Cuts(NamedTuple):
    """Where a threshold may stand among scores, highest first, and what it is worth there."""

    scores: Values
    places: Values
    above: NDArray[np.int64]  # scores above each place
    worth: Values
    kept: NDArray[np.bool_]  # where the level is, or comes nearest if it is out of reach

    def best(self) -> float:
        return float(self.places[np.argmax(self.worth)]) if len(self.places) else 0.5

    def nearest(self, cut: float, anywhere: bool) -> float:
        """The place that is nearest to a cut among those that keep the level; the cut itself, if it may be anywhere."""
        here = self.above == np.count_nonzero(self.scores > cut)
        if not len(self.places) or (anywhere and (self.kept & here).any()):
            return cut
        places = self.places[self.kept]
        return float(places[np.abs(logit(places) - logit(cut)).argmin()])


def _cuts(scores: Values, present: NDArray[np.bool_], objective: Objective, level: float, grid: float) -> _Cuts:
    """All cuts of scores ``(entries,)``, present or not."""
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], np.append(0, np.cumsum(present[order]))
    if grid:
        places = np.asarray(np.arange(1, np.ceil(1 / grid - 1e-9)) * grid, np.float64)
        above = np.searchsorted(-scores, -places, side="left")
    else:
        ends = np.append(np.diff(scores) < 0, True) & (scores > 0)  # of scores that are equal: cut below all
        upper, lower = scores[ends], np.append(scores[1:], 0.0)[ends]
        half = _probability((logit(upper).clip(max=_MOST) + logit(lower)) / 2)
        half = np.where(lower > 0, half, upper / 2)  # nothing is half way to the logit of 0
        places = np.asarray(half.clip(lower, np.nextafter(upper, 0)), np.float64)
        above = np.flatnonzero(ends) + 1
    true, positives = hits[above], hits[-1]
    precision, recall = true / np.maximum(above, 1), true / positives
    if objective == "f1":
        worth = 2 * true / (above + positives)
        return _Cuts(scores, places, above, worth, np.ones(len(places), bool))
    share, other = (precision, recall) if objective == "precision" else (recall, precision)
    worth = np.where(share >= level, 1 + other, share)
    return _Cuts(scores, places, above, worth, worth >= min(1, worth.max(initial=0)))


def _probability(z: ArrayLike) -> Values:
    """The inverse of logits, exact near 1 too, and never 1 itself, above which nothing lies."""
    z = np.asarray(z, np.float64)
    return np.asarray(np.minimum(np.where(z > 0, 1 - expit(-z), expit(z)), np.nextafter(1, 0)), np.float64)
