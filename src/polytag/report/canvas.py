"""A page of pixels with text, boxes and photos on it."""

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from unicodedata import combining, normalize

from PIL import Image, ImageDraw, ImageFont

from polytag._text import printable
from polytag.errors import OptionError
from polytag.report.lettering import fitted

Colour = tuple[int, int, int]

PAGE, CARD, EDGE, MUTED, TEXT = (244, 245, 247), (255, 255, 255), (218, 221, 226), (160, 166, 175), (40, 44, 52)

# Pixels: around the page, between cards, inside a card, of round corners; letters.
MARGIN, GAP, PAD, RADIUS = 24, 16, 12, 8
LETTERS = 14
FINE = 2  # all but the photos is drawn so many times larger, then reduced: smooth edges


class Pen:
    """What text takes, in pixels of the page, and how it is made to fit.

    Args:
        path: a TrueType file. The built-in font knows ASCII only: "é" is written "e", other letters as their codes.

    Raises:
        OptionError: if the file is no font.
    """

    def __init__(self, path: Path | None) -> None:
        self._ascii = path is None
        try:
            self.font = ImageFont.truetype(path, FINE * LETTERS) if path else ImageFont.load_default(FINE * LETTERS)
        except OSError as error:
            raise OptionError(f"font must be a TrueType file, got {str(path)!r}; name another one or none") from error

    def spell(self, text: str) -> str:
        """The text in letters that can be drawn, on one line."""
        if not self._ascii:
            return printable(text)
        plain = "".join(letter for letter in normalize("NFKD", text) if not combining(letter))
        return printable(plain).encode("ascii", "backslashreplace").decode()

    def width(self, text: str) -> int:
        """What a line takes."""
        return ceil(self.font.getlength(text) / FINE)

    def fit(self, text: str, room: int) -> str:
        """The text, spelled, with its middle left out where it is too long: both ends of a file name tell."""
        return fitted(self.spell(text), room, self.width)


class Canvas:
    """The page at ``FINE`` times its size; photos are pasted once it has been reduced.

    Args:
        size: width and height in pixels.
        pen: for text.
    """

    def __init__(self, size: tuple[int, int], pen: Pen) -> None:
        self._page = Image.new("RGB", (FINE * size[0], FINE * size[1]), PAGE)
        self._draw = ImageDraw.Draw(self._page)
        self._pen = pen
        self._photos: list[tuple[Image.Image, tuple[int, int]]] = []

    def box(self, corner: tuple[int, int], size: tuple[int, int], fill: Colour, edge: Colour) -> None:
        """A box with round corners."""
        (left, top), (width, height) = corner, size
        box = (FINE * left, FINE * top, FINE * (left + width) - 1, FINE * (top + height) - 1)
        self._draw.rounded_rectangle(box, FINE * RADIUS, fill, edge, FINE)

    def line(self, points: Sequence[tuple[float, float]], ink: Colour) -> None:
        """Strokes through points."""
        self._draw.line([(FINE * x, FINE * y) for x, y in points], ink, round(1.5 * FINE), joint="curve")

    def text(self, left_middle: tuple[int, int], text: str, ink: Colour) -> None:
        """A line of text, spelled before, from its left end at half of its height."""
        left, middle = left_middle
        self._draw.text((FINE * left, FINE * middle), text, ink, self._pen.font, anchor="lm")

    def photo(self, corner: tuple[int, int], image: Image.Image) -> None:
        """A photo with round corners, in its own pixels."""
        self._photos.append((image, corner))

    def finish(self) -> Image.Image:
        """The page with its photos."""
        sheet = self._page.reduce(FINE)
        for photo, corner in self._photos:
            mask = Image.new("L", (FINE * photo.width, FINE * photo.height))
            far = (mask.width - 1, mask.height - 1)
            ImageDraw.Draw(mask).rounded_rectangle((0, 0, *far), FINE * RADIUS // 2, fill=255)
            sheet.paste(photo, corner, mask.reduce(FINE))
        return sheet
