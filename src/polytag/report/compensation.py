"""What collaborative training has learned to add to the logits of each label, from frequent labels to rare ones."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from polytag._text import counted
from polytag.report.axes import axis
from polytag.report.drawing import DOWN, UP, WIDTH, Drawing

LEFT, RIGHT, TOP, HEIGHT, GAP, BOTTOM = 56, WIDTH - 24, 40, 170, 64, 40


def compensation_drawing(
    means: NDArray[np.float64], deviations: NDArray[np.float64], names: Sequence[str], counts: Sequence[int]
) -> str:
    """An SVG of two plots, means above deviations, of present labels (full dots) and of absent ones (faint).

    Args:
        means: ``(2, labels)``, of present labels and of absent ones.
        deviations: the same, above 0.
        names: of the labels.
        counts: training photos of each, by which they are sorted, most first.
    """
    order = np.argsort(-np.asarray(counts), kind="stable")
    height = TOP + 2 * HEIGHT + GAP + BOTTOM
    words = "Means and deviations that present and absent labels get, from frequent labels to rare ones"
    drawing = Drawing(height, "Learned compensation of logits", f"{words}; {counted(len(names), 'label')}.")
    step = (RIGHT - LEFT) / max(len(names), 1)
    for number, (values, word) in enumerate(((means, "mean"), (deviations, "deviation"))):
        top = TOP + number * (HEIGHT + GAP)
        up = axis([*values.ravel().tolist(), 0.0 if word == "mean" else 1.0], top + HEIGHT, top)
        drawing.axis_left(up, LEFT, RIGHT, word)
        for row, colour, state in ((0, UP, "present"), (1, DOWN, "absent")):
            places = [(LEFT + step * (place + 0.5), up.at(float(values[row, c]))) for place, c in enumerate(order)]
            drawing.line(places, colour, stroke_width=1.5, stroke_opacity=0.6)
            for point, column in zip(places, order.tolist(), strict=True):
                tip = f"{names[column]} ({counts[column]} photos), {state}: {word} {values[row, column]:.3f}"
                drawing.dot(point, colour, state == "present", tip)
    for place, colour, state in ((RIGHT - 180, UP, "present"), (RIGHT - 70, DOWN, "absent")):
        drawing.dot((place, TOP / 2), colour, state == "present", f"{state} labels")
        drawing.text((place + 12, TOP / 2), state)
    drawing.text(((LEFT + RIGHT) / 2, height - 14), "labels, from the most frequent to the rarest", "middle")
    return drawing.finish()
