"""Runs beside each other, on the test photos that they were judged on."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag._checks import check_number
from polytag.errors import OptionError, RunError
from polytag.metrics.bootstrap import LEAST_DRAWS, MEASURES, Difference, difference, resampled
from polytag.run import Run
from polytag.scores import SCORES, Scores, groups_of, load_scores


class Compared(NamedTuple):
    """One run."""

    path: Path
    metrics: dict[str, float]  # test mAP, CF1 and OF1, 0 to 1
    differences: dict[str, Difference]  # to the base, by metric; none for the base itself


class Comparison(NamedTuple):
    """Runs and how far they are from the first of them, the base."""

    photos: int
    groups: int  # of photos that are drawn together; 0 where each is on its own
    classes: tuple[str, ...]
    draws: int
    seed: int
    runs: tuple[Compared, ...]  # in the order asked for


def compare(runs: Sequence[Path | str], draws: int = 1000, seed: int = 0) -> Comparison:
    """Compare the test scores of runs with those of the first.

    The intervals are 95% percentiles over resampled test photos, the same for all runs. They say how far a difference
    could come from these photos having been drawn and no others; **the noise of training seeds is not in them**. CF1
    and OF1 are those at a probability of 0.5.

    Args:
        runs: run folders, two or more; the first is the base.
        draws: how many resamples, 100 or more.
        seed: of the resamples.

    Raises:
        OptionError: if there are fewer than two runs, one is given twice, an argument is out of its range, or runs were
            judged on other photos, labels or classes than the base.
        RunError: if a folder is not a run, or its scores are missing or damaged.
    """
    check_number("draws", draws, LEAST_DRAWS, 1_000_000)
    folders = [Path(path) for path in runs]
    if len(folders) < 2:
        raise OptionError(f"a comparison needs at least two run folders, got {len(folders)}")
    places = [folder.resolve() for folder in folders]
    if twice := [folder for number, folder in enumerate(folders) if places[number] in places[:number]]:
        raise OptionError(f"{twice[0]} is given twice; give each run once")
    base, *others = [Run.open(folder) for folder in folders]
    kept = _in_order(base, base)
    logits = [kept.logits, *(_alike(other, base, kept) for other in others)]  # all are checked before the work begins
    metrics = [{name: measure(scores, kept.targets, 0.0) for name, measure in MEASURES.items()} for scores in logits]
    values = [resampled(scores, kept.targets, draws, seed, clusters=kept.clusters) for scores in logits]
    differences = [
        {name: difference(of[name] - metrics[0][name], moved[name] - values[0][name]) for name in MEASURES}
        for of, moved in zip(metrics[1:], values[1:], strict=True)
    ]
    compared = map(Compared, folders, metrics, ({}, *differences))
    return Comparison(len(kept.targets), groups_of(kept), base.classes, draws, seed, tuple(compared))


def _in_order(run: Run, base: Run) -> Scores:
    """The scores of a run, its columns in the order of the base's classes."""
    if set(run.classes) != set(base.classes):
        strange = sorted(set(run.classes) ^ set(base.classes))[0]
        raise OptionError(f"{run.path} and {base.path} must have the same classes, and {strange!r} is in only one")
    scores = load_scores(run.path)
    if scores.logits.shape[1] != len(run.classes):
        raise RunError(
            f"{run.path / SCORES} is damaged: it has {scores.logits.shape[1]} columns for {len(run.classes)} classes; "
            "restore it or train again"
        )
    order = [run.classes.index(name) for name in base.classes]
    return scores._replace(logits=scores.logits[:, order], targets=scores.targets[:, order])


def _alike(run: Run, base: Run, kept: Scores) -> NDArray[np.float32]:
    """The logits of a run, which must be of the photos and labels that the base was judged on."""
    scores = _in_order(run, base)
    if scores.fingerprint != kept.fingerprint or len(scores.targets) != len(kept.targets):
        raise OptionError(
            f"{run.path} and {base.path} must be judged on the same test photos, and these differ; train both with the "
            "same data and seed, or mark the test photos in the data"
        )
    if (scores.targets != kept.targets).any():
        raise OptionError(
            f"{run.path} and {base.path} must be judged on the same labels, and those of the test photos differ; train "
            "both with the same data"
        )
    return scores.logits
