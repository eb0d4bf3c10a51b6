"""A table as one web page, complete in itself: no script, and nothing that it loads."""

from math import isfinite, nan

from polytag.bench import papers
from polytag.bench.content import SCORE, UP, facts, grid, notes, other, right, verdict
from polytag.bench.types import Table
from polytag.bench.words import time_unit
from polytag.report.intervals import Moved, intervals
from polytag.report.page import boxed, figure, page, shown
from polytag.report.page import grid as cells
from polytag.report.scatter import Point, scatter


def as_page(table: Table, command: str) -> str:
    """The same as :func:`polytag.bench.markdown.as_markdown`, and drawn: differences, and mAP against two costs.

    It reads in light and in dark, on a narrow screen and without colours; text of the suite is shown as it is.

    Args:
        table: a finished suite.
        command: what makes it.
    """
    suite = table.suite
    body = [
        f'<p class="facts">{shown(facts(table))}</p>',
        *([f"<p>{shown(' '.join(suite.about.split()))}</p>"] if suite.about.strip() else []),
        boxed(_table(table), "Results"),
        f'<ul class="notes">{"".join(f"<li>{shown(note)}</li>" for note in notes(table))}</ul>',
        f"<h2>Differences to {other(table)}</h2>",
        figure(_differences(table), "Differences", "Full dots: the interval leaves out 0."),
        "<h2>Accuracy against cost</h2>",
        *_costs(table),
        *_published(table),
        f"<footer><p>{shown(table.machine)}</p>",
        boxed(f"<pre><code>{shown(command)}</code></pre>", "Command"),
        "</footer>",
    ]
    return page(suite.title, body)


def _table(table: Table) -> str:
    head, *rows = grid(table)
    sides = [' class="number"' if right(name) else "" for name in head]
    heads = "".join(f'<th scope="col"{side}>{shown(name)}</th>' for name, side in zip(head, sides, strict=True))
    lines = []
    for line, row in zip(table.lines, rows, strict=True):
        word = verdict(table, line)
        made = [f'<th scope="row">{shown(row[0])}</th>']
        for name, side, cell in zip(head[1:], sides[1:], row[1:], strict=True):
            kind = f' class="{word.replace(" ", "-")}"' if name == "verdict" else side
            text = f"<strong>{shown(cell)}</strong>" if name == SCORE and word == UP else shown(cell)
            made.append(f"<td{kind}>{text}</td>")
        lines.append(f"<tr>{''.join(made)}</tr>")
    return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{chr(10).join(lines)}\n</tbody></table>"


def _published(table: Table) -> list[str]:
    """The papers' numbers; nothing where there are none."""
    rows = papers.grid(table.suite)
    if not rows:
        return []
    notes = f'<p class="notes">{shown(papers.NOTES)}</p>'
    return ["<h2>What papers have printed</h2>", boxed(cells(rows), "What papers have printed"), notes]


def _differences(table: Table) -> str:
    rows = []
    for line in table.lines:
        moved = line.differences.get(SCORE)
        ends = (100 * moved.value, 100 * moved.low, 100 * moved.high) if moved else (nan, nan, nan)
        rows.append(Moved(line.name, *ends, verdict(table, line)))
    axis = "difference of mAP in points, with its 95% interval"
    return intervals(rows, axis, f"Differences of mAP to {other(table)}")


def _costs(table: Table) -> list[str]:
    """Accuracy against the work at inference, and against the time of training."""
    longest = max((t for line in table.lines if isfinite(t := line.cost.train_seconds)), default=1.0)
    size, unit = time_unit(longest)
    return [
        _cost(table, "GMACs a photo", [line.cost.gmacs for line in table.lines]),
        _cost(table, f"training time in {unit}", [line.cost.train_seconds / size for line in table.lines]),
    ]


def _cost(table: Table, label: str, costs: list[float]) -> str:
    """A scatter, or a sentence where nothing was measured."""
    points = [
        Point(line.name, cost, 100 * line.means[SCORE], 100 * line.deviations[SCORE])
        for line, cost in zip(table.lines, costs, strict=True)
    ]
    known = [point for point in points if isfinite(point.x) and isfinite(point.y)]
    if not known:
        return f"<p>There is no drawing of mAP against {shown(label)}: no row has both.</p>"
    bars = "" if len(table.suite.seeds) == 1 else " Bars: ± one standard deviation over seeds."
    missing = ", ".join(point.name for point in points if point not in known)
    caption = (
        f"mAP against {label}.{bars} Full dots, on the line: no row is both cheaper and better, by the means alone; "
        f"what is resolved stands in the table.{f' Not drawn, as not known: {missing}.' if missing else ''}"
    )
    return figure(scatter(known, label, "mAP in percent", f"mAP against {label}"), label, caption)
