"""Which labels count as predicted: those over a threshold, the best three, or both."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from polytag.labels.matrix import UNKNOWN
from polytag.metrics._inputs import Scores, Threshold, check_threshold

LOGIT_80 = float(np.log(0.8 / 0.2))  # where the public code of ASL and CPSD decides


class Decide(Protocol):
    """Scores and targets to predictions; targets only say where a label is unknown, and so never predicted."""

    def __call__(self, scores: Scores, targets: NDArray[np.int8], threshold: Threshold) -> NDArray[np.bool_]:
        """All of ``(items, classes)``."""


def over_threshold(scores: Scores, targets: NDArray[np.int8], threshold: Threshold) -> NDArray[np.bool_]:
    """Known labels that score above the threshold, which is rounded to the type of the scores.

    Args:
        scores: ``(items, classes)``.
        targets: ``(items, classes)``.
        threshold: one number or ``(classes,)``, in the unit of the scores: for logits, 0 is a probability of 0.5.

    Raises:
        OptionError: if the threshold has another shape, or is NaN.
    """
    predicted: NDArray[np.bool_] = (scores > check_threshold(threshold, scores)) & (targets != UNKNOWN)
    return predicted


def top3(scores: Scores, targets: NDArray[np.int8], threshold: Threshold = 0.0) -> NDArray[np.bool_]:
    """The three known labels of each item that score highest, whatever the threshold; of equal ones, the first."""
    known: NDArray[np.bool_] = targets != UNKNOWN
    if scores.shape[1] <= 3:
        return known
    ranked = np.where(known, scores, -np.inf)
    third = np.partition(ranked, -3, axis=1)[:, -3, np.newaxis]  # (items, 1)
    above: NDArray[np.bool_] = ranked > third
    tied: NDArray[np.bool_] = (ranked == third) & known
    room = 3 - above.sum(axis=1, keepdims=True)  # (items, 1)
    tied &= tied.cumsum(axis=1, dtype=np.int32) <= room
    return above | tied


def top3_thresholded(scores: Scores, targets: NDArray[np.int8], threshold: Threshold) -> NDArray[np.bool_]:
    """Those of :func:`top3` that are also :func:`over_threshold`."""
    return top3(scores, targets) & over_threshold(scores, targets, threshold)


def over_80(scores: Scores, targets: NDArray[np.int8], threshold: Threshold = 0.0) -> NDArray[np.bool_]:
    """Known labels with a probability above 0.8, whatever the threshold; scores are logits."""
    return over_threshold(scores, targets, LOGIT_80)


def top3_over_80(scores: Scores, targets: NDArray[np.int8], threshold: Threshold = 0.0) -> NDArray[np.bool_]:
    """Those of :func:`top3` that are also :func:`over_80`."""
    return top3(scores, targets) & over_80(scores, targets)
