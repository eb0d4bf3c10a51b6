"""Mirrored photos."""

import numpy as np

from polytag._checks import check_number
from polytag.data.augment.base import Augmentation, Pixels


class Flip(Augmentation):
    """Mirrors left and right, or top and bottom.

    Args:
        probability: in ``[0, 1]``.
        vertical: top and bottom, as suits photos from above.
    """

    def __init__(self, probability: float = 0.5, vertical: bool = False) -> None:
        check_number("probability", probability, 0.0, 1.0)
        self.probability = probability
        self.vertical = vertical

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The photo, mirrored or not."""
        if random.random() >= self.probability:
            return image
        return image[::-1] if self.vertical else image[:, ::-1]
