"""A square of small squares: how often one thing comes with another."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from polytag._text import counted, printable
from polytag.report.drawing import ACCENT, LETTERS, UP, WIDTH, Drawing
from polytag.report.lettering import fitted, text_width

LEFT, TOP = 150, 12


def matrix(shares: NDArray[np.float64], names: Sequence[str], title: str, new: Collection[tuple[int, int]] = ()) -> str:
    """An SVG with a row and a column for each name, the fuller the larger the share.

    Args:
        shares: ``(names, names)`` in ``[0, 1]``: of what has the name of the row, how much has that of the column.
        names: of the rows and columns.
        title: of the drawing, for those who cannot see it.
        new: pairs of positions, either way round, that are shown in another colour.
    """
    side = min(26.0, (WIDTH - LEFT - 24) / len(names))
    size = side * len(names)
    widest = 110
    drawing = Drawing(TOP + size + widest, title, f"{counted(len(names), 'row')} and as many columns.")
    for row, name in enumerate(names):
        y = TOP + side * row
        short = fitted(printable(name), LEFT - 20, lambda text: text_width(text, LETTERS))
        drawing.text((LEFT - 8, y + side / 2), short, "end")
        for column, other in enumerate(names):
            if row != column and shares[row, column] > 0:
                is_new = (row, column) in new or (column, row) in new
                tip = f"{shares[row, column]:.0%} of {name} have {other}{', a new pair' if is_new else ''}"
                place = (LEFT + side * column + 0.5, y + 0.5)
                opacity = float(max(shares[row, column], 0.25 if is_new else 0.04))
                drawing.box(place, (side - 1, side - 1), UP if is_new else ACCENT, tip, opacity)
    for column, name in enumerate(names):
        x = LEFT + side * (column + 0.5)
        short = fitted(printable(name), widest - 14, lambda text: text_width(text, LETTERS))
        drawing.text((x, TOP + size + 8), short, "end", transform=f"rotate(-90 {x:.1f} {TOP + size + 8:.1f})")
    drawing.line(
        [(LEFT, TOP), (LEFT + size, TOP), (LEFT + size, TOP + size), (LEFT, TOP + size), (LEFT, TOP)],
        stroke_opacity=0.3,
    )
    return drawing.finish()
