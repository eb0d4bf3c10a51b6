"""Photos turned by quarters."""

import numpy as np

from polytag._checks import check_number
from polytag.data.augment.base import Augmentation, Pixels


class Rotate90(Augmentation):
    """Turns a square photo by one, two or three quarter turns, each as likely.

    Args:
        probability: in ``[0, 1]``; with 0.75 all four orientations are as likely.
    """

    def __init__(self, probability: float = 0.75) -> None:
        check_number("probability", probability, 0.0, 1.0)
        self.probability = probability

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The photo, turned or not."""
        if random.random() >= self.probability:
            return image
        return np.rot90(image, int(random.integers(1, 4)))
