"""What a row answered: one run, or several as one model; thresholds that suit it, from its validation photos."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, logit

from polytag.errors import OptionError, RunError
from polytag.metrics.adapted import adapted_thresholds
from polytag.model import mean_logits
from polytag.run import Run
from polytag.scores import PARTS, SCORES, VAL_SCORES, Scores, load_scores


def answers(runs: Sequence[Run], name: str = SCORES) -> Scores:
    """The kept answers of a run; of several the logits of their mean probability, as those of a ``Predictor``.

    Args:
        runs: with the same classes in one order.
        name: ``SCORES`` for the test photos, ``VAL_SCORES`` for those of validation.

    Raises:
        RunError: if one is missing or damaged, or two are of other photos or labels.
    """
    parts = [_scores(run, name) for run in runs]
    for run, part in zip(runs, parts, strict=True):
        must_be_alike(run, part, runs[0], parts[0], PARTS[name])
    if len(parts) == 1:
        return parts[0]
    logits = mean_logits([torch.from_numpy(part.logits.astype(np.float64)) for part in parts])  # (photos, classes)
    return parts[0]._replace(logits=logits.numpy().astype(np.float32))


def thresholds(runs: Sequence[Run]) -> NDArray[np.float64] | None:
    """Logits ``(classes,)`` above which a label counts as present, chosen on the validation photos as by default.

    See :func:`polytag.metrics.adapted.adapted_thresholds`; of several runs for their mean probability.

    Returns:
        None where a run did not keep its answers on the validation photos.

    Raises:
        RunError: as :func:`answers` does, or if nothing can be chosen on those photos.
    """
    if not all((run.path / VAL_SCORES).exists() for run in runs):
        return None
    kept = answers(runs, VAL_SCORES)
    try:
        found = adapted_thresholds(expit(kept.logits.astype(np.float64)), kept.targets, clusters=kept.clusters)
        return np.asarray(logit(found.thresholds))
    except OptionError as error:
        raise RunError(f"no thresholds can be chosen from {runs[0].path / VAL_SCORES}: {error}") from error


def must_be_alike(run: Run, scores: Scores, base: Run, kept: Scores, part: str) -> None:
    """Raise :class:`RunError` unless the answers of two runs are of the same photos and labels."""
    same_photos = scores.fingerprint == kept.fingerprint and scores.targets.shape == kept.targets.shape
    must_agree(run, base, f"{part} photos", same_photos)
    must_agree(run, base, f"labels of the {part} photos", bool((scores.targets == kept.targets).all()))


def must_agree(run: Run, base: Run, what: str, agree: bool) -> None:
    """Raise :class:`RunError` unless two runs do."""
    if not agree:
        raise RunError(
            f"{run.path} and {base.path} must have the same {what}, and these differ; train both on the same data, "
            "with its splits marked"
        )


def _scores(run: Run, name: str) -> Scores:
    scores = load_scores(run.path, name)
    if scores.logits.shape[1] != len(run.classes):
        raise RunError(
            f"{run.path / name} is damaged: it has {scores.logits.shape[1]} columns for {len(run.classes)} classes; "
            "restore it or train again"
        )
    return scores
