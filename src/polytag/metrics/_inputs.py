"""What every metric takes: scores, targets and a threshold, checked once and in one wording."""

import numpy as np
from numpy.typing import NDArray

from polytag._checks import check_scores_targets
from polytag.errors import OptionError
from polytag.labels.matrix import ABSENT, PRESENT, UNKNOWN, Labels

Scores = NDArray[np.floating]  # (items, classes), any monotone score, normally logits
Targets = NDArray[np.integer] | Labels  # (items, classes) of 1 present, 0 absent, -1 unknown
Threshold = float | NDArray[np.floating]  # one number or (classes,), in the unit of the scores


def check_scores(scores: Scores) -> Scores:
    """Scores as float32 or float64, ``(items, classes)``.

    Raises:
        OptionError: if one of them is NaN.
    """
    given = np.asarray(scores)
    if given.dtype not in (np.float32, np.float64):
        given = given.astype(np.float32 if given.dtype == np.float16 else np.float64)
    with np.errstate(invalid="ignore"):  # the minimum is NaN if any score is, and takes no memory
        broken = np.isnan(given.min(initial=np.inf))
    if broken:
        first = ", ".join(map(str, np.argwhere(np.isnan(given))[0]))
        count = np.isnan(given).sum()
        raise OptionError(f"scores must not be NaN, got {count}, the first at [{first}]; check what the model was fed")
    return given


def check_targets(targets: NDArray[np.integer]) -> NDArray[np.int8]:
    """Targets as int8, ``(items, classes)``.

    Raises:
        OptionError: if a value is none of 1, 0 and -1.
    """
    given = np.asarray(targets)
    with np.errstate(invalid="ignore"):  # NaN becomes some number, which the comparison finds
        small = given.astype(np.int8, copy=False)
    # The extremes are enough: small holds whole numbers, and UNKNOWN, ABSENT and PRESENT follow each other.
    if small.max(initial=ABSENT) > PRESENT or small.min(initial=ABSENT) < UNKNOWN or (small != given).any():
        strange = given[~np.isin(given, (PRESENT, ABSENT, UNKNOWN))][0]
        raise OptionError(f"targets must be 1 (present), 0 (absent) or -1 (unknown), got {strange}")
    return small


def check_pair(scores: Scores, targets: Targets) -> tuple[Scores, NDArray[np.int8]]:
    """Both as dense arrays of one shape ``(items, classes)``.

    Raises:
        OptionError: if the shapes differ, a score is NaN, or a target is none of 1, 0 and -1.
    """
    dense = targets.dense() if isinstance(targets, Labels) else np.asarray(targets)
    check_scores_targets(np.asarray(scores), dense)
    return check_scores(scores), check_targets(dense)


def check_threshold(threshold: Threshold, scores: Scores) -> Scores:
    """The threshold in the type of the scores, ``()`` or ``(classes,)``.

    Raises:
        OptionError: if it has another shape, or is NaN.
    """
    given = np.asarray(threshold, dtype=scores.dtype)
    if given.shape not in ((), scores.shape[1:]):
        raise OptionError(f"threshold must be a number or have shape {scores.shape[1:]}, got {given.shape}")
    if np.isnan(given).any():
        raise OptionError("threshold must not be NaN; give each class a number, inf where nothing is to be predicted")
    return given
