"""Small files of options: TOML and JSON in, TOML out."""

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from polytag.errors import OptionError

LIMIT = 1_000_000  # bytes


def read_toml(path: Path, what: str, advice: str) -> dict[str, Any]:
    """What a TOML file says.

    Args:
        path: the file.
        what: the kind of file, for messages: ``config``.
        advice: what to do where the file cannot be it, for messages.

    Raises:
        OptionError: if it cannot be read, is larger than 1 MB or no TOML.
    """
    values: dict[str, Any] = _read(path, what, advice, tomllib.loads, "TOML")
    return values


def read_json(path: Path, what: str, advice: str, limit: int = LIMIT) -> Any:
    """What a JSON file of at most ``limit`` bytes says; see :func:`read_toml`."""
    return _read(path, what, advice, json.loads, "JSON", limit)


def as_toml(values: Mapping[str, Any]) -> str:
    """Values, then a table for each mapping, as TOML.

    Raises:
        OptionError: if a text is not Unicode, such as a path of undecodable bytes.
    """
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {_toml(value)}" for key, value in values.items() if key not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _read(path: Path, what: str, advice: str, loads: Callable[[str], Any], form: str, limit: int = LIMIT) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise OptionError(f"cannot read {path}: {error.strerror}; {advice}") from error
    if len(content) > limit:
        raise OptionError(f"{path} is larger than {limit // 1_000_000} MB, which no {what} is; {advice}")
    try:
        return loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{path} is not {form}: {error}; correct it") from error


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{"".join(map(_letter, value))}"'
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {_toml(each)}' for key, each in value.items())}}}"
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list | tuple) else repr(value)


def _letter(letter: str) -> str:
    """A letter of a basic string; also what would steer a terminal is escaped."""
    if "\ud800" <= letter <= "\udfff":
        raise OptionError("a path whose name is not Unicode cannot be written as TOML; rename it")
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
