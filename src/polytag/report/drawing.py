"""Drawings for a page: SVG that needs neither script, style sheet nor network, and that reads on light and on dark.

Text and axes have the colour of the text around the drawing; the other colours stand out from white and from black.
"""

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from polytag._text import printable
from polytag.report.axes import Axis

ACCENT, UP, DOWN = "#3a82c4", "#1f8f5f", "#d0533a"
WIDTH = 680
LETTERS = 12  # pixels


class Drawing:
    """An ``svg`` element and what is put into it. Text of any origin may be given: it is escaped once, at the end.

    Args:
        height: in pixels; the width is ``WIDTH``.
        title: what it is, in a few words, for those who cannot see it.
        description: what it shows.
    """

    def __init__(self, height: float, title: str, description: str) -> None:
        self._root = Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {_short(height)}")
        self._root.attrib |= {"role": "img", "font-family": "system-ui, sans-serif", "font-size": str(LETTERS)}
        SubElement(self._root, "title").text = printable(title)
        SubElement(self._root, "desc").text = printable(description)

    def line(self, points: Sequence[tuple[float, float]], colour: str = "currentColor", **look: str | float) -> None:
        """A line through points, with attributes of SVG (``stroke_width=2``)."""
        path = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
        self._add("polyline", points=path, stroke=colour, fill="none", **look)

    def dot(self, place: tuple[float, float], colour: str, filled: bool, tip: str) -> None:
        """A full dot or a faint one with a rim, and what it says when pointed at."""
        opacity = 1 if filled else 0.2
        dot = self._add("circle", cx=place[0], cy=place[1], r=5, stroke=colour, fill=colour, fill_opacity=opacity)
        SubElement(dot, "title").text = printable(tip)

    def box(
        self, place: tuple[float, float], size: tuple[float, float], colour: str, tip: str = "", opacity: float = 1.0
    ) -> None:
        """A filled rectangle from its upper left corner, and what it says when pointed at."""
        (x, y), (width, height) = place, size
        box = self._add("rect", x=x, y=y, width=width, height=height, fill=colour, fill_opacity=opacity)
        if tip:
            SubElement(box, "title").text = printable(tip)

    def text(self, place: tuple[float, float], text: str, anchor: str = "start", **look: str | float) -> None:
        """A line of text, its middle at the height of ``place``."""
        x, y = place
        element = self._add("text", x=x, y=y + 0.35 * LETTERS, text_anchor=anchor, fill="currentColor", **look)
        element.text = printable(text)

    def axis_below(self, axis: Axis, top: float, bottom: float, label: str) -> None:
        """Ticks from left to right, a grid above them and the label below."""
        for tick in axis.ticks:
            self.line([(axis.at(tick), top), (axis.at(tick), bottom)], stroke_opacity=0.15)
            self.text((axis.at(tick), bottom + 14), axis.text(tick), "middle")
        self.text(((axis.start + axis.end) / 2, bottom + 34), label, "middle")

    def axis_left(self, axis: Axis, left: float, right: float, label: str) -> None:
        """Ticks from bottom to top, a grid beside them and the label above."""
        for tick in axis.ticks:
            self.line([(left, axis.at(tick)), (right, axis.at(tick))], stroke_opacity=0.15)
            self.text((left - 8, axis.at(tick)), axis.text(tick), "end")
        self.text((8, axis.end - 22), label)

    def finish(self) -> str:
        """The element as text, to be put into a page as it is."""
        return tostring(self._root, encoding="unicode")

    def _add(self, kind: str, **attributes: str | float) -> Element:
        named = {name.replace("_", "-"): v if isinstance(v, str) else _short(v) for name, v in attributes.items()}
        return SubElement(self._root, kind, named)


def _short(value: float) -> str:
    return f"{value:z.1f}".removesuffix(".0") if abs(value) >= 1 else f"{value:.2g}"
