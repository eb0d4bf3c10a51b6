"""Photos with their labels: what every reader returns and everything else takes."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polytag.data.paths import Paths
from polytag.data.pixels import open_image
from polytag.errors import DataError
from polytag.labels import Labels
from polytag.labels.matrix import row_positions

SPLITS = ("train", "val", "test")
UNSPLIT = -1


@runtime_checkable
class Images(Protocol):
    """Photos by number."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What to call a photo in tables and messages: its file name relative to the data folder."""

    def load(self, index: int, at_least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The photo as ``(height, width, 3)``; ``at_least`` allows a quicker decoding at a reduced scale."""

    def aspect(self, index: int) -> float | None:
        """Width over height of the photo before it was squashed; None where it was not, and its pixels tell."""
        return None

    def select(self, rows: ArrayLike) -> "Images":
        """Some of them, in the order asked for."""


class ImageFiles(Images):
    """Photos in files below one folder.

    Args:
        root: the folder.
        names: paths relative to ``root``; none of them may leave it.
    """

    def __init__(self, root: Path, names: Paths) -> None:
        self.root = root
        self.names = names

    def __len__(self) -> int:
        return len(self.names)

    def name(self, index: int) -> str:
        """Its name."""
        return self.names[index]

    def load(self, index: int, at_least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The photo, read from its file."""
        return open_image(self.root / self.names[index], at_least)

    def select(self, rows: ArrayLike) -> "ImageFiles":
        """Some of them, in the order asked for."""
        return ImageFiles(self.root, self.names.select(rows))


class ImageArrays(Images):
    """Photos that are already in memory.

    Args:
        arrays: ``(items, height, width, 3)`` of uint8, or a sequence of ``(height, width, 3)``.
        names: what to call them; numbers unless given.
        aspects: width over height that each had before it was squashed, if it was.
    """

    def __init__(
        self,
        arrays: Sequence[NDArray[np.uint8]] | NDArray[np.uint8],
        names: Sequence[str] = (),
        aspects: Sequence[float] | NDArray[np.float64] | None = None,
    ) -> None:
        self._arrays = arrays
        self._aspects = aspects
        self._names = names or [f"image-{number}" for number in range(len(arrays))]
        self._rows = np.arange(len(arrays))  # a selection has others, and shares the pixels

    @property
    def arrays(self) -> list[NDArray[np.uint8]] | NDArray[np.uint8]:
        """All photos, copied."""
        if isinstance(self._arrays, np.ndarray):
            return self._arrays[self._rows]
        return [self._arrays[row] for row in self._rows.tolist()]

    def __len__(self) -> int:
        return len(self._rows)

    def name(self, index: int) -> str:
        """Its name."""
        return self._names[int(self._rows[index])]

    def load(self, index: int, at_least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The photo."""
        array: NDArray[np.uint8] = self._arrays[int(self._rows[index])]
        if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
            raise DataError(
                f"{self.name(index)} must be a (height, width, 3) array of uint8, got {array.shape} of {array.dtype}"
            )
        return array

    def aspect(self, index: int) -> float | None:
        """What was given for it."""
        return None if self._aspects is None else float(self._aspects[int(self._rows[index])])

    def select(self, rows: ArrayLike) -> "ImageArrays":
        """Some of them, in the order asked for."""
        chosen = ImageArrays(self._arrays, self._names, self._aspects)
        chosen._rows = self._rows[row_positions(rows, len(self))]
        return chosen


class LabelledSet:
    """Photos, their labels, and what their source said about splits and groups.

    Args:
        images: the photos.
        labels: one row a photo.
        split: position in ``SPLITS`` for each photo, or ``UNSPLIT``, ``(items,)``; None where the source says nothing.
        groups: a number for each photo, ``(items,)``; photos of one group (patient, product) must share a split.
        notes: what was inferred while reading, a sentence each.
        settled: whether ``split`` is decided: what it leaves empty stays empty.

    Raises:
        DataError: if the lengths differ.
    """

    def __init__(
        self,
        images: Images,
        labels: Labels,
        split: NDArray[np.int8] | None = None,
        groups: NDArray[np.int64] | None = None,
        notes: Sequence[str] = (),
        settled: bool = False,
    ) -> None:
        for name, values in (("labels", labels), ("split", split), ("groups", groups)):
            if values is not None and len(values) != len(images):
                raise DataError(f"{len(images)} photos came with {len(values)} entries of {name}; give one for each")
        self.images = images
        self.labels = labels
        self.split = split
        self.groups = groups
        self.notes = tuple(notes)
        self.settled = settled

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int]:
        """``(items,)``: with indexing by rows, what scikit-learn asks of data that it cuts into folds."""
        return (len(self),)

    def __getitem__(self, rows: Any) -> "LabelledSet":
        """``data[rows]`` is :meth:`select`, of numbers, a slice or a mask; also as ``data[rows, ...]``."""
        chosen = rows[0] if isinstance(rows, tuple) else rows
        return self.select(np.atleast_1d(np.arange(len(self))[chosen]))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels."""
        return self.labels.classes

    def select(self, rows: ArrayLike) -> "LabelledSet":
        """Some of the photos, in the order asked for.

        Raises:
            OptionError: if a row is not between 0 and ``len(self) - 1``, or ``rows`` is a mask.
        """
        numbers = row_positions(rows, len(self))
        return LabelledSet(
            self.images.select(numbers),
            self.labels.select(numbers),
            None if self.split is None else self.split[numbers],
            None if self.groups is None else self.groups[numbers],
            self.notes,
            self.settled,
        )

    def fingerprint(self) -> str:
        """A short digest of names, labels and splits; equal for equal data."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update("\0".join((self.labels.default, *self.classes)).encode())
        for rows in (self.labels.present, self.labels.other):
            digest.update(np.ascontiguousarray(rows.starts, dtype=np.int64).tobytes())
            digest.update(np.ascontiguousarray(rows.columns, dtype=np.uint32).tobytes())
        if self.split is not None:
            digest.update(np.ascontiguousarray(self.split, dtype=np.int8).tobytes())
        for index in range(len(self)):
            digest.update(self.images.name(index).encode("utf-8", "surrogateescape") + b"\0")
        return digest.hexdigest()

    def with_classes(self, classes: Sequence[str]) -> "LabelledSet":
        """The same photos under another list of classes; see :meth:`Labels.with_classes`."""
        labels = self.labels.with_classes(classes)
        return LabelledSet(self.images, labels, self.split, self.groups, self.notes, self.settled)
