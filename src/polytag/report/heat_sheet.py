"""A sheet of photos with heat laid over them: where each label is seen, with a legend."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from polytag._checks import check_number
from polytag.errors import OptionError
from polytag.explain.explainer import Explanation, Heat
from polytag.report.canvas import CARD, EDGE, GAP, MARGIN, PAD, TEXT, Canvas, Pen

# From cold to hot, growing lighter all the way, so that it also reads in grey and to the colour-blind.
COLOURS = np.array([(0, 0, 4), (66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164)], float)
COVER = 0.6  # of the photo by the heat
LEGEND_HEIGHT, LINE, BAR = 66, 22, (160, 14)
BAR_STEP, BAR_FILL = 26, (252, 205, 120)
WAYS = {
    "maps": "what each place says of the label, in logits",
    "attention": "share of attention",
    "gradcam": "Grad-CAM",
}


def overlay(photo: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A photo with heat over it, the coldest place dark and the hottest light.

    Args:
        photo: ``(height, width, 3)``.
        heat: ``(h, w)``, any range; it covers the whole photo. Where it is the same everywhere, it is cold.

    Returns:
        ``(height, width, 3)``.
    """
    spread = float(heat.max() - heat.min())
    levels = (heat - heat.min()) / spread if spread > 0 else np.zeros_like(heat)
    size = (photo.shape[1], photo.shape[0])
    smooth = np.asarray(Image.fromarray(levels.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
    blended = (1 - COVER) * photo + COVER * coloured(smooth)
    return np.asarray(blended.round().clip(0, 255), np.uint8)


def coloured(levels: NDArray[np.floating]) -> NDArray[np.float64]:
    """Levels in ``[0, 1]`` as colours: ``(...)`` to ``(..., 3)`` in ``[0, 255]``."""
    stops = np.linspace(0, 1, len(COLOURS))
    return np.stack([np.interp(levels, stops, COLOURS[:, channel]) for channel in range(3)], axis=-1)


def heat_sheet(
    explanations: Sequence[Explanation],
    way: str,
    columns: int = 4,
    width: int = 1200,
    font: Path | None = None,
) -> Image.Image:
    """Draw each photo, and beside it what each of its heat maps covers.

    Args:
        explanations: photos with heat maps, at least one.
        way: how the maps were made, a key of :data:`polytag.explain.WAYS`; the legend says what it means.
        columns: pictures in a row, 2 to 12; a photo begins a row of its own.
        width: of the sheet in pixels, at least 150 for each column.
        font: a TrueType file. The built-in one knows ASCII only.

    Returns:
        RGB, ``width`` wide, as high as its rows need.

    Raises:
        OptionError: if there is no photo, a number is out of its range, or the font cannot be read.
    """
    if not explanations:
        raise OptionError("explanations must hold at least one photo, got none")
    pen = Pen(font)
    maps = [len(explanation.heats) + bool(explanation.attention) for explanation in explanations]
    canvas = Canvas((width, sheet_height(maps, columns, width)), pen)
    _legend(canvas, pen, way, width)
    step, side = _sizes(columns, width)
    top = MARGIN + LEGEND_HEIGHT
    for explanation, number in zip(explanations, maps, strict=True):
        for place, (picture, lines) in enumerate(_cells(explanation, pen, side)):
            row, column = divmod(place - 1, columns - 1) if place else (0, -1)  # the first column is the photo's
            corner = (MARGIN + (column + 1) * step, top + row * _row_height(side))
            canvas.box(corner, (step - GAP, _row_height(side) - GAP), CARD, EDGE)
            square = ImageOps.pad(Image.fromarray(picture), (side, side), color=EDGE)
            canvas.photo((corner[0] + PAD, corner[1] + PAD), square)
            for line, text in enumerate(lines):
                middle = corner[1] + PAD + side + LINE // 2 + 4 + line * LINE
                canvas.text((corner[0] + PAD, middle), pen.fit(text, side), TEXT)
        top += _rows(number, columns) * _row_height(side)
    return canvas.finish()


def sheet_height(maps: Sequence[int], columns: int = 4, width: int = 1200) -> int:
    """How high a sheet becomes, in pixels.

    Args:
        maps: how many pictures there are beside each photo.
        columns: see :func:`heat_sheet`.
        width: see there.

    Raises:
        OptionError: if a number is out of its range.
    """
    check_number("columns", columns, 2, 12)
    check_number("width", width, 150 * columns, 10_000)
    rows = sum(_rows(number, columns) for number in maps)
    return MARGIN + LEGEND_HEIGHT + rows * _row_height(_sizes(columns, width)[1]) - GAP + MARGIN


def _sizes(columns: int, width: int) -> tuple[int, int]:
    """From a picture to the next one, and a side of a picture."""
    step = (width - 2 * MARGIN + GAP) // columns
    return step, step - GAP - 2 * PAD


def _rows(maps: int, columns: int) -> int:
    return max(ceil(maps / (columns - 1)), 1)


def _row_height(side: int) -> int:
    return 2 * PAD + side + 2 * LINE + GAP


_Cell = tuple[NDArray[np.uint8], tuple[str, ...]]  # a picture, and what stands below it


def _cells(explanation: Explanation, pen: Pen, side: int) -> Iterator[_Cell]:
    """The photo, and what was found on it."""
    photo = _fitted(explanation.photo, side)
    yield photo, (PurePath(explanation.filename).name,)
    for heat in explanation.heats:
        yield overlay(photo, heat.map), _caption(heat)
    if explanation.attention:
        drawn = [heat.label for heat in explanation.heats]
        bars = _bars(explanation.attention, drawn, pen, side)
        yield bars, ("attention between labels", "those drawn, then the highest")


def _fitted(photo: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """As large as it can be in a square."""
    scale = side / max(photo.shape[:2])
    size = (max(round(scale * photo.shape[1]), 1), max(round(scale * photo.shape[0]), 1))
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BICUBIC))


def _caption(heat: Heat) -> tuple[str, str]:
    return f"{heat.label}  {heat.score:.2f}", f"from {heat.map.min():.3g} to {heat.map.max():.3g}"


def _bars(values: Mapping[str, float], first: Sequence[str], pen: Pen, side: int) -> NDArray[np.uint8]:
    """The first labels' values and the highest others as bars, each with its label on it: ``(side, side, 3)``."""
    canvas = Canvas((side, side), pen)
    best = sorted(values, key=lambda label: (label not in first, -values[label], label))
    for number, label in enumerate(best[: side // BAR_STEP]):
        top = number * BAR_STEP
        canvas.box((0, top), (max(round(values[label] * side), 1), BAR_STEP - 4), BAR_FILL, BAR_FILL)
        canvas.text((8, top + BAR_STEP // 2 - 2), pen.fit(f"{label}  {values[label]:.2f}", side - 16), TEXT)
    return np.asarray(canvas.finish())


def _legend(canvas: Canvas, pen: Pen, way: str, width: int) -> None:
    levels = np.linspace(0, 1, BAR[0])[None].repeat(BAR[1], axis=0)
    middle = MARGIN + BAR[1] // 2
    words = pen.spell("lowest")
    canvas.text((MARGIN, middle), words, TEXT)
    left = MARGIN + pen.width(words) + 8
    canvas.photo((left, MARGIN), Image.fromarray(coloured(levels).astype(np.uint8)))
    canvas.text((left + BAR[0] + 8, middle), pen.spell("highest place of each picture"), TEXT)
    what = f"{WAYS.get(way, way)}; behind a label, its probability"
    canvas.text((MARGIN, middle + LINE), pen.fit(what, width - 2 * MARGIN), TEXT)
