"""How far mAP, CF1 and OF1 would move had other photos been drawn: a bootstrap over photos, paired between runs.

A resample draws as many photos as there are, with replacement; what counts is how often each was drawn. So scores are
ranked once, and a resample weighs the photos in that ranking, whatever the scores: no sort, one pass.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from polytag._checks import check_number
from polytag._random import generator
from polytag.errors import OptionError
from polytag.labels.matrix import PRESENT, UNKNOWN
from polytag.metrics._inputs import Scores, Targets, check_pair
from polytag.metrics.ap import mean_average_precision
from polytag.metrics.decisions import over_threshold
from polytag.metrics.precision_recall import class_f1, overall_f1

MEASURES = {"mAP": mean_average_precision, "CF1": class_f1, "OF1": overall_f1}  # at a logit of 0: probability 0.5
LEAST_DRAWS = 100  # below, the ends of a 95% interval are those of two or three draws

_DRAWS, _ENTRIES = 32, 2**22  # draws at a time, and photos x draws: 16 MB of counts at most
_BLOCK = 2**17  # photos x classes ranked together, a class at least

Verdict = Literal["up", "down", "not resolved"]


class Difference(NamedTuple):
    """How far one run is above another, in the unit of the metric."""

    value: float
    low: float  # of the 95% interval, NaN where the metric is not defined
    high: float
    verdict: Verdict  # "up" or "down" where the interval leaves out 0


def photo_counts(items: int, seed: int, draw: int) -> NDArray[np.int32]:
    """How often each photo is in a resample, ``(items,)``; a function of the seed and the number of the draw."""
    rows = generator(seed, draw).integers(items, size=items)
    return np.bincount(rows, minlength=items).astype(np.int32)


def resampled(scores: Scores, targets: Targets, draws: int = 1000, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """mAP, CF1 and OF1 of resampled photos, the latter two at a score of 0.

    Each value is that of :mod:`polytag.metrics` on every row repeated as :func:`photo_counts` says. Classes that lack a
    known positive or a known negative in a resample are left out of its means. For another array of scores with as many
    rows the resamples are the same, so that differences are paired.

    Takes 8 bytes for each known entry, and some 100 MB at most for the draws at work, whatever their number.

    Args:
        scores: ``(items, classes)``, logits.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown, or sparse labels.
        draws: how many resamples.
        seed: of the draws.

    Returns:
        Metric to ``(draws,)`` in ``[0, 1]``; NaN where a resample defines none.

    Raises:
        OptionError: if there is no row, the shapes differ, a score is NaN, a target is none of 1, 0 and -1, or
            ``draws`` or ``seed`` is out of its range.
    """
    check_number("draws", draws, 1, 1_000_000)
    check_number("seed", seed, 0, 2**62)
    checked, dense = check_pair(scores, targets)
    items, classes = checked.shape
    if not items:
        raise OptionError("there must be at least one photo to resample, got none")
    step, width = max(1, _BLOCK // items), max(1, min(_DRAWS, _ENTRIES // items))
    blocks = [_Block(checked[:, c : c + step], dense[:, c : c + step]) for c in range(0, classes, step)]
    sums = np.zeros((_Block.SUMS, draws))
    for first in range(0, draws, width):
        chunk = range(first, min(first + width, draws))
        counts = np.stack([photo_counts(items, seed, draw) for draw in chunk], axis=1)  # (items, chunk)
        for block in blocks:
            sums[:, chunk.start : chunk.stop] += block.sums(counts)
    defined, average, precision, recall, hits, predicted, present = sums
    with np.errstate(invalid="ignore"):  # 0 / 0 is not defined
        mean_average, mean_precision, mean_recall = (of / defined for of in (average, precision, recall))
        overall = np.where(present, 2 * hits / (predicted + present), np.nan)
    both = mean_precision + mean_recall
    harmonic = 2 * mean_precision * mean_recall / np.where(both == 0, 1, both)
    return dict(zip(MEASURES, (mean_average, harmonic, overall), strict=True))


def difference(value: float, resamples: NDArray[np.float64]) -> Difference:
    """A difference with the 95% percentile interval of its resamples ``(draws,)``; undefined ones are left out.

    Raises:
        OptionError: if there are fewer than ``LEAST_DRAWS``.
    """
    check_number("draws", len(resamples), LEAST_DRAWS, 1_000_000)
    defined = resamples[~np.isnan(resamples)]
    if not len(defined):
        return Difference(value, float("nan"), float("nan"), "not resolved")
    low, high = np.quantile(defined, (0.025, 0.975)).tolist()
    return Difference(value, low, high, "up" if low > 0 else "down" if high < 0 else "not resolved")


def paired_difference(
    a: Sequence[Scores], b: Sequence[Scores], targets: Targets, draws: int = 1000, seed: int = 0
) -> dict[str, Difference]:
    """How far runs ``a`` are above runs ``b`` in mAP, CF1 and OF1 on the same photos.

    The value is the mean over training seeds of ``metric(a_k) - metric(b_k)``. Each draw resamples the photos and,
    where there are several seeds, the pairs of runs. With one pair the interval is that of the photos alone: **the
    noise of training is not in it**. Resampling ``K`` pairs gives only ``(K - 1) / K`` of the variance between them, so
    the mean of resampled pairs is moved away from the mean of all by ``sqrt(K / (K - 1))``; with two or three pairs the
    interval is a rough one still.

    Args:
        a: logits ``(items, classes)``, an array for each training seed.
        b: the same of the runs to compare with, in the same order of seeds.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown, or sparse labels.
        draws: how many resamples, 100 or more.
        seed: of the draws.

    Raises:
        OptionError: if ``a`` and ``b`` are not of one length, and as :func:`resampled` and :func:`difference` do.
    """
    check_number("draws", draws, LEAST_DRAWS, 1_000_000)
    pairs = len(a)
    if not pairs or pairs != len(b):
        raise OptionError(f"a and b must hold scores of the same training seeds, got {pairs} and {len(b)} arrays")
    moved: dict[str, list[NDArray[np.float64]]] = {name: [] for name in MEASURES}  # (draws,) of each pair
    for ours, theirs in zip(a, b, strict=True):
        up, down = resampled(ours, targets, draws, seed), resampled(theirs, targets, draws, seed)
        for name in MEASURES:
            moved[name].append(up[name] - down[name])
    chosen = np.stack([generator(seed, draw, 1).integers(pairs, size=pairs) for draw in range(draws)])  # (draws, pairs)
    stretch = np.sqrt(pairs / max(pairs - 1, 1))
    out = {}
    for name, measure in MEASURES.items():
        by_pair = np.stack(moved[name], axis=1)  # (draws, pairs)
        mean = by_pair.mean(axis=1)
        drawn = np.take_along_axis(by_pair, chosen, axis=1).mean(axis=1)
        value = np.mean([measure(up, targets) - measure(down, targets) for up, down in zip(a, b, strict=True)])
        out[name] = difference(float(value), mean + stretch * (drawn - mean))
    return out


class _Block:
    """Some classes, ranked: each row of ``ranked`` holds the items from one score of positives down to the next.

    The rows of a class stand one after the other, the highest score first; the last holds what is below them all.

    Args:
        scores: ``(items, classes)``, checked.
        targets: ``(items, classes)``, checked.
    """

    SUMS = 7  # what `sums` returns

    def __init__(self, scores: Scores, targets: NDArray[np.int8]) -> None:
        predicted = over_threshold(scores, targets, 0.0)
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
        self.predicted = csr_array(predicted.T, dtype=np.int32)  # (classes, items)
        self.right = csr_array((predicted & present).T, dtype=np.int32)  # (classes, items)

    def sums(self, counts: NDArray[np.int32]) -> NDArray[np.float64]:
        """Of photos drawn ``counts`` ``(items, draws)`` times, ``(7, draws)``.

        How many classes are defined; over those the sums of average precision, precision and recall; over all classes
        the true positives, the predicted and the present entries.
        """
        predicted, right = self.predicted @ counts, self.right @ counts  # (classes, draws)
        new = self.positives @ counts  # (rows, draws)
        at_least, hits = self._running(self.ranked @ counts), self._running(new)  # (rows, draws)
        ends = self.starts[1:] - 1
        known, present = at_least[ends], hits[ends]  # (classes, draws)
        precisions = np.add.reduceat(new * (hits / np.maximum(at_least, 1)), self.starts[:-1], axis=0)
        found = np.maximum(present, 1)
        terms = (precisions / found, right / np.maximum(predicted, 1), right / found)  # (classes, draws) each
        defined = (present > 0) & (present < known)
        overall = (of.sum(axis=0) for of in (right, predicted, present))
        return np.stack([defined.sum(axis=0), *((term * defined).sum(axis=0) for term in terms), *overall])

    def _running(self, values: NDArray[np.int32]) -> NDArray[np.int64]:
        """Sums of ``(rows, draws)`` from the first row of the class to each one."""
        total = np.zeros((len(values) + 1, values.shape[1]), dtype=np.int64)
        np.cumsum(values, axis=0, out=total[1:])
        before: NDArray[np.int64] = np.repeat(total[self.starts[:-1]], np.diff(self.starts), axis=0)
        return np.asarray(total[1:] - before)


def _ones(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> Any:
    return csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=shape)
