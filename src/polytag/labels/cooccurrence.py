"""Which labels come together: counts, conditional shares, and the graph that label networks pass messages on."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from polytag._checks import check_choice, check_number
from polytag.labels.matrix import Labels, Rows

Matrix = NDArray[np.float64]
DENSE_IS_FASTER = 50  # times, for each product of two entries
BLOCK = 20_000_000  # entries of a dense block


def together(labels: Labels) -> NDArray[np.int64]:
    """How many photos have both of two labels, ``(classes, classes)``; on the diagonal, how many have one."""
    present = rows_matrix(labels.present, len(labels.classes))
    return np.asarray((present.T @ present).toarray())


def conditional(labels: Labels) -> Matrix:
    """Of the photos with label ``i`` on which ``j`` is known, the share that has ``j``: ``(classes, classes)``.

    0 where there are none, and on the diagonal.
    """
    return np.asarray(shares(labels).toarray())


def shares(labels: Labels) -> csr_array:
    """The same as :func:`conditional`, sparse: for 10,000 labels, of which most never meet."""
    present, other = _matrices(labels)
    both = (present.T @ present).tocoo()
    apart = both.row != both.col
    rows, columns, counts = both.row[apart], both.col[apart], both.data[apart].astype(np.float64)
    known = _having(labels, _product(present, other), counts, rows, columns)
    return csr_array((counts / known, (rows, columns)), shape=both.shape)


def known_counts(
    labels: Labels, first: NDArray[Any], second: NDArray[Any], both: NDArray[Any]
) -> tuple[Matrix, Matrix, Matrix]:
    """What is known of pairs of labels that come together; each ``(pairs,)``.

    Args:
        labels: of the photos.
        first: column of the first label of each pair.
        second: of the second.
        both: how many photos have both.

    Returns:
        How many photos have the first label, of those on which the second is known; how many have the second, of those
        on which the first is known; and on how many both are known.
    """
    present, other = _matrices(labels)
    beside = _product(present, other)
    having = _having(labels, beside, both, first, second), _having(labels, beside, both, second, first)
    if labels.default == "absent":
        unknown = labels.counts().unknown
        known = len(labels) - unknown[first] - unknown[second] + _at(_product(other, other), first, second)
    else:
        known = _at(_product(present + other, present + other), first, second)
    return *having, np.asarray(known, np.float64)


def _matrices(labels: Labels) -> tuple[csr_array, csr_array]:
    """Present, and what else is listed, ``(photos, classes)`` each."""
    return rows_matrix(labels.present, len(labels.classes)), rows_matrix(labels.other, len(labels.classes))


def _having(labels: Labels, beside: Any, both: NDArray[Any], first: NDArray[Any], second: NDArray[Any]) -> Matrix:
    """How many photos have the first label, of those on which the second is known."""
    listed = _at(beside, first, second)  # there the second is unknown, or absent where unknown is the default
    return np.asarray(labels.counts().present[first] - listed if labels.default == "absent" else both + listed)


def _product(one: csr_array, other: csr_array) -> Any:
    """``one.T @ other``; by blocks of dense photos where they list so much that this is faster."""
    photos, classes = one.shape
    sparse = float(np.dot(np.diff(one.indptr).astype(np.float64), np.diff(other.indptr)))
    if sparse * DENSE_IS_FASTER < float(photos) * classes * classes:
        return one.T @ other
    total, block = np.zeros((classes, classes)), max(1, BLOCK // classes)
    for start in range(0, photos, block):
        parts = [each[start : start + block].toarray().astype(np.float32) for each in (one, other)]
        total += parts[0].T @ parts[1]
    return total


def _at(matrix: Any, rows: NDArray[Any], columns: NDArray[Any]) -> Matrix:
    """Entries of a matrix, sparse or not."""
    if not isinstance(matrix, np.ndarray):
        if not (len(rows) and matrix.nnz):
            return np.zeros(len(rows))
        matrix = matrix.tocsr()
    return np.asarray(matrix[rows, columns], np.float64).ravel()


def label_graph(
    shares: Matrix, threshold: float = 0.4, share: float = 0.2, mode: Literal["public", "paper"] = "public"
) -> Matrix:
    """The matrix of ML-GCN: labels are neighbours where one brings the other often enough.

    With ``B`` the edges, where ``shares >= threshold``. "paper": ``A = share * B / (sum of the row of B)``, ``1 -
    share`` on the diagonal, then ``D A D`` with ``D`` the inverse roots of the row sums of ``A``. "public", as the
    code of that paper and of the AAM paper has it: ``A = r * B / (1e-6 + sum of the column of B)``, 1 on the diagonal,
    with ``r = share / (1 - share)``, then ``D A^T D``: other neighbours count, and messages go the other way.

    Args:
        shares: ``(classes, classes)`` in ``[0, 1]`` from :func:`conditional`, of the training labels.
        threshold: in ``[0, 1]``.
        share: in ``[0, 0.99]``, what neighbours have of a label.
        mode: whose normalisation.

    Returns:
        ``(classes, classes)``, at least 0.

    Raises:
        OptionError: if an argument is out of its range.
    """
    check_number("threshold", threshold, 0.0, 1.0)
    check_number("share", share, 0.0, 0.99)
    check_choice("mode", mode, ("public", "paper"))
    edges = ((shares >= threshold) & (shares > 0)).astype(np.float64)
    if mode == "paper":
        itself, others, neighbours = 1 - share, share, np.maximum(edges.sum(axis=1, keepdims=True), 1)
    else:
        itself, others, neighbours = 1.0, share / (1 - share), edges.sum(axis=0) + 1e-6
    weights = others * edges / neighbours + itself * np.eye(len(edges))
    roots = 1 / np.sqrt(weights.sum(axis=1))
    directed = weights if mode == "paper" else weights.T
    return np.asarray(roots[:, None] * directed * roots, np.float64)


def rows_matrix(rows: Rows, classes: int) -> csr_array:
    """Rows as a sparse matrix ``(items, classes)`` of ones."""
    columns = rows.columns.astype(np.int64)
    return csr_array((np.ones(len(columns), np.int64), columns, rows.starts), shape=(len(rows.starts) - 1, classes))
