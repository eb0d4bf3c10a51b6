"""What labels look like before anything is trained: how many, how unequal, which come together."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag.labels.cooccurrence import rows_matrix
from polytag.labels.matrix import Labels


class Together(NamedTuple):
    """Two labels on one photo."""

    first: int  # column of the rarer one
    second: int
    photos: int  # that have both
    share: float  # of the photos with ``first``, those that have ``second``
    expected: float  # photos that would have both if the two had nothing to do with each other


def labels_per_item(labels: Labels) -> NDArray[np.int64]:
    """How many items have 0, 1, 2, ... labels present."""
    return np.bincount(np.diff(labels.present.starts), minlength=1)


def tail(counts: NDArray[np.int64], limits: Sequence[int] = (100, 20)) -> tuple[int, ...]:
    """How many classes are head, medium and tail: with at least ``limits[0]`` items, at least ``limits[1]``, fewer."""
    edges = [np.inf, *limits, 0]
    return tuple(int(((counts < high) & (counts >= low)).sum()) for high, low in zip(edges, edges[1:], strict=False))


def partners(labels: Labels) -> NDArray[np.int64]:
    """With how many other labels each one is seen on some item, ``(classes,)``."""
    present = rows_matrix(labels.present, len(labels.classes))
    seen = np.diff((present.T @ present).tocsr().indptr)
    return np.asarray(np.maximum(seen - 1, 0), np.int64)  # without itself


def pairs_together(labels: Labels, most: int = 1000) -> list[Together]:
    """Pairs of labels that some item has both of, those with the most items first; at most ``most`` of them."""
    present = rows_matrix(labels.present, len(labels.classes))
    both = (present.T @ present).tocoo()
    counts = labels.counts().present
    kept = both.row < both.col
    rows, columns, photos = both.row[kept], both.col[kept], both.data[kept]
    swap = counts[rows] > counts[columns]
    first, second = np.where(swap, columns, rows), np.where(swap, rows, columns)
    share = photos / counts[first]
    expected = counts[first] * counts[second] / len(labels)
    order = np.lexsort((second, first, -photos))[:most]
    return [Together(int(first[n]), int(second[n]), int(photos[n]), float(share[n]), float(expected[n])) for n in order]
