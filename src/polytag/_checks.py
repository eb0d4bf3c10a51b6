"""Input checks shared by losses, heads, samplers and metrics: one place, one wording.

Checks here look at shapes and plain numbers only. Looking at tensor *values* would make the CPU
wait for the GPU on every step, so label values are checked once, when a dataset is opened.
"""

from collections.abc import Collection
from typing import Any, Protocol

from polytag.errors import OptionError


class _Shaped(Protocol):
    @property
    def shape(self) -> Any: ...


def check_number(name: str, value: float, low: float, high: float) -> None:
    """Raise :class:`OptionError` unless ``low <= value <= high``."""
    if not low <= value <= high:
        raise OptionError(f"{name} must be between {low:g} and {high:g}, got {value!r}")


def check_choice(name: str, value: str, allowed: Collection[str]) -> None:
    """Raise :class:`OptionError` unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        raise OptionError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def check_scores_targets(scores: _Shaped, targets: _Shaped) -> None:
    """Raise :class:`OptionError` unless both are ``(batch, classes)``; arrays and tensors alike."""
    if len(scores.shape) != 2:
        raise OptionError(f"scores must have shape (batch, classes), got {tuple(scores.shape)}")
    if tuple(targets.shape) != tuple(scores.shape):
        raise OptionError(
            f"targets must have the shape of scores {tuple(scores.shape)}, got {tuple(targets.shape)}; "
            "lists of label names are turned into a matrix with polytag.Labels.from_names(...).dense()"
        )
