"""Augmentation of training photos. Each draws only from the generator that it is handed."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from polytag._checks import check_number

Pixels = NDArray[np.uint8]


class Augmentation(ABC):
    """A photo to a photo of the same size."""

    @abstractmethod
    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """Args: ``image`` ``(height, width, 3)``. Returns: the same shape; the argument is left as it was."""


class Chain(Augmentation):
    """One after the other."""

    def __init__(self, *parts: Augmentation) -> None:
        self.parts = parts

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The last part's photo."""
        for part in self.parts:
            image = part(image, random)
        return image


class Flip(Augmentation):
    """Mirrors left and right.

    Args:
        probability: in ``[0, 1]``.
    """

    def __init__(self, probability: float = 0.5) -> None:
        check_number("probability", probability, 0.0, 1.0)
        self.probability = probability

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The photo, mirrored or not."""
        return image[:, ::-1] if random.random() < self.probability else image


class RandomCrop(Augmentation):
    """A rectangle cut out anywhere and resized back to the whole.

    Args:
        smallest: share of each side, in ``(0, 1]``, that the rectangle keeps at least; drawn for each side alone.
    """

    def __init__(self, smallest: float = 0.8) -> None:
        check_number("smallest", smallest, 0.05, 1.0)
        self.smallest = smallest

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The part that was cut out, as large as the whole."""
        sides = np.array(image.shape[:2], dtype=np.float64)
        kept = sides * random.uniform(self.smallest, 1.0, 2)
        top, left = (sides - kept) * random.random(2)
        box = (left, top, left + kept[1], top + kept[0])
        size = (image.shape[1], image.shape[0])
        return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR, box=box))
