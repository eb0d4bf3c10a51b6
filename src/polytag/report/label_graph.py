"""Labels on a circle, joined where they belong together, a colour for each group."""

from collections.abc import Sequence
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from polytag._text import counted, printable
from polytag.errors import OptionError
from polytag.report.drawing import LETTERS, WIDTH, Drawing
from polytag.report.lettering import fitted, text_width

COLOURS = (  # as many as groups are suggested at most
    *("#3a82c4", "#d0533a", "#1f8f5f", "#b5832a", "#8a63c9", "#c0487f", "#3d9aa1", "#7d8a2e"),
    *("#6b6f76", "#8c4f2f", "#2b4f9e", "#e08aa8", "#5fb04a", "#5b2a86", "#d9a900"),
)
NAME = 110  # pixels of a name
MOST = 120  # labels that can be told apart
LINES = 400  # of the strongest


def label_graph_drawing(
    weights: NDArray[np.float64], names: Sequence[str], groups: Sequence[Sequence[int]], title: str
) -> str:
    """An SVG of the labels, group after group around the circle, lines within a group in its colour.

    Args:
        weights: ``(labels, labels)`` in ``[0, 1]``, symmetric: how much two labels belong together.
        names: of the labels.
        groups: positions in ``names``; every label in one of them.
        title: of the drawing, for those who cannot see it.

    Raises:
        OptionError: if there are too many labels to draw.
    """
    if len(names) > MOST:
        raise OptionError(f"a graph of {len(names)} labels cannot be read; draw at most {MOST}")
    order = [label for group in groups for label in group]
    group_of = {label: number for number, group in enumerate(groups) for label in group}
    radius, middle = WIDTH / 2 - NAME - 12, WIDTH / 2
    places = {}
    for turn, label in enumerate(order):
        angle = 2 * pi * turn / len(order) - pi / 2
        places[label] = (middle + radius * cos(angle), middle + radius * sin(angle), angle)
    sizes = ", ".join(str(len(group)) for group in groups)
    drawing = Drawing(WIDTH, title, f"{counted(len(names), 'label')} in groups of {sizes}.")
    pairs = [(float(weights[a, b]), a, b) for n, a in enumerate(order) for b in order[:n] if weights[a, b] > 0]
    strongest = sorted(pairs, reverse=True)[:LINES]
    most = strongest[0][0] if strongest else 1.0
    for weight, one, other in reversed(strongest):
        same = group_of[one] == group_of[other]
        colour = COLOURS[group_of[one] % len(COLOURS)] if same else "currentColor"
        share = weight / most
        ends = [places[one][:2], places[other][:2]]
        drawing.line(ends, colour, stroke_width=0.5 + 2.5 * share, stroke_opacity=(0.8 if same else 0.25) * share)
    for label in order:
        x, y, angle = places[label]
        colour = COLOURS[group_of[label] % len(COLOURS)]
        drawing.dot((x, y), colour, True, f"{names[label]}, group {group_of[label] + 1}")
        name = fitted(printable(names[label]), NAME, lambda text: text_width(text, LETTERS))
        turned, anchor = (angle, "start") if cos(angle) >= 0 else (angle + pi, "end")
        beside = (x + 10 * cos(angle), y + 10 * sin(angle))
        turn_by = f"rotate({turned * 180 / pi:.1f} {beside[0]:.1f} {beside[1]:.1f})"
        drawing.text(beside, name, anchor, transform=turn_by)
    return drawing.finish()
