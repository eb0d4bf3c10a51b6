"""A sheet of thumbnails with the tags of each below it: right, wrong and missed told apart by mark and by colour."""

from collections.abc import Collection, Mapping, Sequence, Sized
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from polytag._checks import check_number
from polytag.errors import OptionError
from polytag.report.canvas import CARD, EDGE, GAP, MARGIN, MUTED, PAD, TEXT, Canvas, Colour, Pen

State = Literal["right", "wrong", "missed", "unchecked", "more"]

# Fill and ink of a tag. The mark in front of it says the same, so nothing rests on telling green from red.
PAINTS: dict[State, tuple[Colour, Colour]] = {
    "right": ((212, 240, 225), (0, 92, 62)),
    "wrong": ((252, 219, 211), (168, 36, 12)),
    "missed": ((255, 255, 255), (105, 111, 120)),
    "unchecked": ((221, 232, 247), (32, 72, 128)),
    "more": ((255, 255, 255), (105, 111, 120)),
}
# The strokes of each mark, about its middle.
MARKS: dict[State, list[list[tuple[float, float]]]] = {
    "right": [[(-4, 0), (-1.5, 3), (4, -3.5)]],
    "wrong": [[(-3, -3), (3, 3)], [(-3, 3), (3, -3)]],
    "missed": [[(-4, 0), (4, 0)]],
    "unchecked": [[(0, -4), (4, 0), (0, 4), (-4, 0), (0, -4)]],
    "more": [],
}
# Pixels: heights; room for a mark before letters, and after them.
LEGEND_HEIGHT, NAME_HEIGHT, TAG_HEIGHT, TAG_GAP = 40, 32, 24, 6
LINE_HEIGHT = TAG_HEIGHT + TAG_GAP
MARK, TAG_END = 20, 8
MOST_LINES = 4  # of tags below a photo


class _Tag(NamedTuple):
    text: str
    state: State


class _Card(NamedTuple):
    image: Image.Image  # square
    name: str
    lines: list[list[_Tag]]


def contact_sheet(
    images: Sequence[NDArray[np.uint8]],
    names: Sequence[str],
    predicted: Sequence[Mapping[str, float] | Sequence[tuple[str, float]]],
    truth: Sequence[Collection[str]] | None = None,
    unknown: Sequence[Collection[str]] | None = None,
    columns: int = 4,
    width: int = 1200,
    font: Path | None = None,
) -> Image.Image:
    """Draw photos in a grid, each with its tags: the best score first, then those that were missed.

    Args:
        images: ``(height, width, 3)`` of uint8 each, of any size.
        names: what stands below each photo.
        predicted: the tags given to each photo, with their scores in ``[0, 1]``.
        truth: the labels that are present on each photo; without them no tag is called right or wrong.
        unknown: the labels of each photo that nobody checked; given as tags they are neither right nor wrong.
        columns: photos in a row, 1 to 12.
        width: of the sheet in pixels, at least 150 for each column.
        font: a TrueType file. The built-in one knows ASCII only: "é" is written "e", other letters as their codes.

    Returns:
        RGB, ``width`` wide, as high as its rows need.

    Raises:
        OptionError: if there is no photo, one has a wrong shape, lengths differ, a number is out of its range, or the
            font cannot be read.
    """
    check_number("columns", columns, 1, 12)
    check_number("width", width, 150 * columns, 10_000)
    _check_photos(images, {"names": names, "predicted": predicted, "truth": truth, "unknown": unknown})
    step = (width - 2 * MARGIN + GAP) // columns  # from a card to the next one
    side = step - GAP - 2 * PAD  # of a thumbnail, and the room for tags
    pen = Pen(font)
    cards = []
    for number, (image, name, scores) in enumerate(zip(images, names, predicted, strict=True)):
        present = None if truth is None else set(truth[number])
        tags = _judge(dict(scores), present, set() if unknown is None else set(unknown[number]))
        square = ImageOps.pad(Image.fromarray(image), (side, side), color=EDGE)
        cards.append(_Card(square, pen.fit(name, side), _wrap(pen, tags, side)))
    rows = [cards[start : start + columns] for start in range(0, len(cards), columns)]
    heights = [2 * PAD + side + NAME_HEIGHT + LINE_HEIGHT * max(len(card.lines) for card in row) for row in rows]
    top = MARGIN + (0 if truth is None else LEGEND_HEIGHT)
    canvas = Canvas((width, top + sum(heights) + GAP * (len(rows) - 1) + MARGIN), pen)
    if truth is not None:
        states: tuple[State, ...] = ("right", "wrong", "missed", "unchecked")
        _draw_tags(
            canvas, pen, (MARGIN, MARGIN), [_Tag(state, state) for state in states[: 3 if unknown is None else 4]]
        )
    for row, height in zip(rows, heights, strict=True):
        for column, card in enumerate(row):
            _draw_card(canvas, pen, (MARGIN + column * step, top), (step - GAP, height), card)
        top += height + GAP
    return canvas.finish()


