"""What augmentation is made of. Each part draws only from the generator that it is handed."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of a photo, in ``[0, 1]``."""


class Crop(ABC):
    """A photo of any size to one of the size that a model takes.

    Attributes:
        enlarges: whether a part of the photo becomes as large as the whole, which wants a photo with pixels to spare.
    """

    enlarges = True

    @abstractmethod
    def __call__(
        self, image: Pixels, aspect: float, resize: Callable[[Pixels, Box | None], Pixels], random: np.random.Generator
    ) -> Pixels:
        """Cut and resize.

        Args:
            image: ``(any height, any width, 3)``; left as it was.
            aspect: width over height of the photo, which may have been squashed since.
            resize: a part of a photo, or None for all of it, to ``(height, width, 3)``.
            random: the only source of chance.

        Returns:
            ``(height, width, 3)``, the caller's to change.
        """


class Augmentation(ABC):
    """A photo to a photo of the same size."""

    @abstractmethod
    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """Args: ``image`` ``(height, width, 3)``. Returns: the same shape; the argument is left as it was."""


class Example(NamedTuple):
    """A photo of a batch with its labels."""

    pixels: Pixels  # (height, width, 3)
    targets: NDArray[np.float32]  # (classes,): 1 present, 0 absent, -1 unknown, and between 0 and 1 once mixed


class Mix(ABC):
    """Two photos to one that has labels of both."""

    @abstractmethod
    def __call__(self, one: Example, other: Callable[[], Example], random: np.random.Generator) -> Example:
        """Args: ``other`` brings the second photo, if one is wanted. Returns: the mixture; ``one`` is left as it was.

        A label that is unknown on one of them is unknown on the mixture, unless that one has no part in it.
        """


class Unchanged(Augmentation):
    """The photo as it is."""

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The photo."""
        return image


class Chain(Augmentation):
    """One after the other."""

    def __init__(self, *parts: Augmentation) -> None:
        self.parts = parts

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The last part's photo."""
        for part in self.parts:
            image = part(image, random)
        return image
