"""Photos and their labels mixed in pairs."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from polytag._checks import check_number
from polytag.data.augment.base import Example, Mix


class Unmixed(Mix):
    """Every photo by itself."""

    def __call__(self, one: Example, other: Callable[[], Example], random: np.random.Generator) -> Example:
        """The first photo."""
        return one


class Mixup(Mix):
    """Two photos shine through each other, and their labels count by their shares.

    Args:
        alpha: of the Beta distribution that shares are drawn from, ``> 0``: 1 for all alike, less for nearly one photo.
        probability: with which a photo is mixed at all, in ``[0, 1]``.
    """

    def __init__(self, alpha: float = 0.4, probability: float = 1.0) -> None:
        _check(alpha, probability)
        self.alpha, self.probability = alpha, probability

    def __call__(self, one: Example, other: Callable[[], Example], random: np.random.Generator) -> Example:
        """The mixture."""
        if random.random() >= self.probability:
            return one
        share = float(random.beta(self.alpha, self.alpha))
        second = other()
        pixels = share * one.pixels.astype(np.float32) + (1 - share) * second.pixels
        return Example(np.rint(pixels).astype(np.uint8), mixed(one.targets, second.targets, share))


class CutMix(Mix):
    """A rectangle of one photo on the other, and their labels count by their areas.

    Args:
        alpha: of the Beta distribution that areas are drawn from, ``> 0``: 1 for all alike, less for nearly one photo.
        probability: with which a photo is mixed at all, in ``[0, 1]``.
    """

    def __init__(self, alpha: float = 1.0, probability: float = 1.0) -> None:
        _check(alpha, probability)
        self.alpha, self.probability = alpha, probability

    def __call__(self, one: Example, other: Callable[[], Example], random: np.random.Generator) -> Example:
        """The mixture."""
        if random.random() >= self.probability:
            return one
        height, width = one.pixels.shape[:2]
        side = np.sqrt(1 - random.beta(self.alpha, self.alpha))
        middle = random.random(2) * (height, width)
        half = side * np.array([height, width]) / 2
        (top, left), (bottom, right) = (
            np.clip(np.rint(middle + d), 0, (height, width)).astype(int) for d in (-half, half)
        )
        second, pixels = other(), one.pixels.copy()
        pixels[top:bottom, left:right] = second.pixels[top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / (height * width)
        return Example(pixels, mixed(one.targets, second.targets, share))


def mixed(one: NDArray[np.float32], other: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Labels ``(classes,)`` of a mixture; a label that is unknown (-1) on a photo with a part in it is unknown."""
    unknown = ((one < 0) & (share > 0)) | ((other < 0) & (share < 1))
    both = share * one + (1 - share) * other
    return np.where(unknown, -1, both).astype(np.float32)


def _check(alpha: float, probability: float) -> None:
    check_number("alpha", alpha, 0.01, 100.0)
    check_number("probability", probability, 0.0, 1.0)
