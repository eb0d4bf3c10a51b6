"""Dots of what is to be high against what it costs, with the line through those that nothing beats in both."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

from polytag._text import counted, printable
from polytag.errors import OptionError
from polytag.report.axes import Axis, axis
from polytag.report.drawing import ACCENT, LETTERS, WIDTH, Drawing
from polytag.report.labels import Box, place_labels
from polytag.report.lettering import fitted, text_width

LEFT, RIGHT, TOP, BOTTOM = 56, WIDTH - 24, 40, 52  # of the dots' area; BOTTOM pixels below it
LOG_FROM = 20  # the costliest is so many times the cheapest: then their axis is logarithmic
_ROOM = 180  # of a name


class Point(NamedTuple):
    """A dot."""

    name: str
    x: float  # cost
    y: float
    spread: float = 0.0  # of the bar up and down from it; 0 or NaN for none


def pareto(points: Sequence[Point]) -> list[Point]:
    """The points that no other beats, cheapest first: none is as cheap and as high, and cheaper or higher."""
    kept = [p for p in points if not any(q.x <= p.x and q.y >= p.y and (q.x < p.x or q.y > p.y) for q in points)]
    return sorted(kept, key=lambda point: point.x)


def scatter(points: Sequence[Point], x_label: str, y_label: str, title: str) -> str:
    """An SVG of named dots, those on the Pareto line filled.

    The line has steps: between two points one can have the height of the cheaper one. A name that is too long loses its
    middle, and one for which there is no room is left out; each dot tells its own when pointed at.

    Args:
        points: finite numbers.
        x_label: the cost and its unit.
        y_label: what is to be high, and its unit.
        title: of the drawing, for those who cannot see it.

    Raises:
        OptionError: if there is no point or a number is not finite.
    """
    if not points or not all(isfinite(p.x) and isfinite(p.y) for p in points):
        raise OptionError("points must be one or more with finite x and y; leave the others out")
    height = max(340, 22 * len(points)) + TOP + BOTTOM
    xs = [point.x for point in points]
    log = min(xs) > 0 and max(xs) >= LOG_FROM * min(xs)
    across = axis(xs, LEFT, RIGHT, least=0.2, log=log)
    up = axis([p.y + sign * _bar(p) for p in points for sign in (-1, 1)], height - BOTTOM, TOP)
    best = pareto(points)
    description = (
        f"{counted(len(points), 'point')}; none is both lower in {x_label} and higher in {y_label} than "
        f"{', '.join(p.name for p in best)}."
    )
    drawing = Drawing(height, title, description)
    drawing.axis_below(across, TOP, height - BOTTOM, f"{x_label}, log scale" if log else x_label)
    drawing.axis_left(up, LEFT, RIGHT, y_label)
    steps = _steps([(across.at(p.x), up.at(p.y)) for p in best])
    drawing.line(steps, stroke_width=1.5, stroke_opacity=0.6, stroke_dasharray="5 3")
    bars = [_ends(point, across, up) for point in points if _bar(point)]
    for bar in bars:
        drawing.line(bar, ACCENT, stroke_width=1.5, stroke_opacity=0.7)
    taken = [_around(a, b) for a, b in [*pairwise(steps), *bars]]
    _name(
        drawing, points, [(across.at(p.x), up.at(p.y)) for p in points], Box(LEFT, TOP, RIGHT, height - BOTTOM), taken
    )
    for p in points:
        tip = f"{p.name}: {y_label} {p.y:.4g}, {x_label} {p.x:.4g}"
        drawing.dot((across.at(p.x), up.at(p.y)), ACCENT, p in best, tip)
    return drawing.finish()


def _name(
    drawing: Drawing, points: Sequence[Point], dots: list[tuple[float, float]], area: Box, taken: list[Box]
) -> None:
    """Names beside the dots, or a thin line away from them."""
    names = [fitted(printable(point.name), _ROOM, lambda text: text_width(text, LETTERS)) for point in points]
    places = place_labels(dots, [text_width(name, LETTERS) for name in names], LETTERS + 3, area, taken)
    for (x, _), name, place in zip(dots, names, places, strict=True):
        if place:
            after = place.box.left > x  # then it begins at the dot, else it ends there
            drawing.text(
                (place.box.left if after else place.box.right, (place.box.top + place.box.bottom) / 2),
                name,
                "start" if after else "end",
            )
            if place.leader:
                drawing.line(place.leader, stroke_opacity=0.4)


def _bar(point: Point) -> float:
    return point.spread if isfinite(point.spread) else 0.0


def _ends(point: Point, across: Axis, up: Axis) -> tuple[tuple[float, float], tuple[float, float]]:
    x = across.at(point.x)
    return (x, up.at(point.y - point.spread)), (x, up.at(point.y + point.spread))


def _steps(corners: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """From each place to the right, then up to the next."""
    path = corners[:1]
    for x, y in corners[1:]:
        path += [(x, path[-1][1]), (x, y)]
    return path


def _around(a: tuple[float, float], b: tuple[float, float]) -> Box:
    """The box of an upright or level line."""
    return Box(min(a[0], b[0]) - 1, min(a[1], b[1]) - 1, max(a[0], b[0]) + 1, max(a[1], b[1]) + 1)
