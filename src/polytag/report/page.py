"""Pages that are complete in themselves: no script, and nothing that they load."""

from collections.abc import Iterable, Sequence
from html import escape

from polytag._text import printable

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
.pairs { display: flex; flex-wrap: wrap; gap: 1rem; }
.pairs figure { margin: 0; padding: .5rem; background: var(--card); border: 1px solid var(--edge); border-radius: 8px; }
.pairs img { margin-right: .25rem; vertical-align: top; }
details { margin: .5rem 0 1.5rem; }
summary { cursor: pointer; color: var(--muted); margin-bottom: .5rem; }
pre { padding: .75rem 1rem; margin: 1rem 0 0; color: var(--text); }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole page; it reads in light and in dark, on a narrow screen and without colours.

    Args:
        title: text of any origin.
        body: HTML, made by the functions below.
    """
    return _PAGE.format(title=shown(title), style=_STYLE, body="\n".join(body))


def shown(text: str) -> str:
    """Text of any origin as HTML."""
    return escape(printable(text))


def boxed(inside: str, name: str) -> str:
    """What is wider than a narrow screen scrolls by itself, with the keyboard too."""
    return f'<div class="box" role="region" aria-label="{shown(name)}" tabindex="0">{inside}</div>'


def figure(drawing: str, name: str, caption: str) -> str:
    """A drawing with what it says."""
    return f"<figure>{boxed(drawing, name)}<figcaption>{shown(caption)}</figcaption></figure>"


def grid(rows: Sequence[Sequence[str]], numbers: frozenset[int] = frozenset()) -> str:
    """A table: the head first, the first column names the rows; columns in ``numbers`` are set to the right."""
    sides = [' class="number"' if column in numbers else "" for column in range(len(rows[0]))]
    heads = "".join(f'<th scope="col"{side}>{shown(name)}</th>' for name, side in zip(rows[0], sides, strict=True))
    lines = [
        f'<tr><th scope="row"{sides[0]}>{shown(row[0])}</th>'
        + "".join(f"<td{side}>{shown(cell)}</td>" for cell, side in zip(row[1:], sides[1:], strict=True))
        + "</tr>"
        for row in rows[1:]
    ]
    return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{chr(10).join(lines)}\n</tbody></table>"
