"""Photos of a data set that are the same, nearly the same, or overlap.

Photos that appear twice make a test lie where one copy is learned from and the other is judged on. Three kinds are
found:

- **the same**: equal decoded pixels, by a digest of 128 bits. Equal files have equal pixels.
- **near**: the same picture resized, compressed again, made lighter or grey, cropped by up to 5%, or mirrored.
- **overlapping**: tiles cut from one larger picture, of about the same size, neither turned nor resized.

One pass over the photos takes fingerprints of 5.2 kB each: the digest, a grey copy of 64 x 64 pixels, and up to 108
points, local extrema of a difference of Gaussians on a grey copy of 192 x 192. The code of a point is the signs of 64
fixed random projections of the low frequencies around it (hyperplane hashing: the bits in which two codes differ count
the angle between what they describe), which gain and offset of brightness leave alone. The whole photo is one more
point, and so is its mirror image. :mod:`polytag.data.overlaps` says how these become candidates and findings.

The threshold comes from 2,099 aerial photos of 256 x 256. The least agreement of the 76 pairs found there is 0.91, and
their full pixels agree too (band-passed correlation from 0.93; by eye for two whose scale differs); runways with the
same markings reach 0.88. Plain correlation of small copies takes beaches for overlapping from their shore line alone.

Not found: rotated photos, crops of more than 5% at an end, tiles that differ in scale, overlaps below 8%, and part of
those below 20%, where few points lie. Of flat photos, and of those that share only a small mark on a flat ground, only
equal pixels count.
"""

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from polytag.data.check import open_each
from polytag.data.labelled_set import Images
from polytag.data.overlaps import BITS, agreed_shifts, close_codes, lay_over, strongest
from polytag.errors import DataError

AGREEMENT = 0.9  # of the fine structure in the overlap, from which two photos show the same thing
NEAR = 0.75  # the share of the first that is seen in the second, from which they are near duplicates
LEAST_OVERLAP = 0.08
_STRUCTURE = 0.2  # the share of the overlap that must have structure to compare
_BY_POINTS, _BY_WHOLE = 8, 2  # candidates of a photo that are looked at, those most agree on
_DIFFERENT_BITS = 6  # of 64, up to which two points may be the same

_SIDE, _COPY = 192, 64  # pixels of the photo that is described, and of the copy that is kept
_CELLS, _PER_CELL = 6, 3  # the strongest 3 points of each of 6 x 6 cells
_POINTS = _CELLS * _CELLS * _PER_CELL
_PATCH, _STRIDE = 9, 2  # a code describes 9 x 9 samples, 2 pixels apart
_REACH = (_PATCH - 1) // 2 * _STRIDE
_LEAST_PEAK = 1.0  # grey levels


@dataclass(frozen=True)
class Fingerprints:
    """What one pass over the photos leaves: 5.2 kB of each.

    Attributes:
        digests: of the pixels, ``(photos, 16)``.
        copies: small grey copies, ``(photos, 64, 64)``.
        codes: of the points, ``(photos, 108)``.
        places: rows and columns of the points, 0 .. 191, ``(photos, 108, 2)``.
        points: how many points each has, 0 .. 108, ``(photos,)``.
        whole: code of the whole photo and of its mirror image, ``(photos, 2)``.
        sizes: height and width in pixels, 0 where it cannot be read, ``(photos, 2)``.
        bad: ``(position, sentence)`` of each photo that cannot be read, by position; as :func:`find_bad_images` has it.
    """

    digests: NDArray[np.uint8]
    copies: NDArray[np.uint8]
    codes: NDArray[np.uint64]
    places: NDArray[np.uint8]
    points: NDArray[np.uint8]
    whole: NDArray[np.uint64]
    sizes: NDArray[np.int32]
    bad: list[tuple[int, str]]

    def __len__(self) -> int:
        return len(self.points)


class Pair(NamedTuple):
    """Two photos that show the same thing."""

    first: int
    second: int
    agreement: float  # 0.9 .. 1, the correlation of their fine structure where they overlap
    overlap: float  # 0 .. 1, the share of the first that is seen in the second
    mirrored: bool


@dataclass(frozen=True)
class Duplicates:
    """What was found, by position.

    Attributes:
        same: groups of photos with equal pixels, two or more in each.
        near: pairs that show the same picture. Of photos that are the same, only the first of the group is compared.
            Of many copies of one picture each is paired with some others, not all; :meth:`groups` joins them.
        overlapping: pairs that share a smaller part.
    """

    same: list[tuple[int, ...]]
    near: list[Pair]
    overlapping: list[Pair]

    def groups(self, total: int) -> NDArray[np.int64]:
        """A number for each of ``total`` photos, ``(total,)``, the same for all that must share a split."""
        links = [(group[0], other) for group in self.same for other in group[1:]]
        links += [(pair.first, pair.second) for pair in (*self.near, *self.overlapping)]
        first, second = np.asarray(links, np.int64).reshape(-1, 2).T
        graph = coo_array((np.ones(len(links)), (first, second)), (total, total))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)


