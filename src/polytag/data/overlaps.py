"""Which of many photos may show the same thing, and whether they do: the engine behind :mod:`polytag.data.duplicates`.

From all pairs to a few. Each photo has points, each with a code of 64 bits; codes of the same spot differ in few bits.
Sorting all codes brings many equal spots close together, and four sorts, each led by other bits, miss few. Each code is
compared with its next neighbours only, so the work grows like that of sorting, whatever the photos show. Two photos are
a candidate where two of their points agree on how far one photo is shifted against the other.

From a candidate to a finding. The small grey copies are laid over each other (shift and scale of each axis by
Gauss-Newton steps, with gain and offset of brightness solved along, coarse then fine), and correlated where they
overlap. Before that everything coarser than a few pixels is taken away and the contrast is made equal everywhere: plain
correlation takes two beaches with the same shore line for one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

BITS = 64  # of a code
_TABLES = 4  # sorts, each led by other bits
_NEIGHBOURS = 6  # codes that each one is compared with in each sort
_BIN = 8  # pixels of the description that shifts may differ in and still agree
_CHUNK = 64  # pairs laid over each other at a time: 20 MB
_HOPEFUL = (0.35, 0.5, 0.7)  # least correlation of the coarse structure to go on: at first, after shift, after scale
_SCALES = (0.88, 1.136)  # a photo that lost 5% at both ends of an axis is stretched by 1.11 along it
_WIDE = 0.5  # overlap from which the scale is solved for: in a narrow strip it would fit noise
_VISIBLE = 1.0  # grey levels, the deviation from which structure counts


class Layout(NamedTuple):
    """How pairs of photos lie over each other; an entry a pair."""

    agreement: Floats  # -1 .. 1, the correlation of the fine structure where they overlap
    overlap: Floats  # 0 .. 1, the share of the first that is seen in the second
    structure: Floats  # 0 .. 1, the share of the overlap where both have any fine structure


def close_codes(codes: NDArray[np.uint64], owners: Ints, most: int) -> tuple[Ints, Ints]:
    """Pairs of codes of different owners that differ in few bits; most of them, not all.

    Args:
        codes: ``(items,)``.
        owners: who has each, ``(items,)``.
        most: bits that may differ.

    Returns:
        Two arrays of positions, the first owner's number below the second's; each pair once, in order.
    """
    found = [np.empty(0, np.int64)]
    total = max(len(codes), 1)
    for table in range(_TABLES):
        by = np.uint64(BITS // _TABLES * table)
        order = np.argsort(codes << by | codes >> (np.uint64(BITS) - by) if table else codes, kind="stable")
        for distance in range(1, _NEIGHBOURS + 1):
            one, other = order[:-distance], order[distance:]
            close = (np.bitwise_count(codes[one] ^ codes[other]) <= most) & (owners[one] != owners[other])
            one, other = one[close], other[close]
            swap = owners[one] > owners[other]
            found.append(np.where(swap, other, one) * total + np.where(swap, one, other))
    pairs = np.unique(np.concatenate(found))
    return pairs // total, pairs % total


def agreed_shifts(first: Ints, second: Ints, shifts: Ints) -> tuple[Ints, Ints, Floats, Ints]:
    """Where at least two points of a pair of photos were moved alike, within 8 pixels.

    Args:
        first: photo of each pair of points, ``(items,)``.
        second: the other photo.
        shifts: from the point of the first to that of the second, rows and columns, ``(items, 2)``.

    Returns:
        First photos, second photos, the mean shift ``(pairs, 2)`` and the points that agree on it, the most where there
        are several shifts; each pair once, in order.
    """
    if not len(first):
        return first, second, np.empty((0, 2), np.float32), np.empty(0, np.int64)
    total = int(second.max()) + 1
    pairs = first * total + second
    keys, counts, means = [], [], []
    for down, right in ((0, 0), (0, _BIN // 2), (_BIN // 2, 0), (_BIN // 2, _BIN // 2)):  # bins that cover the borders
        rows, columns = (shifts + (256 + down, 256 + right)).T // _BIN  # 0 .. 64
        groups, inverse, sizes = np.unique(
            (pairs * 128 + rows) * 128 + columns, return_inverse=True, return_counts=True
        )
        sums = [np.bincount(inverse, shifts[:, axis], len(groups)) for axis in (0, 1)]
        kept = sizes >= 2
        keys.append(groups[kept] >> 14)
        counts.append(sizes[kept])
        means.append(np.stack(sums, axis=1)[kept] / sizes[kept, None])
    key, count, mean = np.concatenate(keys), np.concatenate(counts), np.concatenate(means)
    order = np.lexsort((-count, key))
    best, start = np.unique(key[order], return_index=True)
    return best // total, best % total, mean[order][start].astype(np.float32), count[order][start]


def strongest(first: Ints, second: Ints, strength: Ints, most: int) -> NDArray[np.bool_]:
    """Which pairs are among the strongest ``most`` of either of their photos, ``(pairs,)``; of equals the closest.

    Bounds the work on a crowd of photos that all look the same, and leaves each of them linked to others.
    """
    kept = np.zeros(len(first), np.bool_)
    for owners in (first, second):
        order = np.lexsort((second - first, -strength, owners))
        ranks = np.arange(len(order)) - np.searchsorted(owners[order], owners[order])
        kept[order[ranks < most]] = True
    return kept


def lay_over(
    copies: NDArray[np.uint8], first: Ints, second: Ints, shift: Floats, mirrored: NDArray[np.bool_]
) -> Layout:
    """Lay the first of each pair over the second and correlate.

    Args:
        copies: small grey photos, ``(photos, side, side)``.
        first: photos, ``(pairs,)``.
        second: the others.
        shift: where to start: the first's pixel p is the second's p + shift, ``(pairs, 2)``.
        mirrored: whether to turn the second around, left to right, ``(pairs,)``.

    Returns:
        The layout; agreement -1 where the coarse structure already differs.
    """
    parts = [_nothing(0)]
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        one, other = copies[first[part]].astype(np.float32), copies[second[part]].astype(np.float32)
        other[mirrored[part]] = other[mirrored[part], :, ::-1]
        parts.append(_lay_chunk(one, other, shift[part]))
    return Layout(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _nothing(pairs: int) -> Layout:
    zeros = np.zeros(pairs, np.float32)
    return Layout(zeros - 1, zeros, zeros.copy())


def _lay_chunk(one: Floats, other: Floats, shift: Floats) -> Layout:
    result = _nothing(len(one))
    coarse_one, coarse_other = _band(one, 1.5), _band(other, 1.5)  # (pairs, side, side)
    rows, scale = np.arange(len(one)), np.ones_like(shift)
    for stage, least in enumerate(_HOPEFUL):
        warped, seen = _warp(coarse_other, scale, shift)
        hope = _correlation(coarse_one, warped, seen) >= least
        rows, one, other, seen = rows[hope], one[hope], other[hope], seen[hope]
        coarse_one, coarse_other, scale, shift = coarse_one[hope], coarse_other[hope], scale[hope], shift[hope]
        wide = (seen.mean((1, 2)) >= _WIDE) & (stage > 0)
        fine = stage == len(_HOPEFUL) - 1
        pair = (_band(one, 0), _band(other, 0)) if fine else (coarse_one, coarse_other)
        for _ in range(4 if fine else 3):
            scale, shift = _step(*pair, scale, shift, wide)
    warped, seen = _warp(other, scale, shift)
    (even_one, visible_one), (even_other, visible_other) = _evened(one, seen), _evened(warped, seen)
    result.agreement[rows] = _correlation(even_one, even_other, seen)
    result.overlap[rows] = seen.mean((1, 2))
    result.structure[rows] = (visible_one & visible_other).sum((1, 2)) / np.maximum(seen.sum((1, 2)), 1)
    return result


def _warp(photos: Floats, scale: Floats, shift: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The second photos as the first ones would show them, ``(pairs, side, side)``, and where they can be seen."""
    side = photos.shape[1]
    grid = np.arange(side, dtype=np.float32)
    middle = np.float32((side - 1) / 2)
    at = scale[:, :, None] * (grid - middle) + middle + shift[:, :, None]  # (pairs, 2, side)
    seen = (at >= -0.1) & (at <= side - 0.9)  # a tenth of a pixel is what the fit may be off
    away = np.abs(at.clip(0, side - 1)[..., None] - grid)  # (pairs, 2, side, side)
    near = (1.5 * away - 2.5) * away * away + 1  # cubic interpolation, a = -1/2
    far = ((2.5 - 0.5 * away) * away - 4) * away + 2
    weights = np.where(away < 1, near, np.where(away < 2, far, np.float32(0)))
    warped: Floats = weights[:, 0] @ photos @ weights[:, 1].transpose(0, 2, 1)
    return warped, seen[:, 0, :, None] & seen[:, 1, None, :]


