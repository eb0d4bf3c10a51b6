"""How much room letters take where no font can be asked, and text made to fit."""

from bisect import bisect_right
from collections.abc import Callable
from unicodedata import combining, east_asian_width

_WIDE = frozenset("mwMW@%&…—")


def text_width(text: str, size: float) -> float:
    """What a line takes in a sans-serif font, in the unit of ``size``; rather too much than too little."""
    return size * sum(map(_em, text))


def fitted(text: str, room: float, width: Callable[[str], float] = len) -> str:
    """The text, its middle left out where it is wider than ``room``: both ends of a name tell."""
    if width(text) <= room:
        return text
    fitting = bisect_right(range(len(text)), room, key=lambda kept: width(_ends(text, kept)))
    return _ends(text, max(fitting - 1, 0))


def _em(letter: str) -> float:
    if combining(letter):
        return 0.0
    if east_asian_width(letter) in "WF":
        return 1.1
    return 0.95 if letter in _WIDE else 0.72 if letter.isupper() else 0.58


def _ends(text: str, kept: int) -> str:
    tail = kept // 2
    return f"{text[: kept - tail]}…{text[len(text) - tail :]}"