def _check_photos(images: Sequence[NDArray[np.uint8]], others: Mapping[str, Sized | None]) -> None:
    if not len(images):
        raise OptionError("images must hold at least one photo, got none")
    for number, image in enumerate(images):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            came = f"{image.shape} of {image.dtype} at position {number}"
            raise OptionError(f"images must be (height, width, 3) arrays of uint8, got {came}")
    for name, values in others.items():
        if values is not None and len(values) != len(images):
            raise OptionError(f"{name} must have one entry for each of the {len(images)} photos, got {len(values)}")


def _judge(scores: dict[str, float], present: set[str] | None, unknown: set[str]) -> list[_Tag]:
    """The tags that were given, best first, then the missed ones by name."""

    def state(label: str) -> State:
        if present is None or label in unknown:
            return "unchecked"
        return "right" if label in present else "wrong"

    best_first = sorted(scores, key=lambda label: (-scores[label], label))
    given = [_Tag(f"{label}  {scores[label]:.2f}", state(label)) for label in best_first]
    return given + [_Tag(label, "missed") for label in sorted((present or set()) - set(scores))]


def _tag_width(pen: Pen, tag: _Tag) -> int:
    return MARK + pen.width(tag.text) + TAG_END


def _wrap(pen: Pen, tags: list[_Tag], room: int) -> list[list[_Tag]]:
    """Lines of tags, ``MOST_LINES`` at most, the last one saying how many were left out."""
    if not tags:
        return [[_Tag("no tags", "more")]]
    fitted = [_Tag(pen.fit(tag.text, room - MARK - TAG_END), tag.state) for tag in tags]
    lines = _flow(pen, fitted, room)
    kept = sum(map(len, lines[:MOST_LINES]))
    while len(lines) > MOST_LINES:
        lines = _flow(pen, [*fitted[:kept], _Tag(f"+{len(tags) - kept} more", "more")], room)
        kept -= 1
    return lines


def _flow(pen: Pen, tags: list[_Tag], room: int) -> list[list[_Tag]]:
    lines: list[list[_Tag]] = []
    left = 0
    for tag in tags:
        taken = _tag_width(pen, tag) + TAG_GAP
        if not lines or taken > left + TAG_GAP:
            lines.append([])
            left = room
        lines[-1].append(tag)
        left -= taken
    return lines


def _draw_card(canvas: Canvas, pen: Pen, corner: tuple[int, int], size: tuple[int, int], card: _Card) -> None:
    left, top = corner
    canvas.box(corner, size, CARD, EDGE)
    canvas.photo((left + PAD, top + PAD), card.image)
    top += PAD + card.image.height
    canvas.text((left + PAD, top + NAME_HEIGHT // 2), card.name, TEXT)
    for number, line in enumerate(card.lines):
        _draw_tags(canvas, pen, (left + PAD, top + NAME_HEIGHT + number * LINE_HEIGHT), line)


def _draw_tags(canvas: Canvas, pen: Pen, corner: tuple[int, int], tags: Sequence[_Tag]) -> None:
    """One line of tags, from its upper left corner."""
    left, top = corner
    middle = top + TAG_HEIGHT // 2
    for tag in tags:
        fill, ink = PAINTS[tag.state]
        width = _tag_width(pen, tag)
        canvas.box((left, top), (width, TAG_HEIGHT), fill, MUTED if tag.state == "missed" else fill)
        for stroke in MARKS[tag.state]:
            canvas.line([(left + MARK // 2 + x, middle + y) for x, y in stroke], ink)
        canvas.text((left + MARK, middle), tag.text, ink)
        left += width + TAG_GAP
