"""Parts of a multi-label dataset that look alike, with every class in every part where that can be done.

Iterative stratification of Sechidis, Tsoumakas, Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD
2011, for items or for whole groups of them, with two additions that keep rare classes from ending up in one part only:
a unit that a class cannot spare goes where the class is still missing, and what this leaves is an integer program.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse

from polytag._random import generator
from polytag.errors import DataError, OptionError
from polytag.labels.matrix import Labels

# At most this many integer programs, each for this many units, each opening this many nodes.
STAT = []
GAP = 0.05
PROGRAMS, UNITS, NODES = 64, 64, 50


class Stratified(NamedTuple):
    """What :func:`stratify` returns."""

    part: NDArray[np.int64]  # (items,): a position in ``shares``
    missing: tuple[tuple[str, int], ...]  # each (class, part) without a positive, of the classes that have positives


def stratify(
    labels: Labels, shares: Sequence[float], seed: int, groups: NDArray[np.integer] | None = None
) -> Stratified:
    """Deal the items out to parts so that each part has its share of every class and of the items.

    Every class is in every part, and no part is empty, wherever one split does that for all of them at once; a class
    with fewer units than parts is in as many parts as it has units, the largest first. The search for that split is
    exact while the classes that compete for units have a few hundred between them, and bounded beyond; ``missing``
    lists what it did not reach. Unknown labels count neither way. Without groups a part differs from its share by
    about an item for each class that is rarer than ``1 / share``; large groups, and rare classes, can force more.

    Args:
        labels: one row an item.
        shares: the relative size of each part, ``> 0``; they are divided by their sum.
        seed: breaks the ties.
        groups: a number for each item, ``(items,)``; items of one group stay together. Each item for itself if None.

    Raises:
        OptionError: if there are fewer than two shares, or one is not positive and finite.
        DataError: if ``groups`` does not fit the labels, or there are fewer items or groups than parts.
    """
    wanted = np.asarray(shares, dtype=np.float64)
    if wanted.ndim != 1 or len(wanted) < 2 or not (np.isfinite(wanted) & (wanted > 0)).all():
        raise OptionError(f"shares must be two or more positive numbers, got {shares!r}")
    if groups is not None and len(groups) != len(labels):
        raise DataError(f"{len(labels)} items came with {len(groups)} groups; give one for each")
    unit = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    counts = _counts(labels, unit)
    units, parts = counts.shape[0], len(wanted)
    if units < parts:
        what = "items" if groups is None else "groups"
        raise DataError(f"{units} {what} cannot fill {parts} parts; give more {what} or ask for fewer parts")
    random = generator(seed)
    order = random.permutation(units)
    part = np.empty(units, dtype=np.int64)
    part[order] = _complete(counts[order], _deal(counts[order], wanted / wanted.sum(), random), wanted)
    held = _held(counts, part, parts)[:-1]
    lost = np.argwhere((held == 0) & held.any(axis=1, keepdims=True)).tolist()
    return Stratified(part[unit], tuple((labels.classes[column], side) for column, side in lost))


def _counts(labels: Labels, unit: NDArray[np.int64]) -> sparse.csr_array:
    """Positives of each class in each unit and, as a last class that every unit has, its items."""
    rows = labels.present
    ones = np.ones(len(rows.columns), dtype=np.int32)
    present = sparse.csr_array((ones, rows.columns.astype(np.int32), rows.starts), shape=labels.shape)
    with_items = sparse.hstack([present, np.ones((len(labels), 1), dtype=np.int32)], format="csr")
    items = np.arange(len(labels))
    member = sparse.csr_array((np.ones(len(labels), dtype=np.int32), (unit, items)))  # (units, items)
    counts = member @ with_items
    counts.sort_indices()
    return counts


def _held(counts: sparse.csr_array, part: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """How many units of each class are in each part, ``(classes, parts)``."""
    pairs = counts.indices.astype(np.int64) * parts + np.repeat(part, np.diff(counts.indptr))
    return np.bincount(pairs, minlength=counts.shape[1] * parts).reshape(-1, parts)


def _deal(counts: sparse.csr_array, shares: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """The greedy pass: the rarest class first, each of its units to the part that wants most of that class."""
    columns, parts = counts.tocsc(), range(len(shares))
    want = np.outer(shares, counts.sum(axis=0)).tolist()  # [part][class]
    left = np.diff(columns.indptr).tolist()  # units of each class that are not dealt
    lacking = [(1 << len(shares)) - 1] * counts.shape[1]  # parts without each class, a bit each
    part = np.full(counts.shape[0], -1)
    while (rarity := np.array(left)).any():
        rarest = int(np.where(rarity > 0, rarity, rarity.max() + 1).argmin())
        entries = slice(*columns.indptr[rarest : rarest + 2])
        units = columns.indices[entries][np.argsort(-columns.data[entries], kind="stable")]  # large groups first
        units = units[part[units] < 0]
        chunk = counts[units]
        starts, classes, amounts = chunk.indptr.tolist(), chunk.indices.tolist(), chunk.data.tolist()
        chosen = []
        for first, end, luck in zip(starts, starts[1:], random.random((len(units), len(shares))).tolist()):
            own = classes[first:end]
            # A class with no more units left than parts that lack it cannot spare this one.
            urgent = [lacking[c] for c in own if lacking[c] and left[c] <= lacking[c].bit_count()]
            best = max(
                parts,
                key=lambda p: (sum(bits >> p & 1 for bits in urgent), want[p][rarest], want[p][-1], luck[p]),
            )
            chosen.append(best)
            wanted = want[best]
            for c, amount in zip(own, amounts[first:end]):
                wanted[c] -= amount
                left[c] -= 1
                lacking[c] &= ~(1 << best)
        part[units] = chosen
    return part


def _complete(counts: sparse.csr_array, part: NDArray[np.int64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Move units until no class is in fewer parts than it can be, or the bounds of the search are reached."""
    columns = counts.tocsc()
    units_of = np.diff(columns.indptr)
    for column in _short(_held(counts, part, len(wanted)), units_of)[:PROGRAMS]:
        held = _held(counts, part, len(wanted))
        if column in _short(held, units_of):
            part = _rearranged(counts, part, _around(counts, columns, column), held, wanted)
    return part


