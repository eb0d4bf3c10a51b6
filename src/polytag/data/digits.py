"""The set that needs no download: scenes of real handwritten digits, labelled with the digits that are in them."""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from polytag._checks import check_number
from polytag._random import generator
from polytag.data.labelled_set import SPLITS, ImageArrays, Images, LabelledSet
from polytag.errors import DataError
from polytag.labels import ABSENT, PRESENT, Labels

CLASSES = tuple("0123456789")
SHARES = (0.7, 0.1, 0.2)  # of the handwritten digits, for each of SPLITS

# How many digits a scene has: the chance of 0, 1, ... 5.
DIGITS_IN_SCENE = (0.07, 0.16, 0.29, 0.26, 0.14, 0.08)
# Each digit's weight in a draw, and what that is multiplied with once another digit is in the scene. Friends pull each
# other up, so the weights are not the frequencies: "0" ends up in half of the scenes, "9" in one of thirteen.
WEIGHTS = (200.0, 164.0, 46.0, 46.0, 26.0, 19.0, 12.0, 21.0, 12.0, 9.0)
TOGETHER, TOGETHER_FACTOR = ((2, 6), (4, 5), (8, 9)), 8.0
APART, APART_FACTOR = ((0, 1), (3, 7)), 0.05
TWICE_FACTOR = 0.2

# Lengths are shares of the scene's side, colours are out of 255. Digits and fragments take different cells of a grid.
GRID = 3
SIDES, SHIFT, TURN = (0.23, 0.36), 0.06, np.deg2rad(15)
PAPER, STROKE, INK, NOISE = (0, 100), (50, 150), (130, 256), 16
MOST_FRAGMENTS, MOST_STROKES = 4, 3

BASELINE_SIDE, BASELINE_C = 32, 1e-3

Glyph = Image.Image  # a handwritten digit, white on black: 8 x 8 and an empty margin of 2
Glyphs = tuple[list[Glyph], ...]  # those of each digit


def scenes(seed: int = 0, train: int = 5000, val: int = 500, test: int = 1000, size: int = 64) -> LabelledSet:
    """Small colour scenes of 0 to 5 handwritten digits; the labels are the digits that are in them.

    A scene depends on the seed, its split and its number within the split alone. Label frequencies fall from "0" to
    "9", some digits come together far more often than chance, some avoid each other, and a digit may be there twice.
    In the way are fragments of digits, strokes, uneven paper and noise.

    Args:
        seed: ``>= 0``.
        train: scenes of the training split, 1 to 100000.
        val: scenes of the validation split, 0 to 100000.
        test: scenes of the test split, 0 to 100000.
        size: height and width in pixels, 32 to 512.

    Returns:
        The scenes with their splits. No handwritten digit is in two splits.

    Raises:
        OptionError: if a number is out of its range.
    """
    check_number("seed", seed, 0, 2**63 - 1)
    for name, count, least in (("train", train, 1), ("val", val, 0), ("test", test, 0)):
        check_number(name, count, least, 100_000)
    check_number("size", size, 32, 512)
    images = np.empty((train + val + test, size, size, 3), dtype=np.uint8)
    split = np.repeat(np.arange(len(SPLITS), dtype=np.int8), (train, val, test))
    starts, glyphs, present = (0, train, train + val), _glyphs(seed), []
    for row, part in enumerate(split.tolist()):
        random = generator(seed, part, row - starts[part])
        digits = draw_digits(random)
        images[row] = _compose(random, digits, glyphs[part], size)
        present.append([CLASSES[digit] for digit in digits])
    names = [f"scene-{row:05d}" for row in range(len(images))]
    notes = ("the scenes are composed from the handwritten digits of scikit-learn, split before they were composed",)
    return LabelledSet(ImageArrays(images, names), Labels.from_names(present, CLASSES), split, notes=notes)


def draw_digits(random: np.random.Generator) -> list[int]:
    """The digits of one scene, 0 to 5 of them, in the order drawn; one may come twice."""
    weights, digits = np.array(WEIGHTS), []
    for _ in range(_draw(random, np.array(DIGITS_IN_SCENE))):
        digits.append(_draw(random, weights))
        weights *= _factors()[digits[-1]]
    return digits


def sources(seed: int) -> tuple[NDArray[np.int64], ...]:
    """The rows of ``sklearn.datasets.load_digits`` that the scenes of each of ``SPLITS`` are composed from."""
    order = generator(seed).permutation(len(load_digits(return_X_y=True)[1]))
    ends = np.rint(np.cumsum(SHARES[:-1]) * len(order)).astype(np.int64)
    return tuple(np.split(order, ends))


