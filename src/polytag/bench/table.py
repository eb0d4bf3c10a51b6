"""From finished runs to a table: means over seeds, paired differences to the baseline, what the seeds can resolve."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from polytag._checks import check_number
from polytag._text import counted
from polytag.bench.answers import answers, must_agree, must_be_alike, thresholds
from polytag.bench.cost import cost_of, cost_together
from polytag.bench.machine import machine
from polytag.bench.types import ADAPTED, MEASURES, SCORES_OF, Line, Suite, Table
from polytag.errors import OptionError, RunError
from polytag.labels.facts import LIMITS, tail_groups
from polytag.metrics import undefined_classes
from polytag.metrics.bootstrap import LEAST_DRAWS, Measured, difference_of_measured, measured, reach, variances
from polytag.run import CONFIG, Run
from polytag.scores import Scores, groups_of

POWER = 0.8  # of the verdicts behind `detectable`


def make_table(
    suite: Suite, runs: Mapping[str, Sequence[Path]], tail_limits: tuple[int, int] = LIMITS, draws: int = 1000
) -> Table:
    """Judge finished runs beside each other.

    All values are of the photos of ``suite.split``, by each run's logits as its folder keeps them; an ensemble is the
    mean of its members' probabilities. Thresholds of adapted metrics are chosen on the validation photos, for each row
    and seed; where a run did not keep its answers on those, they are NaN. Differences are those of
    :func:`polytag.metrics.bootstrap.paired_difference`: 95% intervals over resampled photos and, with several
    seeds, resampled pairs; with one seed the noise of training is not in them.

    Args:
        suite: what was asked for.
        runs: name of a row that is trained to its run folders, in the order of the suite's seeds.
        tail_limits: a class is head if at least the first number of training photos have it, tail if fewer than the
            second, else medium. Where the seed decides which photos are trained on, the mean over runs counts.
        draws: how many resamples, 100 or more.

    Raises:
        OptionError: if a limit or ``draws`` is out of its range.
        RunError: if a run is missing or damaged, or two were not judged on the same photos, classes and labels.
    """
    check_number("draws", draws, LEAST_DRAWS, 1_000_000)
    if not tail_limits[0] >= tail_limits[1] >= 0:
        raise OptionError(f"tail_limits must be two numbers from 0, the larger one first, got {tail_limits}")
    opened = {row.name: _opened(runs.get(row.name, ()), row.name, len(suite.seeds)) for row in suite.trained}
    members = {row.name: row.ensemble or (row.name,) for row in suite.rows}
    base = opened[members[suite.baseline][0]][0]
    all_runs = [run for of in opened.values() for run in of]
    for run in all_runs:
        must_agree(run, base, "classes", run.classes == base.classes)
    groups = tail_groups(np.mean([_train_positives(run) for run in all_runs], axis=0), tail_limits)
    kept = answers([base], SCORES_OF[suite.split])
    judged = {
        name: [
            _judged(of_seed, base, kept, groups, draws, suite)
            for of_seed in zip(*(opened[member] for member in of), strict=True)
        ]
        for name, of in members.items()
    }
    costs = {name: cost_of([run.path for run in of]) for name, of in opened.items()}
    lines, noises = [], []
    for row in suite.rows:
        means, deviations = _over_seeds(judged[row.name])
        other = suite.compared_with(row.name)
        differences = {} if other is None else difference_of_measured(judged[row.name], judged[other])
        if other is not None:
            noises.append(_noise(judged[row.name], judged[other]))
        folders = tuple(run.path for member in members[row.name] for run in opened[member])
        cost = cost_together([costs[member] for member in row.ensemble]) if row.ensemble else costs[row.name]
        lines.append(Line(row.name, folders, means, deviations, differences, cost))
    return Table(
        suite=suite,
        lines=tuple(lines),
        classes=len(base.classes),
        photos=len(kept.targets),
        groups=groups_of(kept),
        sizes={name: int(group.sum()) for name, group in groups.items()},
        undefined={name: undefined_classes(kept.targets[:, group]) for name, group in groups.items()},
        tail_limits=tail_limits,
        detectable=_detectable(noises, len(suite.seeds)),
        machine=machine(all_runs),
    )


def detectable(photos: float, seeds: float, count: int) -> float:
    """The smallest true difference of a row that its verdict would find four times of five.

    Args:
        photos: the variance of a difference over resampled photos, a mean over rows.
        seeds: that of its mean over training seeds, likewise.
        count: of seeds.

    Returns:
        The ``d`` of which 80% lie beyond :func:`polytag.metrics.bootstrap.reach` when estimates scatter about it with
        both variances, and what is known of the second scatters as a variance of ``count`` values does. NaN with one
        seed or undefined noise.
    """
    if count < 2 or np.isnan(photos + seeds):
        return float("nan")
    if photos + seeds == 0:
        return 0.0
    likely = (np.arange(1000) + 0.5) / 1000
    estimates = seeds * chi2.ppf(likely, count - 1) / (count - 1)  # each as likely as the others
    limits = reach(photos, estimates, count)
    error = np.sqrt(photos + seeds)
    return float(brentq(lambda d: norm.sf((limits - d) / error).mean() - POWER, 0, limits.max() + 10 * error))


def _detectable(noises: Sequence[tuple[float, float]], seeds: int) -> float:
    """By the mean noise of the rows whose differences are defined."""
    known = [noise for noise in noises if not np.isnan(noise).any()]
    photos, of_seeds = np.mean(known, axis=0).tolist() if known else (float("nan"), float("nan"))
    return detectable(photos, of_seeds, seeds)


def _noise(ours: Sequence[Measured], theirs: Sequence[Measured]) -> tuple[float, float]:
    """Variances of the mean difference of mAP: over resampled photos, and over seeds (NaN with one)."""
    pairs = list(zip(ours, theirs, strict=True))
    values = np.array([a.values["mAP"] - b.values["mAP"] for a, b in pairs])
    moved = np.mean([a.resamples["mAP"] - b.resamples["mAP"] for a, b in pairs], axis=0)  # (draws,)
    return variances(values, moved)


def _opened(folders: Sequence[Path], row: str, seeds: int) -> list[Run]:
    if len(folders) != seeds:
        raise RunError(
            f"the row {row!r} needs a finished run for each of {counted(seeds, 'seed')}, got {len(folders)}; "
            "the same polytag bench command trains those that are missing"
        )
    return [Run.open(folder) for folder in folders]


def _train_positives(run: Run) -> list[int]:
    """How many training photos have each class, ``(classes,)``."""
    counts = run.config["data"].get("train_positives")
    if not isinstance(counts, list) or [type(count) for count in counts] != [int] * len(run.classes):
        raise RunError(
            f"{run.path / CONFIG} does not say how many training photos have each class (train_positives in data), as "
            "runs of this polytag do; train again"
        )
    return counts


def _judged(
    runs: Sequence[Run],
    base: Run,
    kept: Scores,
    groups: Mapping[str, NDArray[np.bool_]],
    draws: int,
    suite: Suite,
) -> Measured:
    """One run, or several as one model; the mAP of head, medium and tail is among the values."""
    scores = answers(runs, SCORES_OF[suite.split])
    must_be_alike(runs[0], scores, base, kept, suite.judged_on)
    plain = [name for name in suite.metrics if name not in ADAPTED]
    answered, drawn = (scores.logits, scores.targets, draws), kept.clusters
    values, resamples = measured(*answered, groups=groups, metrics=(*MEASURES, *plain), clusters=drawn)
    adapted = {name: ADAPTED[name] for name in suite.metrics if name in ADAPTED}
    limits = thresholds(runs) if adapted else None
    if limits is None:
        unknown = {name: np.full(draws, np.nan) for name in adapted}
        return Measured(values | dict.fromkeys(adapted, float("nan")), resamples | unknown)
    moved = measured(*answered, metrics=tuple(adapted.values()), threshold=limits, clusters=drawn)
    for name, own in adapted.items():
        values[name], resamples[name] = moved.values[own], moved.resamples[own]
    return Measured(values, resamples)


def _over_seeds(runs: Sequence[Measured]) -> tuple[dict[str, float], dict[str, float]]:
    """Mean and standard deviation of each value, the latter NaN with one seed."""
    values = {name: np.array([run.values[name] for run in runs]) for name in runs[0].values}
    deviations = {name: float(of.std(ddof=1)) if len(of) > 1 else float("nan") for name, of in values.items()}
    return {name: float(of.mean()) for name, of in values.items()}, deviations
