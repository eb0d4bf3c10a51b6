"""Photos turned by quarters."""

import numpy as np

from polytag._checks import check_number
from polytag.data.augment.base import Augmentation, Pixels
from polytag.errors import OptionError


def check_square(option: str, size: tuple[int, ...]) -> None:
    """Raise :class:`OptionError` for an option that turns photos, unless ``(height, width)`` is a square."""
    height, width = size
    if height != width:
        raise OptionError(
            f"{option} turns photos, so they must be square, and these have {height} x {width} pixels; "
            "choose equal sides, or leave it out"
        )


class Rotate90(Augmentation):
    """Turns a square photo by one, two or three quarter turns, each as likely.

    Args:
        probability: in ``[0, 1]``; with 0.75 all four orientations are as likely.
    """

    def __init__(self, probability: float = 0.75) -> None:
        check_number("probability", probability, 0.0, 1.0)
        self.probability = probability

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The photo, turned or not.

        Raises:
            OptionError: if it is no square.
        """
        check_square("rotate90", image.shape[:2])
        if random.random() >= self.probability:
            return image
        return np.rot90(image, int(random.integers(1, 4)))