class _Print(NamedTuple):
    digest: bytes
    copy: NDArray[np.uint8]
    codes: NDArray[np.uint64]
    places: NDArray[np.uint8]
    whole: NDArray[np.uint64]
    size: tuple[int, int]


def fingerprints(images: Images, workers: int = 1, progress: Callable[[int], object] | None = None) -> Fingerprints:
    """Decode every photo completely, once: name those that cannot be read, keep of the others what duplicates need.

    Args:
        images: the photos.
        workers: threads, ``>= 1``; the result does not depend on them.
        progress: called with 1 after each photo, from the calling thread.

    Raises:
        OptionError: if ``workers`` is below 1.
    """
    total = len(images)
    prints = Fingerprints(
        np.zeros((total, 16), np.uint8),
        np.zeros((total, _COPY, _COPY), np.uint8),
        np.zeros((total, _POINTS), np.uint64),
        np.zeros((total, _POINTS, 2), np.uint8),
        np.zeros(total, np.uint8),
        np.zeros((total, 2), np.uint64),
        np.zeros((total, 2), np.int32),
        [],
    )
    for row, taken in enumerate(open_each(images, workers, _take)):
        if isinstance(taken, DataError):
            prints.bad.append((row, str(taken)))
        else:
            prints.digests[row] = np.frombuffer(taken.digest, np.uint8)
            prints.copies[row] = taken.copy
            prints.whole[row], prints.sizes[row] = taken.whole, taken.size
            prints.points[row] = count = len(taken.codes)
            prints.codes[row, :count], prints.places[row, :count] = taken.codes, taken.places
        if progress is not None:
            progress(1)
    return prints


def find_duplicates(prints: Fingerprints) -> Duplicates:
    """Find photos that are the same, nearly the same, or overlap.

    Time grows like that of sorting, plus at most 20 comparisons of a millisecond or two a photo, whatever they show.

    Args:
        prints: what :func:`fingerprints` returned.

    Returns:
        Groups and pairs, in order of their positions; photos that cannot be read are in none.
    """
    same, alone = _equal(prints)
    first, second, shift, mirrored = _candidates(prints, alone)
    layout = lay_over(prints.copies, first, second, shift, mirrored)
    kept = (layout.agreement >= AGREEMENT) & (layout.overlap >= LEAST_OVERLAP) & (layout.structure >= _STRUCTURE)
    best: dict[tuple[int, int], Pair] = {}
    for row in np.flatnonzero(kept).tolist():
        agreement, overlap = float(min(layout.agreement[row], 1)), float(layout.overlap[row])
        pair = Pair(int(first[row]), int(second[row]), agreement, overlap, bool(mirrored[row]))
        before = best.get(pair[:2])
        if before is None or pair.agreement > before.agreement:
            best[pair[:2]] = pair
    pairs = [best[key] for key in sorted(best)]
    near = [pair for pair in pairs if pair.overlap >= NEAR]
    return Duplicates(same, near, [pair for pair in pairs if pair.overlap < NEAR])


def _equal(prints: Fingerprints) -> tuple[list[tuple[int, ...]], NDArray[np.int64]]:
    """Groups of equal photos, and the photos without the second and later ones of each group."""
    members: dict[bytes, list[int]] = {}
    bad = {row for row, _ in prints.bad}
    for row, digest in enumerate(prints.digests):
        if row not in bad:
            members.setdefault(digest.tobytes(), []).append(row)
    same = [tuple(rows) for rows in members.values() if len(rows) > 1]
    return same, np.array([rows[0] for rows in members.values()], np.int64)


