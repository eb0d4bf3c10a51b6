"""A table as one web page, complete in itself: no script, and nothing that it loads."""

from html import escape
from math import isfinite, nan

from polytag._text import printable
from polytag.bench import papers
from polytag.bench.content import SCORE, UP, facts, grid, notes, right, verdict
from polytag.bench.types import Table
from polytag.bench.words import time_unit
from polytag.report.intervals import Moved, intervals
from polytag.report.scatter import Point, scatter

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; --page: #f4f5f7; --card: #ffffff; --edge: #dadde2; --text: #282c34; --muted: #5b6270;
  --up: #005c3e; --down: #a8240c; }
@media (prefers-color-scheme: dark) { :root { --page: #16181c; --card: #1f2228; --edge: #3a404a; --text: #e4e6ea;
  --muted: #a5abb5; --up: #6fd3a7; --down: #f59a86; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 2rem 1rem 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
p, ul { max-width: 46rem; overflow-wrap: anywhere; }
.facts, .notes, figcaption, footer { color: var(--muted); font-size: .9rem; }
.notes { padding-left: 1.2rem; }
.box { overflow-x: auto; background: var(--card); border: 1px solid var(--edge); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .7rem; text-align: left; white-space: nowrap; border-top: 1px solid var(--edge); }
thead th { border-top: 0; color: var(--muted); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 500; white-space: normal; overflow-wrap: anywhere; min-width: 9rem; max-width: min(18rem, 40vw);
  position: sticky; left: 0; background: var(--card); }
.number { text-align: right; }
.up { color: var(--up); font-weight: 600; }
.down { color: var(--down); }
.not-resolved, .baseline { color: var(--muted); }
figure { margin: 0 0 1.5rem; }
figcaption { max-width: 46rem; margin-top: .5rem; overflow-wrap: anywhere; }
svg { display: block; width: 100%; min-width: 40rem; max-width: 52rem; height: auto; margin: 1rem auto; }
pre { padding: .75rem 1rem; margin: 1rem 0 0; color: var(--text); }
"""


def as_page(table: Table, command: str) -> str:
    """The same as :func:`polytag.bench.markdown.as_markdown`, and drawn: differences, and mAP against two costs.

    It reads in light and in dark, on a narrow screen and without colours; text of the suite is shown as it is.

    Args:
        table: a finished suite.
        command: what makes it.
    """
    suite = table.suite
    body = [
        f'<p class="facts">{_text(facts(table))}</p>',
        *([f"<p>{_text(' '.join(suite.about.split()))}</p>"] if suite.about.strip() else []),
        _box(_table(table), "Results"),
        f'<ul class="notes">{"".join(f"<li>{_text(note)}</li>" for note in notes(table))}</ul>',
        "<h2>Differences to the baseline</h2>",
        _figure(_differences(table), "Differences", "Full dots: the interval leaves out 0."),
        "<h2>Accuracy against cost</h2>",
        *_costs(table),
        *_published(table),
        f"<footer><p>{_text(table.machine)}</p>",
        _box(f"<pre><code>{_text(command)}</code></pre>", "Command"),
        "</footer>",
    ]
    return _PAGE.format(title=_text(suite.title), style=_STYLE, body="\n".join(body))


def _text(text: str) -> str:
    return escape(printable(text))


def _box(inside: str, name: str) -> str:
    """What is wider than a narrow screen scrolls by itself, with the keyboard too."""
    return f'<div class="box" role="region" aria-label="{name}" tabindex="0">{inside}</div>'


def _figure(drawing: str, name: str, caption: str) -> str:
    return f"<figure>{_box(drawing, name)}<figcaption>{_text(caption)}</figcaption></figure>"


def _table(table: Table) -> str:
    head, *rows = grid(table)
    sides = [' class="number"' if right(name) else "" for name in head]
    heads = "".join(f'<th scope="col"{side}>{_text(name)}</th>' for name, side in zip(head, sides, strict=True))
    lines = []
    for line, row in zip(table.lines, rows, strict=True):
        word = verdict(table, line)
        made = [f'<th scope="row">{_text(row[0])}</th>']
        for name, side, cell in zip(head[1:], sides[1:], row[1:], strict=True):
            kind = f' class="{word.replace(" ", "-")}"' if name == "verdict" else side
            text = f"<strong>{_text(cell)}</strong>" if name == SCORE and word == UP else _text(cell)
            made.append(f"<td{kind}>{text}</td>")
        lines.append(f"<tr>{''.join(made)}</tr>")
    return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{chr(10).join(lines)}\n</tbody></table>"


def _published(table: Table) -> list[str]:
    """The papers' numbers; nothing where there are none."""
    rows = papers.grid(table.suite)
    if not rows:
        return []
    head, *others = rows
    heads = "".join(f'<th scope="col">{_text(name)}</th>' for name in head)
    lines = [
        f'<tr><th scope="row">{_text(row[0])}</th>{"".join(f"<td>{_text(cell)}</td>" for cell in row[1:])}</tr>'
        for row in others
    ]
    made = f"<table><thead><tr>{heads}</tr></thead><tbody>\n{chr(10).join(lines)}\n</tbody></table>"
    notes = f'<p class="notes">{_text(papers.NOTES)}</p>'
    return ["<h2>What papers have printed</h2>", _box(made, "What papers have printed"), notes]


def _differences(table: Table) -> str:
    rows = []
    for line in table.lines:
        moved = line.differences.get(SCORE)
        ends = (100 * moved.value, 100 * moved.low, 100 * moved.high) if moved else (nan, nan, nan)
        rows.append(Moved(line.name, *ends, verdict(table, line)))
    return intervals(rows, "difference of mAP in points, with its 95% interval", "Differences of mAP to the baseline")


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
        return f"<p>There is no drawing of mAP against {_text(label)}: no row has both.</p>"
    bars = "" if len(table.suite.seeds) == 1 else " Bars: ± one standard deviation over seeds."
    missing = ", ".join(point.name for point in points if point not in known)
    caption = (
        f"mAP against {label}.{bars} Full dots, on the line: no row is both cheaper and better, by the means alone; "
        f"what is resolved stands in the table.{f' Not drawn, as not known: {missing}.' if missing else ''}"
    )
    return _figure(scatter(known, label, "mAP in percent", f"mAP against {label}"), label, caption)
