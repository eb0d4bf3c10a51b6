"""A table as Markdown, for a README; as CSV, for programs; as text, for the end of a command."""

import csv
import io
import json
import re
import textwrap
from math import isnan

from polytag._text import csv_cell, printable, without_nan
from polytag._text import table as columns_of
from polytag.bench import papers
from polytag.bench.content import SCORE, UP, cells, facts, grid, notes, right, verdict
from polytag.bench.types import COMPARED, Table
from polytag.bench.words import NONE
from polytag.report.lettering import fitted

_COSTS = ("train_seconds", "parameters", "gmacs", "inference_ms", "memory_mb")
_ALWAYS = {"row", "mAP", "difference", "verdict", "train time", "GMACs"}  # in a terminal
_LEAST_NAME = 12  # letters
# In Markdown; an underline has a meaning only where no letter is on one side of it.
_MEANS_SOMETHING = re.compile(r"[\\`*\[\]<>|~&$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_BEGINS_A_BLOCK = re.compile(r"^(\d+(?=[.)])|(?=[-+#=]))")


def as_markdown(table: Table, command: str) -> str:
    """The table with what it is about above it, and how to read and to remake it below.

    The mAP of a row is bold where its verdict is ``up``. Text of the suite is shown as it is, never as Markdown.

    Args:
        table: a finished suite.
        command: what makes it.
    """
    suite = table.suite
    head, *rows = grid(table)
    score = head.index(SCORE)
    lines = [_row(head), _row(["---", *["---:" if right(name) else "---" for name in head[1:]]])]
    for line, row in zip(table.lines, rows, strict=True):
        made = [_plain(row[0]), *row[1:]]
        if verdict(table, line) == UP:
            made[score] = f"**{made[score]}**"
        lines.append(_row(made))
    paragraphs = [
        f"# {_plain(suite.title)}",
        _paragraph(facts(table)),
        *([_paragraph(suite.about)] if suite.about.strip() else []),
        "\n".join(lines),
        "\n".join(f"- {_plain(note)}" for note in notes(table)),
        *_published(table),
        _paragraph(table.machine),
        f"    {printable(command)}",  # indented, so that no letter of it has a meaning
    ]
    return "\n\n".join(paragraphs) + "\n"


def _published(table: Table) -> list[str]:
    """A heading, the papers' numbers and how to read them; nothing where there are none."""
    rows = papers.grid(table.suite)
    if not rows:
        return []
    head, *others = rows
    lines = [_row(head), _row(["---"] * len(head)), *(_row([_plain(cell) for cell in row]) for row in others)]
    return ["## What papers have printed", "\n".join(lines), f"- {papers.NOTES}"]


def as_csv(table: Table) -> str:
    """One row a line, numbers of full precision; empty where undefined.

    The columns, in this order:

    - ``row``, ``seeds``: name, and how many seeds it was trained with.
    - for each ``M`` of mAP, CF1, OF1, of head, medium, tail, the mAP of these classes, and of the suite's further
      metrics: ``M`` and ``M_sd``, mean and standard deviation over seeds, 0 to 1;
      ``M_difference``, ``M_low``, ``M_high``, to the baseline (in a ladder to the row above) with its 95% interval,
      -1 to 1; ``M_verdict``: ``up``, ``down``, ``not resolved`` or ``baseline``.
    - ``train_seconds``, ``parameters``, ``gmacs``, ``inference_ms``, ``memory_mb``: what it costs, see
      :class:`polytag.bench.types.Cost`.
    - ``ensemble``: a JSON list of the rows that the row averages; empty where it was trained.
    - ``compared_with``: the row that it is compared with; empty for the baseline.
    - ``split``: ``test`` or ``val``, the photos that it is judged on.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = ["row", "seeds"]
    measures = (*COMPARED, *table.suite.metrics)
    for measure in measures:
        heads += [measure, *(f"{measure}_{end}" for end in ("sd", "difference", "low", "high", "verdict"))]
    writer.writerow([*heads, *_COSTS, "ensemble", "compared_with", "split"])
    members = {row.name: json.dumps(row.ensemble) for row in table.suite.rows if row.ensemble}
    for line in table.lines:
        row: list[object] = [csv_cell(printable(line.name)), len(table.suite.seeds)]
        for measure in measures:
            moved = line.differences.get(measure)
            row += [line.means[measure], line.deviations[measure], *(moved[:3] if moved else (None, None, None))]
            row.append(None if isnan(line.means[measure]) else verdict(table, line, measure))
        other = table.suite.compared_with(line.name)
        row += [*(getattr(line.cost, name) for name in _COSTS), members.get(line.name)]
        row += [csv_cell(printable(other)) if other else None, table.suite.split]
        writer.writerow(without_nan(row))  # None is written as an empty cell
    return text.getvalue()


def as_text(table: Table, width: int = 80) -> str:
    """Score, difference, verdict and cost of each row; more columns where no name has to be cut for them.

    A name that is too long loses its middle. No line is longer than ``width``, unless so little is left of it that 12
    letters of a name do not fit.
    """
    rows = [{**cells(table, line), "row": printable(line.name)} for line in table.lines]
    shown = set(_ALWAYS)
    for name in (name for name in rows[0] if any(row[name] != NONE for row in rows)):
        if _width(rows, shown | {name}) <= width:
            shown.add(name)
    others = _width(rows, shown - {"row"}) + 2
    for row in rows:
        row["row"] = fitted(row["row"], max(_LEAST_NAME, width - others))
    heads = tuple(name for name in rows[0] if name in shown)
    numbers = frozenset(place for place, name in enumerate(heads) if right(name))
    grid = columns_of([heads, *(tuple(row[name] for name in heads) for row in rows)], numbers)
    above = [textwrap.fill(printable(text), width) for text in (table.suite.title, facts(table))]
    below = [textwrap.fill(note, width) for note in notes(table)[:3]]
    return "\n".join([*above, "", grid, "", *below])


def _width(rows: list[dict[str, str]], shown: set[str]) -> int:
    """Of a line: every column as wide as its widest cell, two blanks apart."""
    widths = [max(len(name), *(len(row[name]) for row in rows)) for name in rows[0] if name in shown]
    return sum(widths) + 2 * (len(widths) - 1)


def _plain(text: str) -> str:
    """Text in which no letter has a meaning in Markdown."""
    return _MEANS_SOMETHING.sub(r"\\\g<0>", printable(text))


def _paragraph(text: str) -> str:
    """Plain text on a line of its own that begins no heading and no list."""
    return _BEGINS_A_BLOCK.sub(r"\1\\", _plain(" ".join(text.split())))


def _row(row: tuple[str, ...] | list[str]) -> str:
    return f"| {' | '.join(row)} |"
