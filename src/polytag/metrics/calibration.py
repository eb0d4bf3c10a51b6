"""Whether probabilities come true, over all known labels of all photos together; no threshold is looked at.

Both functions take ``scores`` ``(items, classes)``, logits, and ``targets`` of 1 present, 0 absent, -1 unknown. Lower
is better, and NaN says that nothing is known. They raise :class:`polytag.errors.OptionError` if shapes differ, a score
is NaN or a target is none of the three.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from polytag.labels.matrix import PRESENT, UNKNOWN
from polytag.metrics._inputs import Scores, Targets, Threshold, check_pair

BINS = 15  # of equal width


def brier(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """Mean square of probability minus truth, in ``[0, 1]``."""
    p, present = _known(scores, targets)
    return float(((p - present) ** 2).mean()) if len(p) else float("nan")


def expected_calibration_error(scores: Scores, targets: Targets, threshold: Threshold = 0.0) -> float:
    """How far the mean probability is from the share that is present, in bins of probability, in ``[0, 1]``.

    Each of 15 bins of equal width counts by how many labels of photos are in it.

    Source: Guo et al., On calibration of modern neural networks, 2017.
    """
    p, present = _known(scores, targets)
    bins = np.minimum((p * BINS).astype(np.int64), BINS - 1)
    apart = np.bincount(bins, weights=p - present, minlength=BINS)  # of the sums
    return float(np.abs(apart).sum() / len(p)) if len(p) else float("nan")


def _known(scores: Scores, targets: Targets) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probability and presence of the known labels, ``(known,)`` each."""
    given, dense = check_pair(scores, targets)
    known = dense != UNKNOWN
    return expit(given[known].astype(np.float64)), dense[known] == PRESENT
