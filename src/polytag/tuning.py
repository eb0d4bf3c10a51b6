"""Thresholds of a run, chosen on its validation or training photos and kept in its folder."""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from polytag.data.labelled_set import LabelledSet
from polytag.errors import OptionError
from polytag.labels.thresholds import Objective, best_thresholds
from polytag.metrics import Evaluation
from polytag.metrics.adapted import Adapted, adapted_thresholds
from polytag.predictor import Predictor
from polytag.run import Run, save_thresholds


class Tuned(NamedTuple):
    """What was chosen, and the metrics on the photos that it was chosen on."""

    thresholds: NDArray[np.float64]  # (classes,), probabilities
    before: dict[str, float]
    after: dict[str, float]
    adapted: Adapted | None  # what thresholds of F1 are worth on photos that they were not chosen on; else None


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

    Raises:
        DataError: if a photo cannot be read, or no label is among the classes of the run.
        OptionError: if an argument is out of its range.
    """
    if always and objective != "f1":
        raise OptionError(f"always goes with objective f1, and {objective} takes its thresholds anyway; leave it out")
    predictor = Predictor(run, device=device, workers=workers)
    evaluation: Evaluation = predictor.evaluate(data)
    scores, targets = evaluation.collected()
    probabilities, adapted = expit(scores.astype(np.float64)), None
    if objective == "f1" and level is None:
        adapted = adapted_thresholds(probabilities, targets, shrink, grid, always)
        chosen = adapted.thresholds
    else:
        chosen = best_thresholds(probabilities, targets, objective, level, shrink, grid)
    before, after = (evaluation.compute(limits) for limits in (predictor.threshold_logits, logit(chosen)))
    save_thresholds(run.path, chosen.tolist())
    return Tuned(chosen, before, after, adapted)
