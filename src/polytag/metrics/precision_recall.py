"""Precision, recall, F1 and mA of decided labels: per class and then averaged (C), or over all entries at once (O).

With ``TP``, ``predicted`` and ``present`` counted over known entries:

- A class is defined if it has a known positive and a known negative. Undefined classes are left out of every mean
  over classes, here as in mean average precision; :func:`undefined_classes` counts them.
- A defined class that is never predicted has precision 0 and F1 0.
- Overall numbers count the entries of all classes; without a known positive anywhere they are NaN, and with one but
  nothing predicted, OP is 0.

Every function takes ``scores`` ``(items, classes)``, ``targets`` of 1 present, 0 absent, -1 unknown, a ``threshold`` in
the unit of the scores and what decides (:mod:`polytag.metrics.decisions`), returns a number in ``[0, 1]`` or NaN, and
raises :class:`polytag.errors.OptionError` if shapes differ, a score is NaN or a target is none of the three.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag.labels.matrix import ABSENT, PRESENT
from polytag.metrics._inputs import Scores, Targets, Threshold, check_pair
from polytag.metrics.ap import mean_of_defined
from polytag.metrics.decisions import Decide, over_threshold


class ClassScores(NamedTuple):
    """Precision, recall and F1 of each class, ``(classes,)``, NaN where undefined."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]


class _Counts(NamedTuple):
    hits: NDArray[np.int64]  # (classes,)
    predicted: NDArray[np.int64]  # (classes,)
    present: NDArray[np.int64]  # (classes,)
    absent: NDArray[np.int64]  # (classes,)
    defined: NDArray[np.bool_]  # (classes,)


def class_scores(
    scores: Scores, targets: Targets, threshold: Threshold = 0.0, decide: Decide = over_threshold
) -> ClassScores:
    """``TP / predicted``, ``TP / present`` and ``2 TP / (predicted + present)`` of each class."""
    hits, predicted, present, _, defined = _count(scores, targets, threshold, decide)
    blank = np.where(defined, 0.0, np.nan)
    return ClassScores(
        blank + hits / np.maximum(predicted, 1),
        blank + hits / np.maximum(present, 1),
        blank + 2 * hits / np.maximum(predicted + present, 1),
    )


def class_precision(
    scores: Scores, targets: Targets, threshold: Threshold = 0.0, decide: Decide = over_threshold
) -> float:
    """CP: mean of the precision of classes; macro precision."""
    return mean_of_defined(class_scores(scores, targets, threshold, decide).precision)


def class_recall(
    scores: Scores, targets: Targets, threshold: Threshold = 0.0, decide: Decide = over_threshold
) -> float:
    """CR: mean of the recall of classes; macro recall."""
    return mean_of_defined(class_scores(scores, targets, threshold, decide).recall)


def class_f1(scores: Scores, targets: Targets, threshold: Threshold = 0.0, decide: Decide = over_threshold) -> float:
    """CF1 as most papers print it: the harmonic mean of CP and CR; 0 if both are."""
    precision, recall, _ = map(mean_of_defined, class_scores(scores, targets, threshold, decide))
    return 0.0 if precision == recall == 0 else 2 * precision * recall / (precision + recall)


def class_f1_mean(
    scores: Scores, targets: Targets, threshold: Threshold = 0.0, decide: Decide = over_threshold
) -> float:
    """CF1 as some papers print it: the mean of the F1 of classes; macro F1."""
    return mean_of_defined(class_scores(scores, targets, threshold, decide).f1)


def mean_accuracy(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Mean over classes of the balanced accuracy ``(TP / present + TN / absent) / 2``; mA of pedestrian attributes."""
    hits, predicted, present, absent, defined = _count(scores, targets, threshold, over_threshold)
    right = hits[defined] / present[defined] + 1 - (predicted - hits)[defined] / absent[defined]  # (defined,)
    return mean_of_defined(right / 2)


def overall_precision(
    scores: Scores, targets: Targets, threshold: Threshold = 0.0, decide: Decide = over_threshold
) -> float:
    """OP: ``sum TP / sum predicted``; micro precision."""
    hits, predicted, present = _totals(scores, targets, threshold, decide)
    return hits / max(predicted, 1) if present else float("nan")


def overall_recall(
    scores: Scores, targets: Targets, threshold: Threshold = 0.0, decide: Decide = over_threshold
) -> float:
    """OR: ``sum TP / sum present``; micro recall."""
    hits, _, present = _totals(scores, targets, threshold, decide)
    return hits / present if present else float("nan")


def overall_f1(scores: Scores, targets: Targets, threshold: Threshold = 0.0, decide: Decide = over_threshold) -> float:
    """OF1: the harmonic mean of OP and OR, ``2 sum TP / (sum predicted + sum present)``; micro F1."""
    hits, predicted, present = _totals(scores, targets, threshold, decide)
    return 2 * hits / (predicted + present) if present else float("nan")


def undefined_classes(targets: NDArray[np.integer]) -> int:
    """How many classes have no known positive, or no known negative; ``targets`` is ``(items, classes)``."""
    return int(np.count_nonzero(~_defined(targets)))


def _defined(targets: NDArray[np.integer]) -> NDArray[np.bool_]:
    defined: NDArray[np.bool_] = (targets == PRESENT).any(axis=0) & (targets == ABSENT).any(axis=0)
    return defined


def _count(scores: Scores, targets: Targets, threshold: Threshold, decide: Decide) -> _Counts:
    scores, dense = check_pair(scores, targets)
    predicted, present = decide(scores, dense, threshold), dense == PRESENT
    masks = (predicted & present, predicted, present, dense == ABSENT)
    hits, decided, labelled, absent = (np.count_nonzero(of, axis=0) for of in masks)
    return _Counts(hits, decided, labelled, absent, _defined(dense))


def _totals(scores: Scores, targets: Targets, threshold: Threshold, decide: Decide) -> tuple[int, int, int]:
    """True positives, predicted and present entries of all classes."""
    counts = _count(scores, targets, threshold, decide)
    return int(counts.hits.sum()), int(counts.predicted.sum()), int(counts.present.sum())
