"""How far mAP, CF1 and OF1 would move had other photos been drawn: a bootstrap over photos, paired between runs.

A resample draws as many photos as there are, with replacement; what counts is how often each was drawn. So scores are
ranked once, and a resample weighs the photos in that ranking, whatever the scores: no sort, one pass.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import t

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


class Measured(NamedTuple):
    """mAP, CF1 and OF1 of one run, and the mAP of groups of classes."""

    values: dict[str, float]  # on the photos as they are, 0 to 1
    resamples: dict[str, NDArray[np.float64]]  # (draws,) each, of the photos drawn anew


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


def measured(
    scores: Scores,
    targets: Targets,
    draws: int = 1000,
    seed: int = 0,
    groups: Mapping[str, NDArray[np.bool_]] | None = None,
) -> Measured:
    """All that :func:`difference_of_measured` needs of one run; see :func:`resampled`.

    Args:
        scores: ``(items, classes)``, logits.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown, or sparse labels.
        draws: how many resamples.
        seed: of the draws.
        groups: masks ``(classes,)``; the mAP over the classes of each is measured under its name, too, NaN where there
            are none.
    """
    values = {name: measure(scores, targets) for name, measure in MEASURES.items()}
    resamples = resampled(scores, targets, draws, seed)
    checked, dense = check_pair(scores, targets)
    for name, group in (groups or {}).items():
        own = checked[:, group], dense[:, group]
        values[name] = mean_average_precision(*own) if group.any() else float("nan")
        resamples[name] = resampled(*own, draws, seed)["mAP"] if group.any() else np.full(draws, np.nan)
    return Measured(values, resamples)


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
    return _judged(value, low, high)


def paired_difference(
    a: Sequence[Scores], b: Sequence[Scores], targets: Targets, draws: int = 1000, seed: int = 0
) -> dict[str, Difference]:
    """How far runs ``a`` are above runs ``b`` in mAP, CF1 and OF1 on the same photos.

    The value is the mean ``d`` over training seeds of ``d_k = metric(a_k) - metric(b_k)``. With one seed the interval
    is the middle 95% of the bootstrap over photos: **the noise of training is not in it**. With ``K`` seeds it has
    both: ``d -+ t * sqrt(p + s / K)``, where ``p`` is the variance of ``d`` over resampled photos, ``s`` that of the
    ``d_k``, and ``t`` the 97.5% quantile of Student's t with Welch and Satterthwaite's degrees of freedom
    ``(K - 1) * (p + s / K)^2 / (s / K)^2``. Resampling the few ``d_k`` instead would call equal runs unequal far more
    often than once in twenty.

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
    ours, theirs = ([measured(scores, targets, draws, seed) for scores in runs] for runs in (a, b))
    return difference_of_measured(ours, theirs)


def difference_of_measured(a: Sequence[Measured], b: Sequence[Measured]) -> dict[str, Difference]:
    """:func:`paired_difference` of runs that were measured before, so that each is resampled once.

    Args:
        a: a run for each training seed.
        b: the same of the runs to compare with, in the same order of seeds; all measured on the same photos, with as
            many draws of one seed.

    Raises:
        OptionError: as :func:`paired_difference` does.
    """
    pairs = len(a)
    if not pairs or pairs != len(b):
        raise OptionError(f"a and b must hold scores of the same training seeds, got {pairs} and {len(b)} arrays")
    out = {}
    for name in a[0].resamples:
        moved = [up.resamples[name] - down.resamples[name] for up, down in zip(a, b, strict=True)]
        values = np.array([up.values[name] - down.values[name] for up, down in zip(a, b, strict=True)])  # (pairs,)
        resamples = np.mean(moved, axis=0)  # (draws,)
        out[name] = difference(float(values.mean()), resamples) if pairs == 1 else _over_seeds(values, resamples)
    return out


def _over_seeds(values: NDArray[np.float64], resamples: NDArray[np.float64]) -> Difference:
    """The mean of values, one a seed, and its interval; ``resamples`` ``(draws,)`` are that mean on other photos."""
    value, count = float(values.mean()), len(values)
    defined = resamples[~np.isnan(resamples)]
    if np.isnan(value) or len(defined) < 2:
        return Difference(value, float("nan"), float("nan"), "not resolved")
    photos, seeds = defined.var(ddof=1), values.var(ddof=1) / count
    if photos + seeds == 0:
        reach = 0.0
    else:
        freedom = (count - 1) * ((photos + seeds) / seeds) ** 2 if seeds > 0 else np.inf
        reach = float(t.ppf(0.975, freedom) * np.sqrt(photos + seeds))
    return _judged(value, value - reach, value + reach)


def _judged(value: float, low: float, high: float) -> Difference:
    return Difference(value, low, high, "up" if low > 0 else "down" if high < 0 else "not resolved")


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
