"""Which part of a photo a model is shown."""

import math
from collections.abc import Callable, Iterator

import numpy as np

from polytag._checks import check_number
from polytag.data.augment.base import Box, Crop, Pixels
from polytag.errors import OptionError

Resize = Callable[[Pixels, Box | None], Pixels]

TRIES = 10  # draws of a rectangle that must suit; the whole photo where none does
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


class Whole(Crop):
    """All of the photo, as in evaluation."""

    enlarges = False

    def __call__(self, image: Pixels, aspect: float, resize: Resize, random: np.random.Generator) -> Pixels:
        """The photo, resized."""
        return resize(image, None)


class Sides(Crop):
    """A rectangle anywhere, its height and width drawn apart.

    Args:
        smallest: share of each side, in ``[0.05, 1]``, that the rectangle keeps at least.
        stretch: times that the rectangle may be longer than wide, ``>= 1``, if the photo allows; 0 for no limit.
    """

    def __init__(self, smallest: float = 0.8, stretch: float = 0.0) -> None:
        check_number("smallest", smallest, 0.05, 1.0)
        if stretch:
            check_number("stretch", stretch, 1.0, 1000.0)
        self.smallest, self.stretch = smallest, stretch

    def __call__(self, image: Pixels, aspect: float, resize: Resize, random: np.random.Generator) -> Pixels:
        """The part that was cut out."""
        widest = math.log(self.stretch) if self.stretch else math.inf
        for _ in range(TRIES):
            width, height = random.uniform(self.smallest, 1.0, 2)
            if abs(math.log(aspect * width / height)) <= widest:
                return resize(image, _anywhere(width, height, random))
        return resize(image, None)


class Resized(Crop):
    """A rectangle anywhere, drawn by its area and its shape: Inception's crop.

    Args:
        smallest: share of the area, in ``[0.01, 1]``, that the rectangle keeps at least.
        stretch: times that the rectangle is longer than wide at most, ``>= 1``.
    """

    def __init__(self, smallest: float = 0.25, stretch: float = 4 / 3) -> None:
        check_number("smallest", smallest, 0.01, 1.0)
        check_number("stretch", stretch, 1.0, 1000.0)
        self.smallest, self.stretch = smallest, stretch

    def __call__(self, image: Pixels, aspect: float, resize: Resize, random: np.random.Generator) -> Pixels:
        """The part that was cut out."""
        for _ in range(TRIES):
            area = random.uniform(self.smallest, 1.0)
            shape = math.exp(random.uniform(-1.0, 1.0) * math.log(self.stretch))  # width over height, in pixels
            width, height = math.sqrt(area * shape / aspect), math.sqrt(area * aspect / shape)  # shares of the sides
            if width <= 1 and height <= 1:
                return resize(image, _anywhere(width, height, random))
        return resize(image, None)


class MultiScale(Crop):
    """A nearly square part in one of 13 places, its sides shares of the photo's shorter side: ML-GCN's crop.

    Args:
        sides: the shares, in ``(0, 1]``, from the largest to the smallest.
        distort: places in that list by which height and width may lie apart.
    """

    def __init__(self, sides: tuple[float, ...] = (1.0, 0.875, 0.75, 0.66, 0.5), distort: int = 2) -> None:
        if not sides:
            raise OptionError("sides must have at least one share, got none")
        for side in sides:
            check_number("each of sides", side, 0.05, 1.0)
        check_number("distort", distort, 0, 100)
        shares = list(enumerate(sides))
        self.shapes = [(width, height) for i, width in shares for j, height in shares if abs(i - j) <= distort]

    def __call__(self, image: Pixels, aspect: float, resize: Resize, random: np.random.Generator) -> Pixels:
        """The part that was cut out."""
        width, height = self.shapes[random.integers(len(self.shapes))]
        width, height = width * min(1.0, 1 / aspect), height * min(1.0, aspect)  # shares of the photo's own sides
        across, down = PLACES[random.integers(len(PLACES))]
        left, top = (1 - width) * across / 4, (1 - height) * down / 4
        return resize(image, (left, top, left + width, top + height))


def _places() -> Iterator[tuple[int, int]]:
    """Quarters of the room to the right and below: corners, middle, middles of the edges, middles of the quarters."""
    for across in range(5):
        for down in range(5):
            if across % 2 == down % 2:
                yield across, down


PLACES = list(_places())


class Shift(Crop):
    """All of the photo, moved by some pixels, black where it came from: padded and cropped.

    Args:
        pixels: the most, ``>= 0``, in each direction.
    """

    enlarges = False

    def __init__(self, pixels: int = 10) -> None:
        check_number("pixels", pixels, 0, 8192)
        self.pixels = pixels

    def __call__(self, image: Pixels, aspect: float, resize: Resize, random: np.random.Generator) -> Pixels:
        """The photo, resized and moved."""
        whole = resize(image, None)
        height, width = whole.shape[:2]
        down, right = random.integers(0, 2 * self.pixels + 1, 2)
        padded = np.pad(whole, ((self.pixels, self.pixels), (self.pixels, self.pixels), (0, 0)))
        return padded[down : down + height, right : right + width].copy()


def _anywhere(width: float, height: float, random: np.random.Generator) -> Box:
    left, top = (1 - width) * random.random(), (1 - height) * random.random()
    return left, top, left + width, top + height
