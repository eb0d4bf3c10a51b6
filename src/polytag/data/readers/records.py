"""Photos as records with names: what JSON Lines and Parquet have in common."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from polytag.data.readers.columns import FILE_COLUMNS, ID_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS, listed, usual
from polytag.data.readers.rows import Row
from polytag.data.readers.separators import LABEL_DELIMITERS
from polytag.errors import DataError

UNKNOWN, ABSENT, GROUP = "unknown", "absent", "group"


class Keys(NamedTuple):
    """The names that records have for things; None for what they do not say."""

    filename: str
    labels: str
    split: str | None
    group: str | None


def find_keys(names: Sequence[str], source: str, **chosen: str) -> Keys:
    """The keys of records: those that were chosen, and the others by their usual names.

    Raises:
        DataError: if a chosen one is not there, or none has a usual name.
    """
    there = listed(names)
    for option, name in chosen.items():
        if name and name not in names:
            flag = option.replace("_", "-")
            raise DataError(f"{source} has no {name!r}; it has {there}; correct --reader.{flag}")

    def find(option: str, usual_names: Sequence[str], what: str) -> str:
        if chosen.get(option):
            return chosen[option]
        if (found := usual(names, usual_names)) is None:
            raise DataError(f"{source} names no {what}; it has {there}; name the key with --reader.{option}")
        return names[found]

    split = chosen.get("split") or next((names[i] for i in [usual(names, SPLIT_COLUMNS)] if i is not None), None)
    return Keys(
        find("filename", (*FILE_COLUMNS, *ID_COLUMNS), "photo"),
        find("labels", LABEL_COLUMNS, "labels"),
        split,
        chosen.get("group_by") or None,
    )


def declaration(content: Any, where: str) -> dict[str, Any]:
    """What a file declares: ``{"classes": [...], "unlisted": "absent"}``, where both may be left out.

    Raises:
        DataError: if it is anything else.
    """
    if not isinstance(content, dict):
        raise DataError(f"{where} is {_short(content)}; it must be an object with classes and unlisted")
    names, unlisted = content.get("classes", []), content.get("unlisted", "absent")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{where} needs a list of names as its 'classes', got {_short(names)}; correct it")
    if unlisted not in ("absent", "unknown"):
        raise DataError(f"{where} has unlisted {_short(unlisted)}; use absent or unknown")
    return content


def unlisted_notes(unlisted: str, open_question: bool) -> list[str]:
    """What becomes of labels that a photo does not list, where that is not plain."""
    return [f"labels that are not listed are {unlisted}"] if open_question or unlisted == "unknown" else []


def record_rows(
    records: Iterable[tuple[int, Mapping[str, Any]]], keys: Keys, where: Callable[[int], str], delimiter: str = ""
) -> Iterator[Row]:
    """The rows that records make.

    Labels are a list of names, one name, or an object with 1, 0, -1, true, false or null for each name.

    Args:
        records: each with its line.
        keys: what they call things.
        where: what to call a line in messages.
        delimiter: what separates the labels of a text; empty for a text that is one label.

    Raises:
        DataError: if a record has no photo or no labels, or they are of another kind, or of a text it is not known
            whether it is one label.
    """
    for line, record in records:
        name = record.get(keys.filename)
        if isinstance(name, Mapping):  # of an image feature of Hugging Face
            name = name.get("path")
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{where(line)} needs a file name as its {keys.filename!r}; fill it in or remove the entry")
        if keys.labels not in record:
            raise DataError(f"{where(line)} has no {keys.labels!r}; write [] where there are no labels")
        present, unknown, absent = _labels(record[keys.labels], keys.labels, where, line, delimiter)
        unknown += _names(record.get(UNKNOWN), UNKNOWN, where, line, delimiter)
        absent += _names(record.get(ABSENT), ABSENT, where, line, delimiter)
        if record[keys.labels] is None and not unknown and not absent:
            raise DataError(
                f"{where(line)} has null as its {keys.labels!r}; write [] where there are no labels, and remove the "
                "entry where nobody looked"
            )
        yield Row(
            line,
            name.strip(),
            present,
            unknown,
            absent,
            _text(record.get(keys.split)) if keys.split else "",
            _text(record.get(keys.group)) if keys.group else "",
        )


def _labels(
    value: Any, key: str, where: Callable[[int], str], line: int, delimiter: str
) -> tuple[list[str], list[str], list[str]]:
    if not isinstance(value, Mapping):
        return _names(value, key, where, line, delimiter), [], []
    states: dict[int, list[str]] = {1: [], -1: [], 0: []}
    for name, state in value.items():
        number = -1 if state is None or state != state else state  # NaN differs from itself
        if not isinstance(number, int | float) or number not in states:
            raise DataError(f"{where(line)} has {_short(state)} for the label {name!r}; use 1, 0, or -1 for unknown")
        states[int(number)].append(str(name))
    return states[1], states[-1], states[0]


def _names(value: Any, key: str, where: Callable[[int], str], line: int, delimiter: str) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        if not delimiter and any(mark in value for mark in LABEL_DELIMITERS):
            raise DataError(
                f"{where(line)} has the text {_short(value)} as its {key!r}; write a list of names, or choose what "
                "separates the labels with --reader.delimiter, such as ';'"
            )
        return value.split(delimiter) if delimiter else [value]
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str | int) and not isinstance(name, bool) for name in found):
        raise DataError(f"{where(line)} needs a list of names as its {key!r}, got {_short(value)}; correct it")
    return [str(name) for name in found]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _text(value: Any) -> str:
    return "" if value is None else str(value)
