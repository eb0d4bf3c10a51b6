"""Passes in which every label is met as often as any other. Part of polytag.methods.collaborative."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from polytag._checks import check_choice
from polytag._random import generator
from polytag.errors import DataError
from polytag.labels import Labels
from polytag.samplers.base import Sampler

Length = Literal["photos", "published"]
IN_A_ROW = 3  # photos of a class


class Rebalanced(Sampler):
    """A label drawn evenly, then one of its photos: photo ``i`` with ``p_i = (1 / K) sum_k y_ik / N_k``.

    Draws are independent; a photo may come several times, one without any label never does, but where a single label is
    on photos: there those known to lack it count as the photos of another one, as nothing else would show it absent.

    Args:
        labels: of the training photos; those that are on no photo are left out.
        length: draws a pass: as many as there are photos, or ``max_k N_k * K / 4`` as in public code of the LTML paper.

    Raises:
        DataError: if no photo has a label.
        OptionError: if there is no such length.
    """

    def __init__(self, labels: Labels, length: Length = "photos") -> None:
        self.photos = _Photos(labels)
        self.length = length_of(labels, length)

    def __len__(self) -> int:
        return self.length

    def draw(self, seed: int, number: int) -> NDArray[np.int64]:
        """The rows of a pass, ``(len(self),)``."""
        random = generator(seed, number)
        classes = random.integers(0, len(self.photos.counts), self.length)
        places = (random.random(self.length) * self.photos.counts[classes]).astype(np.int64)
        return np.asarray(self.photos.rows[self.photos.starts[classes] + places])

    def probabilities(self) -> NDArray[np.float64]:
        """How probable each photo is at each draw, ``(photos,)``; sums to 1."""
        found = np.zeros(self.photos.items)
        shares = 1 / (len(self.photos.counts) * self.photos.counts)
        np.add.at(found, self.photos.rows, np.repeat(shares, self.photos.counts))
        return found


class ClassAware(Sampler):
    """Labels in turns, in a new order each time around, three photos of each in a row: DB loss's sampler.

    Photos of a label come in a shuffled order that begins anew when it is through; so each label is met as often as
    any other, and each of its photos, too, up to one. Where a single label is on photos, see :class:`Rebalanced`.

    Args:
        labels: of the training photos; those that are on no photo are left out.
        length: draws a pass; see :class:`Rebalanced`.

    Raises:
        DataError: if no photo has a label.
        OptionError: if there is no such length.
    """

    def __init__(self, labels: Labels, length: Length = "photos") -> None:
        self.photos = _Photos(labels)
        self.length = length_of(labels, length)

    def __len__(self) -> int:
        return self.length

    def draw(self, seed: int, number: int) -> NDArray[np.int64]:
        """The rows of a pass, ``(len(self),)``."""
        random, photos = generator(seed, number), self.photos
        turns = -(-self.length // IN_A_ROW)
        rounds = -(-turns // len(photos.counts))
        order = np.concatenate([random.permutation(len(photos.counts)) for _ in range(rounds)])[:turns]
        drawn = np.empty((turns, IN_A_ROW), np.int64)
        for label, times in enumerate(np.bincount(order, minlength=len(photos.counts))):
            rows = photos.rows[photos.starts[label] : photos.starts[label] + photos.counts[label]]
            repeats = -(-int(times) * IN_A_ROW // len(rows))
            shuffled = np.concatenate([random.permutation(rows) for _ in range(repeats)] or [rows[:0]])
            drawn[order == label] = shuffled[: times * IN_A_ROW].reshape(-1, IN_A_ROW)
        return drawn.ravel()[: self.length]


class Repeated(Sampler):
    """Another sampler's passes, one after the other, cut into passes of another length.

    Args:
        inner: the sampler.
        length: of a pass here.
    """

    def __init__(self, inner: Sampler, length: int) -> None:
        self.inner, self.length = inner, length

    def __len__(self) -> int:
        return self.length

    def draw(self, seed: int, number: int) -> NDArray[np.int64]:
        """The rows of a pass, ``(len(self),)``."""
        first, size = number * self.length, len(self.inner)
        passes = range(first // size, (first + self.length - 1) // size + 1)
        rows = np.concatenate([self.inner.draw(seed, inner) for inner in passes])
        return rows[first - passes[0] * size :][: self.length]


def length_of(labels: Labels, length: Length) -> int:
    """How many rows a pass draws; see :class:`Rebalanced`.

    Raises:
        OptionError: if there is no such length.
    """
    check_choice("length", length, ("photos", "published"))
    counts = labels.counts().present
    return len(labels) if length == "photos" else max(int(counts.max() * (counts > 0).sum() / 4), 1)


def _absent(labels: Labels, column: int) -> NDArray[np.int64]:
    """The rows of which it is known that they do not have a label."""
    listed = np.zeros(len(labels), np.bool_)
    listed[labels.other.row_numbers()[labels.other.columns == column]] = True
    absent = listed if labels.default == "unknown" else ~listed
    absent[labels.present.row_numbers()[labels.present.columns == column]] = False
    return np.flatnonzero(absent)


class _Photos:
    """The photos of each label that is on one, label after label; of a single label, then those known to lack it."""

    def __init__(self, labels: Labels) -> None:
        self.items = len(labels)
        counts = labels.counts().present
        if not counts.any():
            raise DataError("no training photo has a label, so there is nothing to balance; give labelled photos")
        order = np.argsort(labels.present.columns, kind="stable")
        self.rows = labels.present.row_numbers()[order].astype(np.int64)
        self.counts = counts[counts > 0].astype(np.int64)
        if len(self.counts) == 1 and len(bare := _absent(labels, int(counts.argmax()))):
            self.rows, self.counts = np.append(self.rows, bare), np.append(self.counts, len(bare))
        self.starts = np.concatenate([[0], np.cumsum(self.counts)[:-1]]).astype(np.int64)
