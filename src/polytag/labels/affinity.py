"""How much labels belong together, and where that puts them: eigenvectors of the normalised Laplacian."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, eigsh

from polytag._checks import check_choice
from polytag._random import generator

Kind = Literal["together", "apart"]
DENSE = 1000  # labels up to which all eigenvectors are computed
STREAM = 20291


class Affinity:
    """How much two labels belong together, ``P``, kept as its sparse half.

    ``Q = (sqrt(S) + sqrt(S)^T) / 2``, with ``S[i, j]`` the share of the photos with ``i`` that have ``j``. ``P = Q``
    for labels that come together, ``P = 1 - Q`` (all ones less ``Q``) for labels that do not.

    Args:
        common: ``S``, ``(classes, classes)``, with an empty diagonal; see :func:`polytag.labels.cooccurrence.shares`.
        kind: which.
    """

    def __init__(self, common: csr_array, kind: Kind) -> None:
        check_choice("kind", kind, ("together", "apart"))
        roots = common.sqrt()
        self.kind = kind
        self.half = ((roots + roots.T) / 2).tocsr()
        self.classes = int(common.shape[0])

    def dense(self) -> NDArray[np.float64]:
        """``P``; its diagonal is 0 for labels that come together, 1 for the others, as public code has it."""
        half = np.asarray(self.half.toarray())
        return half if self.kind == "together" else 1 - half

    def degrees(self) -> NDArray[np.float64]:
        """Sum of each row of ``P`` without the diagonal, ``(classes,)``."""
        sums = np.asarray(self.half.sum(axis=1)).ravel()
        return sums if self.kind == "together" else self.classes - 1 - sums

    def times(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """``P`` without its diagonal, times ``(classes,)`` or ``(classes, columns)``."""
        product = np.asarray(self.half @ vectors)
        return product if self.kind == "together" else vectors.sum(axis=0) - vectors - product


def embedding(affinity: Affinity, k: int) -> NDArray[np.float64]:
    """Eigenvectors of the ``k`` smallest eigenvalues of ``I - D^-1/2 P D^-1/2``, over ``sqrt(D)``: ``(classes, k)``."""
    _, vectors = smallest(affinity, k)
    embedded = vectors / _roots(affinity)[:, None]
    largest = embedded[np.abs(embedded).argmax(axis=0), np.arange(k)]
    return np.asarray(embedded * np.where(largest < 0, -1, 1))  # the sign of an eigenvector means nothing


def smallest(affinity: Affinity, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The ``k`` smallest eigenvalues of the normalised Laplacian, ascending, and their vectors ``(classes, k)``.

    Where more than ``DENSE`` labels fall into parts that never meet, each part has the eigenvalue 0: those vectors are
    known, the largest parts first, and only what is left is looked for, as the search finds equal values once.
    """
    n, roots = affinity.classes, _roots(affinity)
    alone = affinity.degrees() <= 0
    if n <= DENSE:
        weights = affinity.dense()
        np.fill_diagonal(weights, 0)
        laplacian = np.diag(np.where(alone, 0.0, 1.0)) - weights / roots / roots[:, None]
        values, vectors = eigh(laplacian, subset_by_index=[0, k - 1])
        return values, vectors
    known = _of_parts(affinity, roots, k)  # (classes, parts)
    if known.shape[1] == k:
        return np.zeros(k), known

    def product(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        flat = vector.ravel()
        shifted = affinity.times(flat / roots) / roots + np.where(alone, flat, 0) + flat  # all positive
        return np.asarray(shifted - 2 * known @ (known.T @ flat))

    random = generator(STREAM)
    found, others = eigsh(
        LinearOperator((n, n), product, dtype=np.float64), k - known.shape[1], which="LA", v0=random.standard_normal(n)
    )
    order = np.argsort(-found)
    return np.append(np.zeros(known.shape[1]), 2 - found[order]), np.hstack([known, others[:, order]])


def _of_parts(affinity: Affinity, roots: NDArray[np.float64], most: int) -> NDArray[np.float64]:
    """The eigenvectors of 0, one for each part of the labels that meets no other, ``most`` of the largest."""
    if affinity.kind == "apart":
        numbers = np.zeros(affinity.classes, np.int64)  # labels that never meet are all close
    else:
        _, numbers = connected_components(affinity.half, directed=False)
    order = np.argsort(-np.bincount(numbers), kind="stable")[:most]
    members = numbers[:, None] == order
    vectors = members * roots[:, None]
    return np.asarray(vectors / np.linalg.norm(vectors, axis=0))


def _roots(affinity: Affinity) -> NDArray[np.float64]:
    degrees = affinity.degrees()
    return np.asarray(np.sqrt(np.where(degrees > 0, degrees, 1)))  # a label that meets no other is by itself
