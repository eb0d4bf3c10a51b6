"""What every sampler is."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from polytag.labels import Labels


class Sampler(ABC):
    """A pure function of a seed and the number of a pass, so it has no state to save and no workers to agree with.

    Args:
        labels: of the training photos.
    """

    @abstractmethod
    def __init__(self, labels: Labels) -> None: ...

    @abstractmethod
    def __len__(self) -> int:
        """How many rows one pass draws."""

    @abstractmethod
    def draw(self, seed: int, number: int) -> NDArray[np.int64]:
        """The rows of pass ``number`` (from 0), ``(len(self),)``; a row may come twice or not at all."""
