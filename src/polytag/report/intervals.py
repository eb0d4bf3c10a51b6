"""Differences with their intervals, a row each, against a line at zero."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from polytag._text import counted, printable
from polytag.report.axes import axis
from polytag.report.drawing import ACCENT, DOWN, LETTERS, UP, WIDTH, Drawing
from polytag.report.lettering import fitted, text_width

LEFT, RIGHT, TOP, BOTTOM, ROW = 200, WIDTH - 116, 12, 52, 26  # names to the left, words to the right; a row's height


class Moved(NamedTuple):
    """A row; NaN for what there is not, which is then not drawn."""

    name: str
    value: float
    low: float
    high: float
    word: str  # to the right of it


def intervals(rows: Sequence[Moved], label: str, title: str) -> str:
    """An SVG with a dot and a bar for each row: full where the bar leaves out 0, faint with a rim where it does not.

    Args:
        rows: from top to bottom.
        label: of the axis, with the unit.
        title: of the drawing, for those who cannot see it.
    """
    bottom = TOP + ROW * len(rows)
    ends = [end for row in rows for end in row[1:4] if isfinite(end)]
    across = axis([0.0, *ends], LEFT, RIGHT)
    words = "; ".join(f"{row.name}: {row.word}" for row in rows)
    drawing = Drawing(bottom + BOTTOM, title, f"{counted(len(rows), 'row')}. {words}.")
    drawing.axis_below(across, TOP, bottom, label)
    drawing.line([(across.at(0), TOP), (across.at(0), bottom)], stroke_width=1.5)
    for number, (name, value, low, high, word) in enumerate(rows):
        y = TOP + ROW * (number + 0.5)
        drawing.text((8, y), fitted(printable(name), LEFT - 20, lambda text: text_width(text, LETTERS)))
        drawing.text((RIGHT + 16, y), word)
        colour = UP if low > 0 else DOWN if high < 0 else ACCENT
        if isfinite(low) and isfinite(high):
            drawing.line([(across.at(low), y), (across.at(high), y)], colour, stroke_width=2)
        if isfinite(value):
            tip = f"{name}: {value:+z.2f} [{low:+z.2f}, {high:+z.2f}], {word}"
            drawing.dot((across.at(value), y), colour, colour != ACCENT, tip)
    return drawing.finish()
