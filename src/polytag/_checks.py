"""Input checks shared by losses, heads, samplers and metrics: one place, one wording.

Checks here look at shapes and plain numbers only. Looking at tensor *values* would make the CPU
wait for the GPU on every step, so label values are checked once, when a dataset is opened.
"""

from collections.abc import Collection
from types import NoneType, UnionType
from typing import Any, Literal, Protocol, Union, get_args, get_origin

from polytag.errors import OptionError

_PLAIN: dict[Any, tuple[tuple[type, ...], str]] = {  # by annotation: what a file has for it, and its name
    bool: ((bool,), "true or false"),
    int: ((int,), "a whole number"),
    float: ((int, float), "a number"),
    str: ((str,), "text"),
    tuple: ((list, tuple), "a list"),
}


class _Shaped(Protocol):
    @property
    def shape(self) -> Any: ...


def check_number(name: str, value: float, low: float, high: float) -> None:
    """Raise :class:`OptionError` unless ``low <= value <= high``."""
    if not low <= value <= high:
        allowed = f"at least {low:g}" if high == float("inf") else f"between {low:g} and {high:g}"
        raise OptionError(f"{name} must be {allowed}, got {value!r}")


def check_choice(name: str, value: str, allowed: Collection[str]) -> None:
    """Raise :class:`OptionError` unless ``value`` is one of ``allowed``."""
    if value not in allowed:
        raise OptionError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


def check_type(name: str, value: Any, kind: Any) -> None:
    """Raise :class:`OptionError` unless ``value``, as a TOML or JSON file has it, suits the annotation ``kind``.

    A list is a tuple, a whole number is a number, and true is not. Where a kind is not made of plain values
    (a mapping, a callable), every value suits: whoever takes it judges it.
    """
    if get_origin(kind) is Literal:
        check_choice(name, value, get_args(kind))
    parts = [part for part in (get_args(kind) if is_union(kind) else (kind,)) if part is not NoneType]
    if any(get_origin(part) is Literal and value in get_args(part) for part in parts):
        return
    words = [((), " or ".join(get_args(part))) if get_origin(part) is Literal else None for part in parts]
    plain = [word or _PLAIN.get(get_origin(part) or part) for word, part in zip(words, parts, strict=True)]
    allowed = [each for each in plain if each is not None]
    if len(allowed) < len(parts):
        return
    if not any(type(value) in types for types, _ in allowed):
        raise OptionError(f"{name} must be {' or '.join(words for _, words in allowed)}, got {value!r}")
    if isinstance(value, str) and "\0" in value:
        raise OptionError(f"{name} must be text without the character 0, got {value!r}")
    if isinstance(value, list | tuple):
        entry = next(get_args(part)[0] for part in parts if get_origin(part) is tuple)
        for each in value:
            check_type(f"each of {name}", each, entry)


def is_union(kind: Any) -> bool:
    """Whether an annotation is ``X | Y``, however it is written."""
    return get_origin(kind) in (Union, UnionType)


def check_scores_targets(scores: _Shaped, targets: _Shaped) -> None:
    """Raise :class:`OptionError` unless both are ``(batch, classes)``; arrays and tensors alike."""
    if len(scores.shape) != 2:
        raise OptionError(f"scores must have shape (batch, classes), got {tuple(scores.shape)}")
    if tuple(targets.shape) != tuple(scores.shape):
        raise OptionError(
            f"targets must have the shape of scores {tuple(scores.shape)}, got {tuple(targets.shape)}; "
            "lists of label names are turned into a matrix with polytag.Labels.from_names(...).dense()"
        )
