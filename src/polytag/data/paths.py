"""Many file names in few bytes."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polytag.labels.matrix import row_positions, take

_BLOCK = 4096


class Paths(Sequence[str]):
    """A read-only list of strings, kept as one byte array with offsets: 10 million names take no objects.

    Args:
        names: the strings; any iterable, read once.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        text, ends = bytearray(), array("q", [0])
        for name in names:
            text += name.encode("utf-8", "surrogateescape")
            ends.append(len(text))
        self._text, self._ends = np.array(text, np.uint8), np.array(ends, np.int64)

    @classmethod
    def _of(cls, text: NDArray[np.uint8], ends: NDArray[np.int64]) -> "Paths":
        paths = cls()
        paths._text, paths._ends = text, ends
        return paths

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        number = range(len(self))[index]
        raw: bytes = self._text[self._ends[number] : self._ends[number + 1]].tobytes()
        return raw.decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _BLOCK):  # a fifth of the time of one by one
            ends = self._ends[start : start + _BLOCK + 1].tolist()
            raw = self._text[ends[0] : ends[-1]].tobytes()
            for first, last in pairwise(ends):
                yield raw[first - ends[0] : last - ends[0]].decode("utf-8", "surrogateescape")

    def select(self, rows: ArrayLike) -> "Paths":
        """Some of the names, in the order asked for."""
        ends, text = take(self._ends, self._text, row_positions(rows, len(self)))
        return Paths._of(text, ends)
