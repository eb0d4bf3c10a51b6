"""What separates the labels within one cell of a table."""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from polytag.errors import DataError

LABEL_DELIMITERS = (";", "|", ",")
LISTS = "[\0]"  # instead of a delimiter, which nobody can type: each cell is a list, as pandas writes them

_ESCAPE = r"""\\(?:['"\\]|u[0-9a-fA-F]{4})"""
_NAME = rf"""(?:'(?:[^'\\]|{_ESCAPE})*'|"(?:[^"\\]|{_ESCAPE})*"|-?\d+)"""  # of a label in a list
_LIST = re.compile(rf"\[\s*(?:{_NAME}\s*(?:,\s*{_NAME}\s*)*,?)?\s*\]")

SAMPLE = 10_000  # distinct cells that decide whether a space separates labels


def label_delimiter(cells: Iterable[tuple[int, str]], source: Path) -> str:
    """What separates the labels in these cells; empty if each has at most one label.

    One of ``; | ,`` if it is the only one that occurs; spaces then belong to names. Where several occur, those that
    would cut a pair of brackets in two belong to names. A space separates labels only if nothing else does and if the
    words recur in different company, as in "clear primary" and "cloudy primary". ``LISTS`` if every cell that is not
    empty is a list of names or numbers, such as ``['cat', 'hat']``.

    Args:
        cells: the line of a row and its labels.
        source: the table, for messages.

    Raises:
        DataError: if more than one reading remains.
    """
    examples: dict[str, tuple[int, str]] = {}
    cuts_brackets: set[str] = set()
    spaced: tuple[int, str] | None = None
    distinct: set[str] = set()
    lists: bool | None = None
    for line, cell in cells:
        if lists is not False and cell.strip():
            lists = _LIST.fullmatch(cell.strip()) is not None
        for delimiter in LABEL_DELIMITERS:
            if delimiter in cell:
                examples.setdefault(delimiter, (line, cell))
                if ("(" in cell or "[" in cell) and not all(map(_balanced, cell.split(delimiter))):
                    cuts_brackets.add(delimiter)
        if not examples:
            text = cell.strip()
            if spaced is None and " " in text:
                spaced = line, text
            if len(distinct) < SAMPLE:
                distinct.add(text)
    if lists:
        return LISTS
    plausible = [delimiter for delimiter in examples if delimiter not in cuts_brackets]
    if len(plausible) == 1:
        return plausible[0]
    if examples:
        line, cell = list(examples.values())[-1]
        raise DataError(
            f"the labels of {source} may be separated by {' or '.join(map(repr, plausible or examples))}, "
            f"as in row {line} ({_short(cell)}); choose with --reader.delimiter, such as '{LABEL_DELIMITERS[0]}'"
        )
    if spaced is None:
        return ""
    if _words_recur(distinct):
        return " "
    raise DataError(
        f"{_short(spaced[1])} in row {spaced[0]} of {source} may be one label or several; "
        "choose --reader.delimiter ' ' for several, or ';' for one"
    )


def split_cell(cell: str, delimiter: str) -> list[str]:
    """The labels of a cell.

    Args:
        cell: as it stands in the table.
        delimiter: what separates them, ``LISTS``, or empty where each cell is one label.
    """
    if delimiter == LISTS:
        return [str(name) for name in ast.literal_eval(cell.strip() or "[]")]
    return cell.split(delimiter) if delimiter else [cell]


def _words_recur(cells: Iterable[str]) -> bool:
    """Whether most words of these distinct cells, which have more or fewer, stand in more than one of them."""
    cells = list(cells)
    if len({len(cell.split()) for cell in cells}) == 1:  # the words of "red dress", "blue shirt" recur, too
        return False
    seen = Counter(word for cell in cells for word in set(cell.split()))
    recurring = sum(count for count in seen.values() if count > 1)
    # Names of one thing share their last word at most ("red dress", "blue dress"): half of the words, not more.
    return 2 * recurring > seen.total()


def _balanced(text: str) -> bool:
    depth = 0
    for bracket in re.findall(r"[()\[\]]", text):
        depth += 1 if bracket in "([" else -1
        if depth < 0:
            return False
    return depth == 0


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 60 else cell[:57] + "...")