def pixel_baseline(train: LabelledSet, test: LabelledSet) -> NDArray[np.float64]:
    """Scores of a logistic regression on 32 x 32 grey pixels, one for each class: what a model has to beat.

    Args:
        train: what to fit; unknown labels are left out.
        test: what to score; the classes of ``train``.

    Returns:
        Logits, ``(items of test, classes)``.

    Raises:
        DataError: if a class is not both present and absent in ``train``.
    """
    scaler = StandardScaler()
    seen, unseen = scaler.fit_transform(_thumbnails(train.images)), scaler.transform(_thumbnails(test.images))
    targets = train.labels.dense()
    scores = np.empty((len(test), len(train.classes)))
    for column, name in enumerate(train.classes):
        known = targets[:, column] >= ABSENT
        if not {ABSENT, PRESENT} <= set(targets[:, column].tolist()):
            raise DataError(f"the class {name!r} must be present in some training photos and absent from others")
        model = LogisticRegression(C=BASELINE_C, max_iter=1000).fit(seen[known], targets[known, column])
        scores[:, column] = model.decision_function(unseen)
    return scores


def _thumbnails(images: Images) -> NDArray[np.float32]:
    """``(items, 32 * 32)``, grey."""
    side = (BASELINE_SIDE, BASELINE_SIDE)
    grey = (Image.fromarray(images.load(number)).convert("L") for number in range(len(images)))
    return np.stack([np.asarray(image.resize(side, Image.Resampling.BOX), np.float32).ravel() for image in grey])


@cache
def _glyphs(seed: int) -> tuple[Glyphs, ...]:
    """The handwritten digits of each split."""
    strengths, digits = load_digits(return_X_y=True)  # (1797, 64) in 0 ... 16, (1797,)
    padded = np.pad(strengths.reshape(-1, 8, 8) * (255 / 16), ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    return tuple(
        tuple([Image.fromarray(padded[row]) for row in rows if digits[row] == digit] for digit in range(len(CLASSES)))
        for rows in sources(seed)
    )


@cache
def _factors() -> NDArray[np.float64]:
    """What a digit in the scene (row) does to the weight of another (column), ``(10, 10)``."""
    factors = np.ones((len(CLASSES), len(CLASSES)))
    np.fill_diagonal(factors, TWICE_FACTOR)
    for pairs, factor in ((TOGETHER, TOGETHER_FACTOR), (APART, APART_FACTOR)):
        for one, other in pairs:
            factors[one, other] = factors[other, one] = factor
    return factors


def _draw(random: np.random.Generator, weights: NDArray[np.float64]) -> int:
    """A position, by weight."""
    ends = weights.cumsum()
    return int(ends.searchsorted(random.random() * ends[-1], side="right"))


def _compose(random: np.random.Generator, digits: list[int], glyphs: Glyphs, size: int) -> NDArray[np.uint8]:
    """One scene, ``(size, size, 3)``."""
    corners = random.integers(*PAPER, (2, 2, 3), dtype=np.uint8)
    scene = Image.fromarray(corners).resize((size, size), Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(scene)
    for _ in range(random.integers(MOST_STROKES + 1)):
        ends = (1.4 * random.random(4) - 0.2) * size
        pen.line(ends.tolist(), tuple(random.integers(*STROKE, 3).tolist()))
    shapes = [_pick(random, glyphs[digit]) for digit in digits]
    shapes += [_fragment(random, glyphs) for _ in range(random.integers(MOST_FRAGMENTS + 1))]
    _stamp(random, scene, shapes)
    noise = random.integers(-NOISE, NOISE + 1, (size, size, 1), dtype=np.int16)
    return (np.asarray(scene) + noise).clip(0, 255).astype(np.uint8)


def _pick(random: np.random.Generator, glyphs: list[Glyph]) -> Glyph:
    return glyphs[random.integers(len(glyphs))]


def _fragment(random: np.random.Generator, glyphs: Glyphs) -> Glyph:
    """A quarter of a digit, which is none."""
    whole = _pick(random, glyphs[random.integers(len(glyphs))])
    half = whole.width // 2
    left, top = (half * random.integers(2, size=2)).tolist()
    return whole.crop((left, top, left + half, top + half))


def _stamp(random: np.random.Generator, scene: Image.Image, shapes: list[Glyph]) -> None:
    """Paste each shape, turned, scaled and coloured, somewhere near the middle of a cell of its own."""
    chosen = random.permutation(GRID**2)[: len(shapes)]
    cells = np.stack([chosen % GRID, chosen // GRID], axis=1)
    shifts = SHIFT * (2 * random.random(cells.shape) - 1)
    middles = scene.width * ((cells + 0.5) / GRID + shifts)  # (shapes, 2)
    sides = scene.width * (SIDES[0] + (SIDES[1] - SIDES[0]) * random.random(len(shapes)))
    angles = TURN * (2 * random.random(len(shapes)) - 1)
    shrink = 8 / sides  # pixels of the glyph for one of the scene
    places = np.column_stack([middles, shrink * np.cos(angles), shrink * np.sin(angles), 1.4 / shrink]).tolist()
    inks = random.integers(*INK, (len(shapes), 3)).tolist()
    for shape, (x, y, cos, sin, reach), ink in zip(shapes, places, inks, strict=True):
        side = int(reach * shape.width)  # of a patch that holds the shape at any turn
        middle, centre = side / 2, shape.width / 2
        # From a pixel of the patch to one of the glyph, middle to middle.
        affine = (cos, sin, centre - (cos + sin) * middle, -sin, cos, centre - (cos - sin) * middle)
        patch = shape.transform((side, side), Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC)
        scene.paste(tuple(ink), (int(x - middle), int(y - middle)), patch)