def _candidates(
    prints: Fingerprints, rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
    """Pairs that may show the same thing: first, second, shift of the copies, whether the second is mirrored."""
    point, number = np.nonzero(np.arange(_POINTS) < prints.points[rows, None])
    owners = rows[point]
    one, other = close_codes(prints.codes[owners, number], owners, _DIFFERENT_BITS)
    places = prints.places[owners, number].astype(np.int64)
    first, second, shift, votes = agreed_shifts(owners[one], owners[other], places[other] - places[one])
    kept = strongest(first, second, votes, _BY_POINTS)
    first, second, shift = first[kept], second[kept], shift[kept] * np.float32(_COPY / _SIDE)
    rows = rows[prints.whole[rows].any(axis=1)]  # flat photos have none
    codes, owners = prints.whole[rows].ravel(), rows.repeat(2)
    one, other = close_codes(codes, owners, _DIFFERENT_BITS)
    kinds = one % 2 + other % 2  # 0 none is mirrored, 1 one is, 2 both are, which 0 has found already
    one, other, kinds = (each[kinds < 2] for each in (one, other, kinds))
    bits = np.bitwise_count(codes[one] ^ codes[other]).astype(np.int64)
    kept = strongest(owners[one], owners[other], -bits, _BY_WHOLE)
    pairs = np.unique(np.stack([owners[one], owners[other], kinds], axis=1)[kept], axis=0)
    known = np.isin(pairs[:, 0] * len(prints) + pairs[:, 1], first * len(prints) + second) & (pairs[:, 2] == 0)
    pairs = pairs[~known]
    return (
        np.concatenate([first, pairs[:, 0]]),
        np.concatenate([second, pairs[:, 1]]),
        np.concatenate([shift, np.zeros((len(pairs), 2), np.float32)]),
        np.concatenate([np.zeros(len(first)), pairs[:, 2]]).astype(np.bool_),
    )


def _take(pixels: NDArray[np.uint8]) -> _Print:
    """The fingerprint of one photo ``(height, width, 3)``."""
    digest = hashlib.blake2b(repr(pixels.shape).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    small = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    grey = np.asarray(small, np.float32)
    copy = np.asarray(small.resize((_COPY, _COPY), Image.Resampling.LANCZOS))
    return _Print(digest.digest(), copy, *_points(grey), _whole(grey), pixels.shape[:2])


def _points(grey: NDArray[np.float32]) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Codes ``(points,)`` and places ``(points, 2)`` of the strongest extrema in each cell."""
    fine = gaussian_filter(grey, 1.4)
    peaks = np.abs(fine - gaussian_filter(grey, 2.4))
    inner = slice(_REACH, _SIDE - _REACH)
    strength = peaks[inner, inner]
    rows, columns = np.nonzero((strength == maximum_filter(peaks, 5)[inner, inner]) & (strength > _LEAST_PEAK))
    cell = rows * _CELLS // len(strength) * _CELLS + columns * _CELLS // len(strength)
    order = np.lexsort((-strength[rows, columns], cell))
    ranks = np.arange(len(order)) - np.searchsorted(cell[order], cell[order])
    order = order[ranks < _PER_CELL]
    places = np.stack([rows[order], columns[order]], axis=1) + _REACH
    steps = np.arange(-_REACH, _REACH + 1, _STRIDE)
    patches = fine[places[:, 0, None, None] + steps[:, None], places[:, 1, None, None] + steps]
    return _codes(patches), places.astype(np.uint8)


def _whole(grey: NDArray[np.float32]) -> NDArray[np.uint64]:
    """The code of the whole photo and of its mirror image, ``(2,)``; zeros where it is flat."""
    if np.ptp(grey) < 2 * _LEAST_PEAK:
        return np.zeros(2, np.uint64)
    at = ((np.arange(_PATCH) + 0.5) * (_SIDE / _PATCH)).astype(np.int64)
    patch = gaussian_filter(grey, _SIDE / _PATCH / 2)[at[:, None], at]
    return _codes(np.stack([patch, patch[:, ::-1]]))


def _codes(patches: NDArray[np.float32]) -> NDArray[np.uint64]:
    """64 bits for each patch of ``(patches, 9, 9)``."""
    signs = patches.reshape(len(patches), _PATCH * _PATCH) @ _projections() > 0  # (patches, 64)
    return np.packbits(signs, axis=1).view(np.uint64).ravel()


@functools.cache
def _projections() -> NDArray[np.float32]:
    """Random mixtures of the cosines below 5 / 18 cycles a sample, the constant left out, ``(81, 64)``.

    Their amplitudes grow like the root of the frequency, half of what makes all frequencies of natural photos equal:
    more would let noise decide, less would leave every code to the coarsest shape.
    """
    number = np.arange(_PATCH)
    cosines = np.cos(np.pi * (number + 0.5) * number[:, None] / _PATCH)
    cosines /= np.linalg.norm(cosines, axis=1, keepdims=True)
    frequency = np.hypot(number[:, None], number)
    down, right = np.nonzero((frequency > 0) & (frequency <= 5))
    waves = (cosines[down][:, :, None] * cosines[right][:, None, :]).reshape(len(down), -1)  # (waves, 81)
    mixture = np.random.default_rng(0).normal(size=(BITS, len(down))) * frequency[down, right] ** 0.5
    return np.ascontiguousarray((mixture @ waves).T.astype(np.float32))
