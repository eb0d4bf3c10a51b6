"""Many file names in few bytes."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Paths(Sequence[str]):
    """A read-only list of strings, kept as one byte array with offsets: 10 million names take no objects.

    Args:
        names: the strings; any iterable, read once.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        text, ends = bytearray(), [0]
        for name in names:
            text += name.encode("utf-8", "surrogateescape")
            ends.append(len(text))
        self._text, self._ends = np.frombuffer(bytes(text), np.uint8), np.array(ends, np.int64)

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
        return (self[number] for number in range(len(self)))

    def select(self, rows: ArrayLike) -> "Paths":
        """Some of the names, in the order asked for."""
        numbers = np.asarray(rows, dtype=np.int64)
        lengths = self._ends[numbers + 1] - self._ends[numbers]
        ends = np.concatenate(([0], np.cumsum(lengths)))
        letters = np.repeat(self._ends[numbers] - ends[:-1], lengths) + np.arange(ends[-1])
        return Paths._of(self._text[letters], ends)
