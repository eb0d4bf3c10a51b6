"""What labels look like before anything is trained: how many, how unequal, which come together."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag.labels.cooccurrence import known_counts, rows_matrix
from polytag.labels.matrix import Labels

TAIL = ("head", "medium", "tail")  # classes with many, some and few training photos
LIMITS = (100, 20)


class Together(NamedTuple):
    """Two labels on one photo."""

    first: int  # column of the rarer one
    second: int
    photos: int  # that have both
    share: float  # of the photos with ``first`` on which ``second`` is known, those that have it
    expected: float  # photos that would have both, of those on which both are known, if each came by itself


def labels_per_item(labels: Labels) -> NDArray[np.int64]:
    """How many items have 0, 1, 2, ... labels present."""
    return np.bincount(np.diff(labels.present.starts), minlength=1)


def tail_groups(
    counts: NDArray[np.integer] | NDArray[np.floating], limits: tuple[int, int] = LIMITS
) -> dict[str, NDArray[np.bool_]]:
    """Which classes are head, medium and tail, ``(classes,)`` each.

    Args:
        counts: training photos of each class.
        limits: head has at least the first, tail fewer than the second.
    """
    head, few = counts >= limits[0], counts < limits[1]
    return dict(zip(TAIL, (head, ~head & ~few, few), strict=True))


def tail(counts: NDArray[np.int64], limits: tuple[int, int] = LIMITS) -> tuple[int, ...]:
    """How many classes are head, medium and tail; see :func:`tail_groups`."""
    return tuple(int(group.sum()) for group in tail_groups(counts, limits).values())


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
    order = np.lexsort((second, first, -photos))[:most]
    first, second, photos = first[order], second[order], photos[order]
    one, two, known = known_counts(labels, first, second, photos)
    facts = zip(first, second, photos, photos / one, one * two / known, strict=True)
    return [Together(int(a), int(b), int(n), float(share), float(expected)) for a, b, n, share, expected in facts]
