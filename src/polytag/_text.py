"""Text on its way out: what comes from data is made harmless."""

import difflib
import json
import math
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any


def printable(text: str) -> str:
    """One line for a terminal or a log: control, format and surrogate characters are escaped."""
    bad = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join(
        letter.encode("unicode_escape").decode() if unicodedata.category(letter) in bad else letter for letter in text
    )


def one_line(text: str) -> str:
    """One line for a file that others read: as :func:`printable`, but with the joiners that names are written with."""
    return "".join(
        letter if letter not in _TURNING and unicodedata.category(letter) == "Cf" else printable(letter)
        for letter in text
    )


_TURNING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # the direction of what follows


def utf8(text: str) -> str:
    """The same, with bytes of a path that are no UTF-8, which Python holds as surrogates, escaped as in ASCII."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON that can be written as UTF-8 and reads the same; only what is not Unicode is escaped."""
    return utf8(json.dumps(value, indent=indent, ensure_ascii=False))


def without_nan(value: Any) -> Any:
    """The same, with None in the place of every number that is not finite, which JSON cannot say."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def counted(number: int, what: str) -> str:
    """``1 photo``, ``2 photos``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'asl'``, to end a refusal with; nothing where no known name is near."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}" if near else ""


def csv_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like a formula gets an apostrophe in front."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text


def table(rows: Sequence[tuple[str, ...]], right: frozenset[int] = frozenset()) -> str:
    """Columns padded to their widest cell, two spaces apart; those in ``right`` are aligned to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(c.rjust(w) if n in right else c.ljust(w) for n, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
