"""Thresholds and a calibration of a run, from its validation or training photos, kept in its folder."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from polytag.build import Choice
from polytag.data.labelled_set import LabelledSet
from polytag.errors import OptionError
from polytag.labels.calibration import check_shrink
from polytag.labels.thresholds import Objective, best_thresholds, checked_level
from polytag.metrics import METRICS, Evaluation
from polytag.metrics.adapted import Adapted, adapted_thresholds
from polytag.metrics.bootstrap import numbered
from polytag.metrics.calibrated import Calibrated, calibrated
from polytag.predictor import Predictor
from polytag.run import Run, save_calibration, save_thresholds


class Tuned(NamedTuple):
    """What was chosen, and the metrics on the photos that it was chosen on."""

    thresholds: NDArray[np.float64]  # (classes,), probabilities
    before: dict[str, float]
    after: dict[str, float]
    adapted: Adapted | None  # what thresholds of F1 are worth on photos that they were not chosen on; else None
    short: tuple[str, ...] = ()  # classes whose precision or recall stays below the level at every cut


def tune(
    run: Run,
    data: LabelledSet,
    objective: Objective = "f1",
    level: float | None = None,
    shrink: float = 10.0,
    grid: float = 0.0,
    always: bool = False,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    workers: int = 2,
    head: Choice | None = None,
) -> Tuned:
    """Choose a threshold for each class, and keep it in the run: `predict` and `evaluate` use it from now on.

    For F1 all stay at 0.5 where thresholds are not found to help on photos that they were not chosen on: see
    :func:`polytag.metrics.adapted.adapted_thresholds`.

    Args:
        run: whose thresholds are chosen.
        data: photos that are not the test; they are seen as in evaluation, never augmented.
        objective: see :func:`polytag.labels.thresholds.best_thresholds`.
        level: of precision or recall, 0.9 unless given; f1 has none.
        shrink: positives that the shared threshold counts for.
        grid: multiples of this alone; 0 for any cut.
        always: take the thresholds of F1 however little they help.
        device: "auto", "cpu" or "cuda".
        workers: threads that decode.
        head: builds the head, where it was one of your own and so is not named in the run.

    Raises:
        DataError: if a photo cannot be read, or no label is among the classes of the run.
        OptionError: if an argument is out of its range.
    """
    if always and objective != "f1":
        raise OptionError(f"always goes with objective f1, and {objective} takes its thresholds anyway; leave it out")
    checked_level(objective, level, shrink, grid)  # before the photos are looked at, which takes a while
    predictor = Predictor(run, device=device, workers=workers, head=head)
    evaluation: Evaluation = predictor.evaluate(data)
    scores, targets = evaluation.collected()
    probabilities, adapted = expit(scores.astype(np.float64)), None
    short = np.zeros(len(run.classes), bool)
    if objective == "f1" and level is None:
        adapted = adapted_thresholds(probabilities, targets, shrink, grid, always, clusters=numbered(data.groups))
        chosen = adapted.thresholds
    else:
        chosen = best_thresholds(probabilities, targets, objective, level, shrink, grid)
        least = checked_level(objective, level, shrink, grid)
        short = _short(probabilities > chosen, targets, objective, least)
    before, after = (evaluation.compute(limits) for limits in (predictor.threshold_logits, logit(chosen)))
    save_thresholds(run.path, chosen.tolist())
    return Tuned(chosen, before, after, adapted, tuple(np.array(run.classes, object)[short]))


def _short(
    found: NDArray[np.bool_], targets: NDArray[np.int8], objective: Objective, level: float
) -> NDArray[np.bool_]:
    """Which classes have less precision, or recall, than asked for: ``(classes,)``; those without any are not among."""
    present = targets == 1
    right = (found & present).sum(axis=0)
    of = (found & (targets >= 0) if objective == "precision" else present).sum(axis=0)
    return np.asarray((of > 0) & (right < level * of * (1 - 1e-12)))


class Recalibrated(NamedTuple):
    """What was found, and ``ECE`` and ``brier`` of the photos, each judged by the fit to others."""

    calibrated: Calibrated
    before: dict[str, float]
    after: dict[str, float]


def calibrate(
    run: Run,
    data: LabelledSet,
    shrink: float = 10.0,
    always: bool = False,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    workers: int = 2,
    head: Choice | None = None,
) -> Recalibrated:
    """Make the probabilities of a run come true, and keep that in it; the tags that it gives stay the same.

    An earlier calibration is dropped. There is none where it is not found to help on photos that it was not fitted to:
    see :func:`polytag.metrics.calibrated.calibrated`. Thresholds move with the probabilities.

    Args:
        run: whose probabilities they are.
        data: photos that are not the test; they are seen as in evaluation, never augmented.
        shrink: positives that the calibration of all classes together counts for in that of each.
        always: take it however little it helps.
        device: "auto", "cpu" or "cuda".
        workers: threads that decode.
        head: builds the head, where it was one of your own and so is not named in the run.

    Raises:
        DataError: if a photo cannot be read, or no label is among the classes of the run.
        OptionError: if an argument is out of its range, or the photos are too few to fit to.
    """
    check_shrink(shrink)
    plain = Run(run.path, {**run.config, "calibration": None})
    cuts = logit(np.array(run.thresholds))  # 0 and 1 are infinite and stay what they are
    if run.calibration:
        cuts = (cuts - run.calibration.offsets) / run.calibration.slopes
    logits, targets = Predictor(plain, device=device, workers=workers, head=head).evaluate(data).collected()
    found = calibrated(logits, targets, shrink, always, clusters=numbered(data.groups))
    before, after = (
        {name: METRICS[name](answers, targets, 0.0) for name in ("ECE", "brier")} for answers in (logits, found.logits)
    )
    moved = found.calibration.apply(cuts) if found.calibration else cuts
    save_calibration(run.path, found.calibration, expit(moved).tolist())
    return Recalibrated(found, before, after)
