"""Average precision of each class, and its mean: the area under a precision-recall curve.

One sort a column is all the ordering it takes: what a positive's rank is, and how many positives rank at least as
high, are then binary searches of the positives alone, which counts ties exactly.
"""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from polytag._checks import check_scores_targets
from polytag.labels.matrix import Labels
from polytag.metrics._columns import Columns, Dense, Source, Sparse, count_by_row
from polytag.metrics._inputs import Scores, Targets, Threshold, check_pair, check_scores

_BLOCK_CLASSES, _BLOCK_ENTRIES = 16, 2**22  # columns sorted together: a cache line of float32, 16 MB at most


def average_precision(scores: Scores, targets: Targets) -> NDArray[np.float64]:
    """Non-interpolated average precision: the mean over positives of the precision at their rank.

    ``AP = 1/P sum_i TP(s_i) / N(s_i)`` over the positives ``i``, where ``TP(s)`` positives and ``N(s)`` items score
    at least ``s``; so tied items share the last rank of their group, as in ``sklearn.metrics.average_precision_score``.
    Unknown entries are left out of the ranking.

    Args:
        scores: ``(items, classes)``, any monotone score; float32 is the fastest, float64 is ranked exactly.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown, or sparse labels.

    Returns:
        ``(classes,)`` in ``(0, 1]``; NaN for a class without a known positive or without a known negative.

    Raises:
        OptionError: if the shapes differ, a score is NaN, or a target is none of 1, 0 and -1.
    """
    return _per_class(scores, targets, envelope=False)


def voc12_average_precision(scores: Scores, targets: Targets) -> NDArray[np.float64]:
    """All-points interpolated average precision of VOC 2010 to 2012, never below :func:`average_precision`.

    The precision at each positive is replaced by the highest at its rank or at any later one. Ties, arguments,
    undefined classes and errors are those of :func:`average_precision`.
    """
    return _per_class(scores, targets, envelope=True)


def mean_average_precision(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Mean of :func:`average_precision` over the defined classes, in ``(0, 1]``; NaN if there is none."""
    return mean_of_defined(average_precision(scores, targets))


def mean_voc12_average_precision(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Mean of :func:`voc12_average_precision` over the defined classes, in ``(0, 1]``; NaN if there is none."""
    return mean_of_defined(voc12_average_precision(scores, targets))


def mean_of_defined(values: NDArray[np.float64]) -> float:
    """Mean of what is not NaN, ``(classes,)`` to a number; NaN if nothing is left."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")


def _per_class(scores: Scores, targets: Targets, envelope: bool) -> NDArray[np.float64]:
    source: Source
    if isinstance(targets, Labels):
        check_scores_targets(np.asarray(scores), targets)
        source = Sparse(check_scores(scores), targets)
    else:
        source = Dense(*check_pair(scores, targets))
    items, classes = np.shape(scores)
    step = max(1, min(_BLOCK_CLASSES, _BLOCK_ENTRIES // max(items, 1)))

    def block(first: int) -> NDArray[np.float64]:
        return _of_columns(source.columns(first, min(first + step, classes)), envelope)

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # sorting releases the interpreter's lock
        return np.concatenate([np.empty(0), *pool.map(block, range(0, classes, step))])


def _of_columns(columns: Columns, envelope: bool) -> NDArray[np.float64]:
    """Average precision of each class, ``(classes,)``. Sorts ``columns``."""
    counts = count_by_row(columns.positives, columns.scores.shape)
    ends = np.cumsum(counts)
    positives = np.split(columns.scores.ravel()[columns.positives], ends[:-1])  # one array a class
    for values in positives:
        values.sort()
    columns.scores.sort(axis=1)
    # All positives of all classes one after the other, from the lowest to the highest score of each class.
    lower = np.concatenate([row.searchsorted(p) for row, p in zip(columns.scores, positives, strict=True)])
    starts = (ends - counts)[counts > 0]
    tied = np.zeros(len(lower), dtype=bool)  # with the positive before
    tied[1:] = lower[1:] == lower[:-1]
    tied[starts] = False  # that one is of another class
    first = np.maximum.accumulate(np.where(tied, 0, np.arange(len(lower))))  # of all that score the same
    precision = (np.repeat(ends, counts) - first) / (np.repeat(columns.known, counts) - lower)
    if envelope:
        for values in np.split(precision, starts[1:]):
            np.maximum.accumulate(values, out=values)
    average = np.full(len(counts), np.nan)
    average[counts > 0] = np.add.reduceat(precision, starts) / counts[counts > 0]
    average[counts == columns.known] = np.nan
    return average
