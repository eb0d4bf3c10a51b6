"""How far metrics would move had other photos been drawn: a bootstrap over photos, paired between runs.

A resample draws as many photos as there are, with replacement; what counts is how often each was drawn. So scores are
ranked and labels decided once, and a resample weighs the photos in them, whatever the scores: no sort, one pass.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from polytag._checks import check_choice, check_number
from polytag._random import generator
from polytag.errors import OptionError
from polytag.metrics import METRICS
from polytag.metrics._inputs import Scores, Targets, Threshold, check_pair
from polytag.metrics._resampling import sources
from polytag.metrics.ap import mean_average_precision

MEASURES = {name: METRICS[name] for name in ("mAP", "CF1", "OF1")}
LEVEL = 0.05  # of verdicts: intervals are of 95%
LEAST_DRAWS = 100  # below, the ends of a 95% interval are those of two or three draws

_DRAWS, _ENTRIES = 32, 2**22  # draws at a time, and photos x draws: 16 MB of counts at most

Verdict = Literal["up", "down", "not resolved"]


class Difference(NamedTuple):
    """How far one run is above another, in the unit of the metric."""

    value: float
    low: float  # of the 95% interval, NaN where the metric is not defined
    high: float
    verdict: Verdict  # "up" or "down" where the interval leaves out 0


class Measured(NamedTuple):
    """Metrics of one run, and the mAP of groups of classes."""

    values: dict[str, float]  # on the photos as they are, 0 to 1
    resamples: dict[str, NDArray[np.float64]]  # (draws,) each, of the photos drawn anew


Clusters = NDArray[np.integer] | None  # (items,), of each photo a number from 0 without gaps; None for one of its own


def numbered(groups: NDArray[np.integer] | None) -> Clusters:
    """Any numbers of groups, ``(items,)``, as numbers of clusters."""
    return None if groups is None else np.unique(groups, return_inverse=True)[1].reshape(-1)


def photo_counts(items: int, seed: int, draw: int, clusters: Clusters = None) -> NDArray[np.int32]:
    """How often each photo is in a resample, ``(items,)``; a function of the seed and the number of the draw.

    Photos of one cluster (a patient, a product) are drawn together: they are alike, so that fewer of them are news.
    """
    units = _units(items, clusters)
    counts = np.bincount(generator(seed, draw).integers(units, size=units), minlength=units).astype(np.int32)
    return counts if clusters is None else counts[clusters]


def _units(items: int, clusters: Clusters) -> int:
    return items if clusters is None else int(clusters.max(initial=-1)) + 1


def photo_folds(items: int, seed: int, folds: int, clusters: Clusters = None) -> list[NDArray[np.int64]]:
    """The photos dealt to so many folds by chance, those of one cluster to the same; a fold may be empty."""
    units = _units(items, clusters)
    dealt = np.array_split(generator(seed).permutation(units), folds)
    return dealt if clusters is None else [np.flatnonzero(np.isin(clusters, fold)) for fold in dealt]


def resampled(
    scores: Scores,
    targets: Targets,
    draws: int = 1000,
    seed: int = 0,
    metrics: Sequence[str] = tuple(MEASURES),
    threshold: Threshold = 0.0,
    clusters: Clusters = None,
) -> dict[str, NDArray[np.float64]]:
    """Metrics of resampled photos.

    Each value is that of :mod:`polytag.metrics` on every row repeated as :func:`photo_counts` says. Classes that lack a
    known positive or a known negative in a resample are left out of its means. For another array of scores with as many
    rows the resamples are the same, so that differences are paired.

    Takes 8 bytes for each known entry, and some 100 MB at most for the draws at work, whatever their number. Metrics of
    single items and of the order of their labels are computed anew for each resample, which takes long.

    Args:
        scores: ``(items, classes)``, logits.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown, or sparse labels.
        draws: how many resamples.
        seed: of the draws.
        metrics: names from :data:`polytag.metrics.METRICS`.
        threshold: one number or ``(classes,)``, in the unit of the scores.
        clusters: ``(items,)``, which photos are drawn together, see :func:`photo_counts`.

    Returns:
        Metric to ``(draws,)``, in the order of ``metrics``; NaN where a resample does not define it.

    Raises:
        OptionError: if there is no row, the shapes differ, a score is NaN, a target is none of 1, 0 and -1, a metric is
            not known, or ``draws`` or ``seed`` is out of its range.
    """
    check_number("draws", draws, 1, 1_000_000)
    check_number("seed", seed, 0, 2**62)
    for name in metrics:
        check_choice("each of metrics", name, tuple(METRICS))
    checked, dense = check_pair(scores, targets)
    items = len(checked)
    if not items:
        raise OptionError("there must be at least one photo to resample, got none")
    width = max(1, min(_DRAWS, _ENTRIES // items))
    asked = sources(checked, dense, metrics, threshold)
    values = {name: np.empty(draws) for name in metrics}
    for first in range(0, draws, width):
        chunk = range(first, min(first + width, draws))
        counts = np.stack([photo_counts(items, seed, draw, clusters) for draw in chunk], axis=1)  # (items, chunk)
        for source in asked:
            for name, found in source(counts).items():
                if name in values:
                    values[name][chunk.start : chunk.stop] = found
    return values


def measured(
    scores: Scores,
    targets: Targets,
    draws: int = 1000,
    seed: int = 0,
    groups: Mapping[str, NDArray[np.bool_]] | None = None,
    metrics: Sequence[str] = tuple(MEASURES),
    threshold: Threshold = 0.0,
    clusters: Clusters = None,
) -> Measured:
    """All that :func:`difference_of_measured` needs of one run; see :func:`resampled`.

    Args:
        scores: ``(items, classes)``, logits.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown, or sparse labels.
        draws: how many resamples.
        seed: of the draws.
        groups: masks ``(classes,)``; the mAP over the classes of each is measured under its name, too, NaN where there
            are none.
        metrics: names from :data:`polytag.metrics.METRICS`.
        threshold: one number or ``(classes,)``, in the unit of the scores.
        clusters: ``(items,)``, which photos are drawn together, see :func:`photo_counts`.
    """
    resamples = resampled(scores, targets, draws, seed, metrics, threshold, clusters)
    values = {name: METRICS[name](scores, targets, threshold) for name in metrics}
    checked, dense = check_pair(scores, targets)
    for name, group in (groups or {}).items():
        own = checked[:, group], dense[:, group]
        values[name] = mean_average_precision(*own) if group.any() else float("nan")
        drawn = resampled(*own, draws, seed, ("mAP",), clusters=clusters)["mAP"] if group.any() else None
        resamples[name] = np.full(draws, np.nan) if drawn is None else drawn
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
    a: Sequence[Scores],
    b: Sequence[Scores],
    targets: Targets,
    draws: int = 1000,
    seed: int = 0,
    clusters: Clusters = None,
) -> dict[str, Difference]:
    """How far runs ``a`` are above runs ``b`` in mAP, CF1 and OF1 on the same photos.

    The value is the mean ``d`` over training seeds of ``d_k = metric(a_k) - metric(b_k)``. With one seed the interval
    is the middle 95% of the bootstrap over photos: **the noise of training is not in it**. With ``K`` seeds it has
    both: ``d -+ sqrt(z^2 * p + t^2 * s / K)``, where ``p`` is the variance of ``d`` over resampled photos, ``s`` that
    of the ``d_k``, and ``z`` and ``t`` the 97.5% quantiles of the normal distribution and of Student's t with ``K - 1``
    degrees of freedom: the two intervals put together as Zou and Donner do ("Construction of confidence limits about
    effect measures: a general approach", Statistics in Medicine 2008). Equal runs are called unequal at most once in
    twenty, whatever ``p``, ``s`` and ``K``; one ``t`` of Welch and Satterthwaite's degrees of freedom for the sum of
    both, or resampling the few ``d_k``, calls them so up to two or three times as often with two seeds or three.

    Args:
        a: logits ``(items, classes)``, an array for each training seed.
        b: the same of the runs to compare with, in the same order of seeds.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown, or sparse labels.
        draws: how many resamples, 100 or more.
        seed: of the draws.
        clusters: ``(items,)``, which photos are drawn together, see :func:`photo_counts`.

    Raises:
        OptionError: if ``a`` and ``b`` are not of one length, and as :func:`resampled` and :func:`difference` do.
    """
    check_number("draws", draws, LEAST_DRAWS, 1_000_000)
    ours, theirs = ([measured(scores, targets, draws, seed, clusters=clusters) for scores in runs] for runs in (a, b))
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
    value, (photos, seeds) = float(values.mean()), variances(values, resamples)
    far = float(reach(photos, seeds, len(values)))
    return _judged(value, value - far, value + far)


def variances(values: NDArray[np.float64], resamples: NDArray[np.float64]) -> tuple[float, float]:
    """Variances of a mean difference: over resampled photos, and over training seeds.

    Args:
        values: ``(seeds,)``, the difference of each pair.
        resamples: ``(draws,)``, their mean on other photos; undefined ones are left out.

    Returns:
        Both NaN where the mean is not defined, or with fewer than two seeds or two draws.
    """
    defined = resamples[~np.isnan(resamples)]
    if np.isnan(values).any() or min(len(values), len(defined)) < 2:
        return float("nan"), float("nan")
    return float(defined.var(ddof=1)), float(values.var(ddof=1) / len(values))


def reach(photos: Any, seeds: Any, count: int) -> Any:
    """How far a 95% interval goes to both sides; numbers or arrays.

    Args:
        photos: the variance of a mean difference over resampled photos.
        seeds: that of the mean over training seeds, estimated from so many differences.
        count: of seeds, 2 or more.
    """
    return np.sqrt(norm.ppf(1 - LEVEL / 2) ** 2 * photos + t.ppf(1 - LEVEL / 2, count - 1) ** 2 * seeds)


def _judged(value: float, low: float, high: float) -> Difference:
    return Difference(value, low, high, "up" if low > 0 else "down" if high < 0 else "not resolved")
