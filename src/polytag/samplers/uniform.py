"""Every photo once a pass."""

import numpy as np
from numpy.typing import NDArray

from polytag._random import generator
from polytag.labels import Labels
from polytag.samplers.base import Sampler


class Uniform(Sampler):
    """A new order of all rows in each pass."""

    def __init__(self, labels: Labels) -> None:
        self.items = len(labels)

    def __len__(self) -> int:
        return self.items

    def draw(self, seed: int, number: int) -> NDArray[np.int64]:
        """A permutation of all rows, ``(items,)``."""
        return generator(seed, number).permutation(self.items)
