"""Where the values of resampled photos come from: a ranking, decided labels, or the rows themselves.

Part of :mod:`polytag.metrics.bootstrap`. A source is made once for some scores; called with how often each photo was
drawn, ``(items, draws)``, it gives the values of its metrics, ``(draws,)`` each, NaN where a draw does not define them.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from polytag.labels.matrix import PRESENT, UNKNOWN
from polytag.metrics import METRICS
from polytag.metrics._inputs import Scores, Threshold
from polytag.metrics.decisions import Decide, over_80, over_threshold, top3, top3_over_80, top3_thresholded

Counts = NDArray[np.int32]  # (items, draws)
Values = dict[str, NDArray[np.float64]]  # metric to (draws,)
Source = Callable[[Counts], Values]

RANKED = ("mAP", "mAP_voc12")
RULES: dict[str, Decide] = {  # by what stands behind the names in DECIDED
    "": over_threshold,
    "_top3": top3,
    "_top3_thresholded": top3_thresholded,
    "_at_80": over_80,
    "_top3_at_80": top3_over_80,
}
DECIDED = ("CP", "CR", "CF1", "CF1_mean", "OP", "OR", "OF1", "mA")

_BLOCK = 2**17  # photos x classes ranked together, a class at least


def sources(scores: Scores, targets: NDArray[np.int8], metrics: Sequence[str], threshold: Threshold) -> list[Source]:
    """What gives all of some metrics, and maybe others.

    Args:
        scores: ``(items, classes)``, checked.
        targets: ``(items, classes)``, checked.
        metrics: names from :data:`polytag.metrics.METRICS`.
        threshold: one number or ``(classes,)``.
    """
    left = set(metrics)
    found: list[Source] = []
    if ranked := left & set(RANKED):
        found.append(_Ranking(scores, targets, "mAP_voc12" in ranked))
        left -= ranked
    for suffix, rule in RULES.items():
        if decided := left & {name + suffix for name in DECIDED}:
            found.append(_Decided(rule(scores, targets, threshold), targets, suffix))
            left -= decided
    return found + [_Anew(name, scores, targets, threshold) for name in sorted(left)]


class _Ranking:
    """Mean average precision, and by the rule of VOC 2012 where ``envelope`` asks for that."""

    def __init__(self, scores: Scores, targets: NDArray[np.int8], envelope: bool) -> None:
        items, classes = scores.shape
        step = max(1, _BLOCK // items)
        columns = [slice(first, first + step) for first in range(0, classes, step)]
        self.blocks = [_Block(scores[:, part], targets[:, part], envelope) for part in columns]

    def __call__(self, counts: Counts) -> Values:
        defined, *sums = np.sum([block.sums(counts) for block in self.blocks], axis=0)
        with np.errstate(invalid="ignore"):  # 0 / 0 is not defined
            return {name: of / defined for name, of in zip(RANKED, sums, strict=False)}


class _Decided:
    """All of ``DECIDED`` for labels decided by one rule, ``(items, classes)``."""

    def __init__(self, decided: NDArray[np.bool_], targets: NDArray[np.int8], suffix: str) -> None:
        present = targets == PRESENT
        masks = (decided & present, decided, present, targets == UNKNOWN)
        self.entries = [csr_array(mask.T, dtype=np.int32) for mask in masks]  # (classes, items) each
        self.suffix = suffix

    def __call__(self, counts: Counts) -> Values:
        hits, predicted, present, unknown = (of @ counts for of in self.entries)  # (classes, draws)
        absent = counts.sum(axis=0) - unknown - present
        defined = (present > 0) & (absent > 0)

        def mean(of: NDArray[np.float64]) -> NDArray[np.float64]:
            """Over defined classes, ``(classes, draws)`` to ``(draws,)``."""
            return np.asarray((of * defined).sum(axis=0) / defined.sum(axis=0))

        precision, recall = hits / np.maximum(predicted, 1), hits / np.maximum(present, 1)
        all_hits, all_predicted, all_present = (of.sum(axis=0) for of in (hits, predicted, present))  # (draws,)
        with np.errstate(invalid="ignore"):  # 0 / 0 is not defined
            cp, cr = mean(precision), mean(recall)
            values = (
                cp,
                cr,
                2 * cp * cr / np.where(cp + cr == 0, 1, cp + cr),
                mean(2 * hits / np.maximum(predicted + present, 1)),
                np.where(all_present, all_hits / np.maximum(all_predicted, 1), np.nan),
                all_hits / all_present,
                np.where(all_present, 2 * all_hits / (all_predicted + all_present), np.nan),
                mean((recall + 1 - (predicted - hits) / np.maximum(absent, 1)) / 2),
            )
        return {name + self.suffix: of for name, of in zip(DECIDED, values, strict=True)}


class _Anew:
    """Any metric, by definition: computed on the rows of each draw."""

    def __init__(self, name: str, scores: Scores, targets: NDArray[np.int8], threshold: Threshold) -> None:
        self.name, self.scores, self.targets, self.threshold = name, scores, targets, threshold

    def __call__(self, counts: Counts) -> Values:
        drawn = [np.repeat(np.arange(len(counts)), of) for of in counts.T]
        metric = METRICS[self.name]
        return {self.name: np.array([metric(self.scores[rows], self.targets[rows], self.threshold) for rows in drawn])}


class _Block:
    """Some classes, ranked: each row of ``ranked`` holds the items from one score of positives down to the next.

    The rows of a class stand one after the other, the highest score first; the last holds what is below them all.

    Args:
        scores: ``(items, classes)``, checked.
        targets: ``(items, classes)``, checked.
        envelope: also take the highest precision at a rank or at any later one.
    """

    def __init__(self, scores: Scores, targets: NDArray[np.int8], envelope: bool) -> None:
        present = targets == PRESENT
        places, photos, marks, starts = [], [], [], [0]
        for column, target, mark in zip(scores.T, targets.T, present.T, strict=True):
            known = np.flatnonzero(target != UNKNOWN)
            levels = np.unique(column[mark])
            places.append(starts[-1] + len(levels) - levels.searchsorted(column[known], side="right"))
            photos.append(known)
            marks.append(mark[known])
            starts.append(starts[-1] + len(levels) + 1)
        rows, columns, positive = (np.concatenate(parts) for parts in (places, photos, marks))
        shape = (starts[-1], len(scores))
        self.starts = np.array(starts)  # (classes + 1,), of the rows of each class
        self.ranked = _ones(rows, columns, shape)  # (rows, items)
        self.positives = _ones(rows[positive], columns[positive], shape)  # (rows, items)
        self.envelope = envelope

    def sums(self, counts: Counts) -> NDArray[np.float64]:
        """Of photos drawn ``counts`` times, ``(2, draws)``, with an envelope ``(3, draws)``.

        How many classes are defined, and the sums over those of the average precision, and of that under the envelope.
        """
        new = self.positives @ counts  # (rows, draws)
        at_least, hits = self._running(self.ranked @ counts), self._running(new)  # (rows, draws)
        ends = self.starts[1:] - 1
        known, present = at_least[ends], hits[ends]  # (classes, draws)
        precision = hits / np.maximum(at_least, 1)  # (rows, draws)
        defined = (present > 0) & (present < known)
        averages = [self._average(new * precision, present)]
        if self.envelope:
            for first, end in pairwise(self.starts):
                upwards = precision[first:end][::-1]
                np.maximum.accumulate(upwards, axis=0, out=upwards)
            averages.append(self._average(new * precision, present))
        return np.stack([defined.sum(axis=0), *((average * defined).sum(axis=0) for average in averages)])

    def _average(self, precisions: NDArray[np.float64], present: NDArray[np.int64]) -> NDArray[np.float64]:
        """Sums of ``(rows, draws)`` over the rows of each class, by its positives, ``(classes, draws)``."""
        return np.asarray(np.add.reduceat(precisions, self.starts[:-1], axis=0) / np.maximum(present, 1))

    def _running(self, values: NDArray[np.int32]) -> NDArray[np.int64]:
        """Sums of ``(rows, draws)`` from the first row of the class to each one."""
        total = np.zeros((len(values) + 1, values.shape[1]), dtype=np.int64)
        np.cumsum(values, axis=0, out=total[1:])
        before: NDArray[np.int64] = np.repeat(total[self.starts[:-1]], np.diff(self.starts), axis=0)
        return np.asarray(total[1:] - before)


def _ones(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> Any:
    return csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape)