def _short(held: NDArray[np.int64], units_of: NDArray[np.int64]) -> NDArray[np.int64]:
    """The classes that are in fewer parts than they could be, the rarest first."""
    short = np.flatnonzero((held > 0).sum(axis=1) < np.minimum(units_of, held.shape[1]))
    return short[np.argsort(units_of[short], kind="stable")]


def _around(counts: sparse.csr_array, columns: sparse.csc_array, column: int) -> NDArray[np.int64]:
    """Units to deal anew for the sake of one class: its own, and those of the rare classes that compete for them."""
    labels_of, units_of = np.diff(counts.indptr), np.diff(columns.indptr)
    own = columns.indices[columns.indptr[column] : columns.indptr[column + 1]]
    free = own[np.argsort(labels_of[own], kind="stable")][:UNITS]  # few labels: easy to move
    grown = 0
    while grown < len(free) < UNITS:
        grown = len(free)
        rivals = np.unique(counts[free].indices)
        rivals = rivals[units_of[rivals] <= UNITS]
        more = columns[:, rivals[np.argsort(units_of[rivals], kind="stable")]].indices  # units of the rarest first
        together = np.concatenate([free, more])
        first = np.sort(np.unique(together, return_index=True)[1])
        free = together[first][:UNITS]
    return free


def _rearranged(
    counts: sparse.csr_array,
    part: NDArray[np.int64],
    free: NDArray[np.int64],
    held: NDArray[np.int64],
    wanted: NDArray[np.float64],
) -> NDArray[np.int64]:
    """The parts after dealing ``free`` anew: fewest (class, part) pairs without a unit, then fewest items moved.

    An integer program: ``x[unit, part]`` says where a unit goes, ``s[class, part]`` that the class is missing there.
    """
    chunk, parts = counts[free], len(wanted)
    member = (chunk > 0).T.astype(np.float64)  # (classes, free)
    open_pairs = (held - _held(chunk, part[free], parts) == 0) & (np.diff(member.tocsr().indptr) > 0)[:, None]
    cover = sparse.kron(member, sparse.eye_array(parts), format="csr")[np.flatnonzero(open_pairs)]
    once = sparse.kron(sparse.eye_array(len(free)), np.ones((1, parts)), format="csr")
    pairs = cover.shape[0]
    sizes = chunk[:, [-1]].toarray()
    moving = np.repeat(sizes / (sizes.sum() + 1), parts, axis=1)  # all moves together cost less than one pair
    moving[np.arange(len(free)), part[free]] = 0
    largest = np.broadcast_to(wanted == wanted.max(), open_pairs.shape)[open_pairs]
    worst = 2 * pairs + 1
    found = optimize.milp(
        np.concatenate([moving.ravel(), 1 + largest, [worst]]),
        integrality=np.concatenate([np.ones(moving.size + pairs), [0]]),
        bounds=optimize.Bounds(np.concatenate([np.zeros(moving.size + pairs), [1]]), 1),
        constraints=[
            optimize.LinearConstraint(sparse.hstack([once, sparse.csr_array((len(free), pairs + 1))]), 1, 1),
            optimize.LinearConstraint(
                sparse.hstack([cover, sparse.eye_array(pairs), sparse.csr_array((pairs, 1))]), 1, np.inf
            ),
        ],
        options={"node_limit": NODES, "mip_rel_gap": GAP / worst},
    )
    STAT.append((found.status, found.fun - worst, found.mip_dual_bound - worst, found.mip_node_count))
    if found.x is None:
        return part
    moved = part.copy()
    moved[free] = found.x[: moving.size].reshape(-1, parts).argmax(axis=1)
    return moved