def _step(one: Floats, other: Floats, scale: Floats, shift: Floats, wide: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """One Gauss-Newton step: shift, gain and offset that fit best to first order, and for wide overlaps the scale."""
    warped, seen = _warp(other, scale, shift)
    side = one.shape[1]
    down, right = np.gradient(warped, axis=(1, 2))
    place = ((np.arange(side) - (side - 1) / 2) / side).astype(np.float32)
    free = wide[:, None, None]
    columns = (down, right, down * place[:, None] * free, right * place * free, warped, np.ones_like(warped))
    rows = (np.stack(columns, axis=1) * seen[:, None]).reshape(len(one), len(columns), side * side)
    squares = (rows @ rows.transpose(0, 2, 1)).astype(np.float64)  # (pairs, columns, columns)
    ridge = 1e-3 * np.einsum("pcc->pc", squares) + 1e-3  # also what makes nothing of the columns that are zero
    squares += np.eye(len(columns)) * ridge[:, None]
    answer = np.linalg.solve(squares, (rows @ one.reshape(len(one), side * side, 1)).astype(np.float64))[:, :, 0]
    answer /= np.maximum(answer[:, 4:5], 0.2)  # the gain
    moved = shift + scale * answer[:, :2].clip(-1.5, 1.5)
    grown = (scale * (1 + (answer[:, 2:4] / side).clip(-0.02, 0.02))).clip(*_SCALES)
    return grown.astype(np.float32), moved.astype(np.float32)


def _band(photos: Floats, blur: float) -> Floats:
    """What is coarser than ``blur`` pixels and finer than 4."""
    fine = gaussian_filter(photos, (0, blur, blur)) if blur else photos
    return np.asarray(fine - gaussian_filter(photos, (0, 4, 4)))


def _evened(photos: Floats, seen: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """What is finer than 2 pixels, with the same contrast everywhere, and where there is some; of what is seen only."""
    weight = seen.astype(np.float32)
    mean = gaussian_filter(photos * weight, (0, 2, 2)) / np.maximum(gaussian_filter(weight, (0, 2, 2)), 1e-3)
    fine = (photos - mean) * weight
    power = gaussian_filter(fine * fine, (0, 3, 3)) / np.maximum(gaussian_filter(weight, (0, 3, 3)), 1e-3)
    return np.asarray(fine / np.sqrt(power + _VISIBLE)), (power >= _VISIBLE) & seen


def _correlation(one: Floats, other: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Of each pair where both are seen, -1 .. 1."""
    count = np.maximum(seen.sum((1, 2)), 1)
    one = (one - ((one * seen).sum((1, 2)) / count)[:, None, None]) * seen
    other = (other - ((other * seen).sum((1, 2)) / count)[:, None, None]) * seen
    squares = (one * one).sum((1, 2)) * (other * other).sum((1, 2))
    return np.asarray((one * other).sum((1, 2)) / np.sqrt(squares + 1e-6), np.float32)
