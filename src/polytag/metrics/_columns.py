"""Some columns of scores at a time, with the positives among them: from a dense matrix or from sparse labels."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from polytag.labels.matrix import ABSENT, PRESENT, UNKNOWN, Labels
from polytag.metrics._inputs import Scores


class Columns(NamedTuple):
    """Some classes, one a row; positions count along the rows: class ``c`` begins at ``c * items``."""

    scores: Scores  # (classes, items), a copy, inf where unknown: never below a score that is looked up
    positives: NDArray[np.int64]  # positions in scores, ascending
    known: NDArray[np.int64]  # (classes,)


class Source(Protocol):
    """Where columns come from."""

    def columns(self, first: int, last: int) -> Columns:
        """Classes ``first`` up to, not including, ``last``."""


class Dense:
    """Columns of checked targets ``(items, classes)``."""

    def __init__(self, scores: Scores, targets: NDArray[np.int8]) -> None:
        self.scores, self.targets = scores, targets
        self.masked = targets.min(initial=ABSENT) == UNKNOWN

    def columns(self, first: int, last: int) -> Columns:
        """See :class:`Source`."""
        scores = self.scores[:, first:last].T.copy()  # (classes, items)
        targets = self.targets[:, first:last].T.copy()  # (classes, items)
        known = np.full(len(targets), targets.shape[1])
        if self.masked:
            unknown = targets == UNKNOWN
            scores[unknown] = np.inf
            known -= np.count_nonzero(unknown, axis=1)
        return Columns(scores, np.flatnonzero(targets == PRESENT), known)


class Sparse:
    """Columns of labels, without ever looking at what is not stored."""

    def __init__(self, scores: Scores, labels: Labels) -> None:
        self.scores, self.default = scores, labels.default
        # The position of each entry in the whole matrix, had it one class a row.
        self.present, self.other = (
            np.sort(rows.columns.astype(np.int64) * len(scores) + rows.row_numbers())
            for rows in (labels.present, labels.other)
        )

    def columns(self, first: int, last: int) -> Columns:
        """See :class:`Source`."""
        items, shape = len(self.scores), (last - first, len(self.scores))
        present, other = (
            entries[slice(*entries.searchsorted((first * items, last * items)))] - first * items
            for entries in (self.present, self.other)
        )
        if self.default == "absent":
            scores = self.scores[:, first:last].T.copy()  # (classes, items)
            scores.ravel()[other] = np.inf
            return Columns(scores, present, items - count_by_row(other, shape))
        scores = np.full(shape, np.inf, self.scores.dtype)
        for listed in (present, other):
            scores.ravel()[listed] = self.scores[listed % items, first + listed // items]
        return Columns(scores, present, count_by_row(present, shape) + count_by_row(other, shape))


def count_by_row(positions: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """How many of some ascending positions lie in each row of a matrix, ``(rows,)``."""
    return np.diff(positions.searchsorted(np.arange(shape[0] + 1) * shape[1]))
