"""How well the labels of an item are ordered, averaged over items; no threshold is looked at.

Only known entries are ranked, and an item with nothing known is left out; without any item left, the value is NaN.
Every function takes ``scores`` ``(items, classes)`` and ``targets`` of 1 present, 0 absent, -1 unknown, agrees with
scikit-learn where all is known, ties included, and raises :class:`polytag.errors.OptionError` if shapes differ, a score
is NaN or a target is none of the three.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag.labels.matrix import ABSENT, PRESENT, UNKNOWN
from polytag.metrics._inputs import Scores, Targets, Threshold, check_pair
from polytag.metrics.samples import mean_over_items

_CHUNK = 2**20  # entries compared at a time


class _Ranks(NamedTuple):
    """Items with a known entry, and each known positive ``p`` of theirs, with ``s`` its score."""

    item: NDArray[np.int64]  # (positives,), which of the items
    at_least: NDArray[np.int64]  # (positives,), known labels of the item that score s or higher
    hits: NDArray[np.int64]  # (positives,), present labels of the item that do
    present: NDArray[np.int64]  # (items,)
    absent: NDArray[np.int64]  # (items,)

    def sum_over_labels(self, values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
        """Sum over the positives of each item, ``(positives,)`` to ``(items,)``."""
        sums = np.bincount(self.item, weights=values, minlength=len(self.present))
        return sums.astype(np.float64, copy=False)  # integers if there is no positive at all


def ranking_loss(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Share of (present, absent) pairs with the absent label at or above the present one, in ``[0, 1]``.

    An item without such a pair counts as 0.
    """
    ranks = _rank(scores, targets)
    wrong = ranks.sum_over_labels(ranks.at_least - ranks.hits)
    return mean_over_items(wrong / np.maximum(ranks.present * ranks.absent, 1))


def coverage_error(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """How many labels of an item to take from the top to have all present ones, in ``[0, classes]``.

    An item with nothing present counts as 0.
    """
    ranks = _rank(scores, targets)
    depth = np.zeros(len(ranks.present))
    np.maximum.at(depth, ranks.item, ranks.at_least)
    return mean_over_items(depth)


def lrap(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Label-ranking average precision: mean over present labels of the precision at their rank, in ``(0, 1]``.

    An item with nothing present counts as 1.
    """
    ranks = _rank(scores, targets)
    precision = ranks.sum_over_labels(ranks.hits / ranks.at_least) / np.maximum(ranks.present, 1)
    return mean_over_items(np.where(ranks.present == 0, 1.0, precision))


def _rank(scores: Scores, targets: Targets) -> _Ranks:
    scores, dense = check_pair(scores, targets)
    kept = (dense != UNKNOWN).any(axis=1)
    scores, dense = scores[kept], dense[kept]
    item, label = np.nonzero(dense == PRESENT)
    at_least, hits = np.empty_like(item), np.empty_like(item)
    step = max(1, _CHUNK // max(1, scores.shape[1]))
    for start in range(0, len(item), step):
        part = slice(start, start + step)
        rows = dense[item[part]]  # (part, classes)
        reached = scores[item[part]] >= scores[item[part], label[part], np.newaxis]  # (part, classes)
        at_least[part] = np.count_nonzero(reached & (rows != UNKNOWN), axis=1)
        hits[part] = np.count_nonzero(reached & (rows == PRESENT), axis=1)
    present, absent = (np.count_nonzero(dense == value, axis=1) for value in (PRESENT, ABSENT))
    return _Ranks(item, at_least, hits, present, absent)
