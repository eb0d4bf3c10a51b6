"""Rectangles painted over.

Paper: DeVries, Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", arXiv:1708.04552.
"""

from collections.abc import Sequence

import numpy as np

from polytag._checks import check_number
from polytag.data.augment.base import Augmentation, Pixels


class Cutout(Augmentation):
    """One rectangle anywhere, cut off at the edges, in a random colour.

    Args:
        size: share of each side, in ``[0, 1]``.
        probability: in ``[0, 1]``.
    """

    def __init__(self, size: float = 0.4, probability: float = 0.5) -> None:
        check_number("size", size, 0.0, 1.0)
        check_number("probability", probability, 0.0, 1.0)
        self.size, self.probability = size, probability

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The photo, with or without it."""
        if random.random() >= self.probability:
            return image
        height, width = image.shape[:2]
        changed = image.copy()
        color = random.integers(0, 256, 3).tolist()
        cut_out(changed, round(self.size * height), round(self.size * width), color, random)
        return changed


def cut_out(image: Pixels, height: int, width: int, color: Sequence[int], random: np.random.Generator) -> None:
    """Paint a rectangle whose middle is anywhere in ``image`` ``(h, w, 3)``, which changes."""
    top = random.integers(image.shape[0]) - height // 2
    left = random.integers(image.shape[1]) - width // 2
    image[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)] = color
