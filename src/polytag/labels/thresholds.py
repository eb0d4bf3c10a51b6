"""Above which score a label counts as present: chosen for each class on photos that are not the test."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polytag._checks import check_choice, check_number, check_scores_targets
from polytag.errors import OptionError
from polytag.labels.matrix import PRESENT, UNKNOWN

Objective = Literal["f1", "precision", "recall"]
OBJECTIVES: tuple[Objective, ...] = ("f1", "precision", "recall")
Values = NDArray[np.float64]


def best_thresholds(
    scores: ArrayLike,
    targets: ArrayLike,
    objective: Objective = "f1",
    level: float = 0.9,
    shrink: float = 10.0,
    grid: float = 0.0,
) -> Values:
    """One threshold a class, such that a label is present where its score lies above.

    Every cut of a class between two different scores is tried: the whole precision-recall curve. A cut that has few
    positives behind it is moved towards the one that suits all classes together, in logits: with ``n`` positives it
    counts ``n`` times, the shared one ``shrink`` times. A class without known positives or negatives has the shared
    one.

    Args:
        scores: ``(items, classes)``, probabilities in ``[0, 1]``.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown.
        objective: "f1": as high as can be; "precision": at least ``level``, with as many found as can be; "recall": at
            least ``level``, with as few wrong as can be. Where no cut reaches the level, the one that comes nearest.
        level: in ``[0, 1]``, of precision or recall.
        shrink: ``>= 0``, how many positives the shared cut counts for; 0 to leave each class to itself.
        grid: try multiples of this alone, in ``[0, 0.5]``; 0 for every cut.

    Returns:
        ``(classes,)`` in ``[0, 1]``.

    Raises:
        OptionError: if an argument is out of its range, or no class has a known positive and a known negative.
    """
    check_choice("objective", objective, OBJECTIVES)
    check_number("level", level, 0.0, 1.0)
    check_number("shrink", shrink, 0.0, 1e9)
    check_number("grid", grid, 0.0, 0.5)
    p, y = np.asarray(scores, np.float64), np.asarray(targets)
    check_scores_targets(p, y)
    if p.size and not (p.min() >= 0 and p.max() <= 1):  # NaN is neither
        raise OptionError("scores must be probabilities from 0 to 1; use scipy.special.expit on logits")
    known = y != UNKNOWN
    judged = [column for column in range(p.shape[1]) if len(np.unique(y[known[:, column], column])) == 2]
    if not judged:
        raise OptionError("no class has both a known positive and a known negative; give other photos")

    def cut(rows: NDArray[np.bool_], columns: list[int]) -> float:
        chosen = rows[:, columns]
        return _cut(p[:, columns][chosen], y[:, columns][chosen] == PRESENT, objective, level, grid)

    shared = cut(known, judged)
    found = np.full(p.shape[1], shared)
    for column in judged:
        own = cut(known, [column])
        positives = np.count_nonzero(y[:, column] == PRESENT)
        mixed = (positives * _logit(own) + shrink * _logit(shared)) / (positives + shrink)
        found[column] = 1 / (1 + np.exp(-mixed)) if shrink else own
    return found


def _cut(scores: Values, present: NDArray[np.bool_], objective: str, level: float, grid: float) -> float:
    """The best place for one threshold among scores ``(entries,)``, present or not."""
    order = np.argsort(-scores, kind="stable")
    sorted_scores, hits = scores[order], np.cumsum(present[order])
    last = np.flatnonzero(np.append(np.diff(sorted_scores) < 0, True))  # of scores that are equal: cut below all
    if grid:
        places = np.arange(0.0, 1.0 + grid / 2, grid)[1:]
        count = np.searchsorted(-sorted_scores, -places, side="left")  # scores above each place
        places, count = places[count > 0], count[count > 0]
    else:
        last = last[sorted_scores[last] > 0]  # nothing lies above a cut below 0
        below = np.append(sorted_scores[1:], 0.0)
        places, count = (sorted_scores[last] + below[last]) / 2, last + 1
    if not len(places):
        return 0.5
    true, positives = hits[count - 1], hits[-1]
    precision, recall = true / count, true / positives
    if objective == "f1":
        worth = 2 * true / (count + positives)
    elif objective == "precision":
        worth = np.where(precision >= level, 1 + recall, precision)
    else:
        worth = np.where(recall >= level, 1 + precision, recall)
    return float(places[np.argmax(worth)])


def _logit(p: float) -> float:
    kept = min(max(p, 1e-6), 1 - 1e-6)
    return float(np.log(kept / (1 - kept)))
