"""Decided labels, one item at a time and then averaged over items.

Only known entries count, and an item with nothing known is left out; without any item left, the value is NaN. Every
function takes ``scores`` ``(items, classes)``, ``targets`` of 1 present, 0 absent, -1 unknown and a ``threshold`` in
the unit of the scores, returns a number in ``[0, 1]``, agrees with scikit-learn where all is known, and raises
:class:`polytag.errors.OptionError` if shapes differ, a score is NaN or a target is none of the three.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag.labels.matrix import PRESENT, UNKNOWN
from polytag.metrics._inputs import Scores, Targets, Threshold, check_pair
from polytag.metrics.decisions import over_threshold


class _Counts(NamedTuple):
    """Entries of each item that has a known one."""

    hits: NDArray[np.int64]  # (items,), predicted and present
    predicted: NDArray[np.int64]  # (items,)
    present: NDArray[np.int64]  # (items,)
    known: NDArray[np.int64]  # (items,), at least 1

    @property
    def wrong(self) -> NDArray[np.int64]:
        """Predicted and absent, or present and not predicted, ``(items,)``."""
        return self.predicted + self.present - 2 * self.hits


def precision_samples(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Mean over items of ``TP / predicted``; 0 for an item with nothing predicted."""
    items = _count(scores, targets, threshold)
    return mean_over_items(items.hits / np.maximum(items.predicted, 1))


def recall_samples(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Mean over items of ``TP / present``; 0 for an item with nothing present."""
    items = _count(scores, targets, threshold)
    return mean_over_items(items.hits / np.maximum(items.present, 1))


def f1_samples(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Mean over items of ``2 TP / (predicted + present)``; 0 for an item with neither."""
    items = _count(scores, targets, threshold)
    return mean_over_items(2 * items.hits / np.maximum(items.predicted + items.present, 1))


def f1_samples_harmonic(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """F1 as pedestrian attribute papers print it: the harmonic mean of precision_samples and recall_samples."""
    precision, recall = (of(scores, targets, threshold) for of in (precision_samples, recall_samples))
    return 0.0 if precision == recall == 0 else 2 * precision * recall / (precision + recall)


def accuracy_samples(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Mean over items of ``TP / (predicted or present)``, the Jaccard index; 0 for an item with neither."""
    items = _count(scores, targets, threshold)
    return mean_over_items(items.hits / np.maximum(items.hits + items.wrong, 1))


def hamming_loss(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Share of known entries that are decided wrongly, over all items at once."""
    items = _count(scores, targets, threshold)
    return float(items.wrong.sum() / items.known.sum()) if len(items.known) else float("nan")


def subset_accuracy(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Share of items whose known entries are all decided rightly."""
    return mean_over_items(_count(scores, targets, threshold).wrong == 0)


def mean_over_items(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    """Mean of ``(items,)``; NaN if there is none."""
    return float(values.mean()) if len(values) else float("nan")


def _count(scores: Scores, targets: Targets, threshold: Threshold) -> _Counts:
    scores, dense = check_pair(scores, targets)
    predicted, present, known = over_threshold(scores, dense, threshold), dense == PRESENT, dense != UNKNOWN
    sums = [np.count_nonzero(of, axis=1) for of in (predicted & present, predicted, present, known)]
    return _Counts(*(of[sums[-1] > 0] for of in sums))
