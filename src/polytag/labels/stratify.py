"""Parts of a multi-label dataset that look alike, each with every class wherever that can be done.

Iterative stratification of Sechidis, Tsoumakas, Vlahavas, "On the Stratification of Multi-Label Data", ECML PKDD
2011, for items or for whole groups of them. On its own it leaves rare classes in one part; so here a unit that a
class cannot spare goes where the class is missing, and a local search mends what that leaves.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from polytag._random import generator
from polytag.errors import DataError, OptionError
from polytag.labels.matrix import Labels

# The search ends after this many moves in all, or this many for each unit it has touched since the last gain.
MOVES, MOVES_PER_UNIT = 100_000, 250
# It looks at this many units of a class at a time; one that has moved rests for this many moves.
CHOICES, REST = 64, 3


class Stratified(NamedTuple):
    """What :func:`stratify` returns."""

    part: NDArray[np.int64]  # (items,): a position in ``shares``
    missing: tuple[tuple[str, int], ...]  # each (class, part) without a positive, of the classes that have positives


def stratify(
    labels: Labels, shares: Sequence[float], seed: int, groups: NDArray[np.integer] | None = None
) -> Stratified:
    """Deal the items out to parts so that each part has its share of every class and of the items.

    No part is empty. A class is in every part if it has as many items (groups, where these are given) as there are
    parts; one with fewer is in as many parts as it can be, a largest one first. Where classes are in each other's
    way, a bounded search looks for a split that suits all of them, and ``missing`` lists what it did not reach.
    That comes before the shares. These hold to within 1% of the items in ordinary data; large groups, or so many
    classes of a handful of items that most items are spoken for, take a part further off. Unknown labels count
    neither way.

    Args:
        labels: one row an item.
        shares: the relative size of each part, ``> 0``; they are divided by their sum.
        seed: ``>= 0``; breaks the ties.
        groups: a number for each item, ``(items,)``; items of one group stay together. Each item for itself if None.

    Raises:
        OptionError: if there are fewer than two shares, or one is not positive and finite.
        DataError: if ``groups`` does not fit the labels, or there are fewer items or groups than parts.
    """
    sizes = np.asarray(shares, dtype=np.float64)
    if sizes.ndim != 1 or len(sizes) < 2 or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise OptionError(f"shares must be two or more positive numbers, got {shares!r}")
    if groups is not None and len(groups) != len(labels):
        raise DataError(f"{len(labels)} items came with {len(groups)} groups; give one for each")
    unit = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    units, parts = int(unit.max(initial=-1)) + 1, len(sizes)
    if units < parts:
        what = "items" if groups is None else "groups"
        raise DataError(f"{units} {what} cannot fill {parts} parts; give more {what} or ask for fewer parts")
    random = generator(seed)
    order = random.permutation(units)
    counts = _counts(labels, unit, units)[order]
    dealt = _deal(counts, sizes / sizes.sum(), random)
    part = np.empty(units, dtype=np.int64)
    part[order] = _complete(counts, dealt, sizes == sizes.max(), random)
    held = _held(counts, part[order], parts)[:-1]
    lost = np.argwhere((held == 0) & held.any(axis=1, keepdims=True)).tolist()
    return Stratified(part[unit], tuple((labels.classes[column], side) for column, side in lost))


def _counts(labels: Labels, unit: NDArray[np.int64], units: int) -> sparse.csr_array:
    """Positives of each class in each unit and, as a last class that every unit has, its items."""
    starts, columns = labels.present
    present = sparse.csr_array((np.ones(len(columns), np.int32), columns.astype(np.int32), starts), shape=labels.shape)
    counts = sparse.hstack([present, np.ones((len(labels), 1), np.int32)], format="csr")  # (items, classes + 1)
    if units < len(labels):
        ones, items = np.ones(len(labels), np.int32), np.arange(len(labels))
        counts = sparse.csr_array((ones, (unit, items))) @ counts  # (units, classes + 1)
        counts.sort_indices()
    return counts


def _held(counts: sparse.csr_array, part: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """How many units of each class are in each part, ``(classes + 1, parts)``."""
    pairs = counts.indices.astype(np.int64) * parts + np.repeat(part, np.diff(counts.indptr))
    return np.bincount(pairs, minlength=counts.shape[1] * parts).reshape(-1, parts)


def _deal(counts: sparse.csr_array, shares: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.int64]:
    """The greedy pass: the rarest class first, each of its units to the part that wants most of that class."""
    columns, parts = counts.tocsc(), range(len(shares))
    want = np.outer(shares, counts.sum(axis=0)).tolist()  # [part][class]
    left = np.diff(columns.indptr).tolist()  # units of each class that are not dealt
    lacking = [(1 << len(shares)) - 1] * len(left)  # parts without each class, a bit each
    part, items = np.full(counts.shape[0], -1), columns.data[columns.indptr[-2] :]
    while (rarity := np.array(left)).any():
        rarest = int(np.where(rarity > 0, rarity, rarity.max() + 1).argmin())
        entries = slice(*columns.indptr[rarest : rarest + 2])
        units, of_class = columns.indices[entries], columns.data[entries]
        # Groups that are too large for the smallest part come first, while there is room; the others as they come.
        large = (of_class > min(w[rarest] for w in want)) | (items[units] > min(w[-1] for w in want))
        units = units[np.argsort(np.where(large, -items[units], 0), kind="stable")]
        units = units[part[units] < 0]
        chunk = counts[units]
        starts, classes, amounts = chunk.indptr.tolist(), chunk.indices.tolist(), chunk.data.tolist()
        chosen = []
        lucks = random.random((len(units), len(shares))).tolist()
        for first, end, luck in zip(starts[:-1], starts[1:], lucks, strict=True):
            own = classes[first:end]
            # A class with no more units left than parts that lack it cannot spare this one.
            urgent = [lacking[c] for c in own if lacking[c] and left[c] <= lacking[c].bit_count()]
            ranks = [(sum(u >> p & 1 for u in urgent), want[p][rarest], want[p][-1], luck[p], p) for p in parts]
            best = max(ranks)[-1]
            chosen.append(best)
            wanted = want[best]
            for c, amount in zip(own, amounts[first:end], strict=True):
                wanted[c] -= amount
                left[c] -= 1
                lacking[c] &= ~(1 << best)
        part[units] = chosen
    return part


def _complete(
    counts: sparse.csr_array, part: NDArray[np.int64], largest: NDArray[np.bool_], random: np.random.Generator
) -> NDArray[np.int64]:
    """Move units until every class is in as many parts as it can be, one of the ``largest`` among them.

    A local search. Each move takes one class that is short, one part where it is missing, and sends there the unit
    that leaves the fewest (class, part) pairs empty; what that breaks is mended later. It does not run in circles,
    because a unit rests after its move, and a class that was helped at the cost of others counts for more from then
    on. Where not all can be had, the moves up to the fewest empty pairs stay, those of the largest parts counted twice.
    """
    columns, parts = counts.tocsc(), len(largest)
    reach = np.minimum(np.diff(columns.indptr), parts).tolist()  # in how many parts each class can be
    held = _held(counts, part, parts).tolist()  # [class][part]
    here, weight, main = part.tolist(), (1 + largest).tolist(), np.flatnonzero(largest).tolist()
    priority, moved_at, moves = [1] * len(held), dict[int, int](), list[tuple[int, int]]()
    empty = fewest = kept = kept_at = 0  # the change in empty pairs, its minimum, and how many moves led there

    def goals(c: int) -> list[int]:
        """The parts that class ``c`` could be in and is not."""
        missing = [p for p, units in enumerate(held[c]) if not units]
        if parts - len(missing) < reach[c]:
            return missing
        return [] if any(held[c][p] for p in main) or not reach[c] else main

    short = [c for c in range(len(held)) if goals(c)]
    listed = set(short)
    for step in range(MOVES):
        while short and not goals(short[at := int(random.integers(len(short)))]):
            listed.discard(short[at])
            short[at] = short[-1]
            short.pop()
        if not short or step > kept_at + MOVES_PER_UNIT * max(len(moved_at), 1):
            break
        column = short[at]
        side = goals(column)[int(random.integers(len(goals(column))))]
        units = columns.indices[columns.indptr[column] : columns.indptr[column + 1]]
        if len(units) > CHOICES:
            units = units[random.integers(len(units), size=CHOICES)]
        choices = []
        for unit, luck in zip(units.tolist(), random.random(len(units)).tolist(), strict=True):
            entries = slice(*counts.indptr[unit : unit + 2])
            own, home = counts.indices[entries].tolist(), here[unit]
            harm = sum(priority[c] * ((held[c][home] == 1) - (held[c][side] == 0)) for c in own)
            if step > moved_at.get(unit, -REST) + REST:
                choices.append((harm, int(counts.data[entries][-1]), luck, unit, home, own))  # small groups first
        if not choices:
            continue
        harm, _, _, unit, home, own = min(choices)
        priority[column] += harm >= 0
        here[unit], moved_at[unit] = side, step
        moves.append((unit, side))
        for c in own:
            held[c][home] -= 1
            held[c][side] += 1
            empty += weight[home] * (held[c][home] == 0) - weight[side] * (held[c][side] == 1)
            if c not in listed and goals(c):
                short.append(c)
                listed.add(c)
        if empty < fewest:
            fewest, kept, kept_at = empty, len(moves), step
    result = part.copy()
    for unit, side in moves[: kept if short else len(moves)]:
        result[unit] = side
    return result
