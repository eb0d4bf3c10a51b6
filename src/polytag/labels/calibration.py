"""From logits to probabilities that come true: a slope and an offset a class, fitted to photos beside the test."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from polytag._checks import check_number, check_scores_targets
from polytag.errors import OptionError
from polytag.labels.matrix import PRESENT, UNKNOWN

Values = NDArray[np.float64]

_STEPS, _HALVINGS = 100, 30  # of Newton's method, which needs about ten, and of a step of it
_CLOSE = 1e-9  # a step this small is the last
_RIDGE = 1e-9  # keeps an answer that is the same everywhere from being divided by


class Calibration(NamedTuple):
    """``slopes * logits + offsets``; the order of the photos stays, for each class, as slopes are positive."""

    slopes: Values  # (classes,)
    offsets: Values  # (classes,)

    def apply(self, logits: NDArray[np.floating]) -> Values:
        """Calibrated logits ``(items, classes)``."""
        return np.asarray(self.slopes * logits + self.offsets, np.float64)


def fit_calibration(logits: ArrayLike, targets: ArrayLike, shrink: float = 10.0) -> Calibration:
    """Platt's scaling of every class, drawn towards that of all classes together.

    A class gets the slope and the offset of the greatest likelihood of its known labels, to which those of all classes
    together are worth as much as ``shrink`` of their positives. So a class with few positives has nearly the shared
    ones, and one without a known label has them. A class whose slope would not be positive has them, too.

    Source: J. Platt, Probabilistic outputs for support vector machines, 1999.

    Args:
        logits: ``(items, classes)``, finite.
        targets: ``(items, classes)`` of 1 present, 0 absent, -1 unknown.
        shrink: ``> 0``, positives that the shared ones count for.

    Raises:
        OptionError: if an argument is out of its range, nothing is known to be present or nothing to be absent, or
            logits are no higher where labels are present, so no calibration helps.
    """
    check_shrink(shrink)
    z, y = np.asarray(logits, np.float64), np.asarray(targets)
    check_scores_targets(z, y)
    if not np.isfinite(z).all():
        raise OptionError("logits must be finite; check what the model was fed")
    known, present = y != UNKNOWN, y == PRESENT
    positives = np.count_nonzero(present)
    if positives in (0, np.count_nonzero(known)):
        raise OptionError("no label is known to be present, or none to be absent; give other photos")
    everything = (z[known][:, None], present[known][:, None], np.ones((np.count_nonzero(known), 1), bool))
    shared = _fitted(*everything, np.array([[1.0, 0.0]]), np.zeros((2, 2)))
    if shared[0, 0] <= 0:
        raise OptionError(
            "logits are no higher where labels are present, so no calibration helps; train the model first"
        )
    weight = _curvature(*everything, shared)[0] * shrink / positives
    own = _fitted(z, present, known, np.repeat(shared, z.shape[1], axis=0), weight)
    own[own[:, 0] <= 0] = shared[0]
    return Calibration(own[:, 0].copy(), own[:, 1].copy())


def check_shrink(shrink: float) -> None:
    """Raise :class:`OptionError` unless ``shrink`` is in its range."""
    check_number("shrink", shrink, 1e-6, 1e9)


def _fitted(z: Values, present: NDArray[np.bool_], known: NDArray[np.bool_], start: Values, weight: Values) -> Values:
    """Slope and offset ``(columns, 2)`` of each column; ``weight`` ``(2, 2)`` is the pull of ``start``."""

    def losses(line: Values) -> Values:
        answer = line[:, 0] * z + line[:, 1]
        apart = line - start
        pull = np.einsum("ci,ij,cj->c", apart, weight, apart) / 2
        return np.asarray(((np.logaddexp(0, answer) - present * answer) * known).sum(axis=0) + pull)

    line = start.copy()
    loss = losses(line)
    for _ in range(_STEPS):
        error = (expit(line[:, 0] * z + line[:, 1]) - present) * known
        slope = np.stack([(error * z).sum(axis=0), error.sum(axis=0)], axis=1) + (line - start) @ weight
        curvature = _curvature(z, present, known, line) + weight + _RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
        for _ in range(_HALVINGS):
            moved = losses(line - step)
            if (worse := moved > loss).any():
                step[worse] /= 2
            else:
                break
        step[worse] = 0.0
        line, loss = line - step, np.where(worse, loss, moved)
        if np.abs(step).max() < _CLOSE:
            break
    return line


def _curvature(z: Values, present: NDArray[np.bool_], known: NDArray[np.bool_], line: Values) -> Values:
    """Second derivatives of the log-loss ``(columns, 2, 2)``."""
    p = expit(line[:, 0] * z + line[:, 1])
    weights = p * (1 - p) * known
    cross = (weights * z).sum(axis=0)
    return np.stack([(weights * z * z).sum(axis=0), cross, cross, weights.sum(axis=0)], axis=1).reshape(-1, 2, 2)
