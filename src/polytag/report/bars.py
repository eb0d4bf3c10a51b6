"""Bars: lying ones with names, for things that have names, and standing ones for numbers."""

from collections.abc import Sequence
from typing import NamedTuple

from polytag._text import counted, printable
from polytag.report.axes import axis
from polytag.report.drawing import ACCENT, LETTERS, WIDTH, Drawing
from polytag.report.lettering import fitted, text_width

LEFT, RIGHT, TOP, BOTTOM, ROW = 200, WIDTH - 56, 12, 52, 20  # names to the left; a row's height
HEIGHT, NARROW = 180, 48  # of standing bars, and of the room for their numbers
SHARES = (1.0, 0.55, 0.25)  # opacity of the parts of a bar, the first one fullest


class Bar(NamedTuple):
    """A name and its parts, from left to right."""

    name: str
    parts: tuple[float, ...]


def lying_bars(bars: Sequence[Bar], label: str, title: str, parts: Sequence[str] = ()) -> str:
    """An SVG with a bar a row.

    Args:
        bars: from top to bottom; at least one.
        label: of the axis.
        title: of the drawing, for those who cannot see it.
        parts: names of the parts, where bars have several.
    """
    bottom, longest = TOP + ROW * len(bars), max(bars, key=lambda bar: sum(bar.parts))
    across = axis([0.0, *(sum(bar.parts) for bar in bars)], LEFT, RIGHT)
    drawing = Drawing(bottom + BOTTOM, title, f"{counted(len(bars), 'bar')}, the longest {longest.name}.")
    drawing.axis_below(across, TOP, bottom, label)
    for number, (name, values) in enumerate(bars):
        y = TOP + ROW * number
        drawing.text((8, y + ROW / 2), fitted(printable(name), LEFT - 20, lambda text: text_width(text, LETTERS)))
        start = 0.0
        for position, value in enumerate(values):
            what = f" {parts[position]}" if parts else ""
            place, width = across.at(start), across.at(start + value) - across.at(start)
            drawing.box((place, y + 3), (width, ROW - 6), ACCENT, f"{name}: {value:g}{what}", SHARES[position])
            start += value
        drawing.text((across.at(start) + 6, y + ROW / 2), f"{start:g}")
    return drawing.finish()


def standing_bars(values: Sequence[float], label: str, title: str) -> str:
    """An SVG with a bar for each of 0, 1, 2, ...

    Args:
        values: how many there are of each; at least one.
        label: of the axis below.
        title: of the drawing, for those who cannot see it.
    """
    bottom = TOP + HEIGHT
    up = axis([0.0, *values], bottom, TOP + 20)
    drawing = Drawing(bottom + BOTTOM, title, f"{counted(len(values), 'bar')}.")
    step = (WIDTH - NARROW - 24) / len(values)
    every = -(-len(values) // 20)  # no more numbers than there is room for
    drawing.line([(NARROW, bottom), (WIDTH - 24, bottom)], stroke_opacity=0.3)
    for number, value in enumerate(values):
        x = NARROW + step * number
        drawing.box((x + 0.1 * step, up.at(value)), (0.8 * step, bottom - up.at(value)), ACCENT, f"{number}: {value:g}")
        if number % every == 0:
            drawing.text((x + step / 2, bottom + 14), str(number), "middle")
            if every == 1 and value:
                drawing.text((x + step / 2, up.at(value) - 9), f"{value:g}", "middle")
    drawing.text(((NARROW + WIDTH - 24) / 2, bottom + 34), label, "middle")
    return drawing.finish()
