"""Photos that look alike from afar: every photo against every other one, shifted, on small grey copies.

Tiles of one scene (a shore, a runway, a field) may look alike without showing the same ground, which
:mod:`polytag.data.duplicates` then rightly does not call an overlap; and a split that has them on both sides still
tells the test something.

Two photos look alike where some shift leaves at least a fifth of them in common and the copies of 64 x 64 pixels
correlate there by more than 0.93, the rule by which the tiles of UC Merced were grouped. Copies of 16 x 16 pixels, all
shifts by whole pixels, one matrix product each, find the candidates.

Of photos that are no tiles many look alike by chance, since smooth backgrounds correlate: this is for aerial,
microscopic or satellite pictures. :func:`are_tiles` tells them by their size.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from polytag.data.duplicates import Fingerprints, Pair
from polytag.errors import OptionError

MOST = 5000  # photos: the work grows with their square
ALIKE = 0.93
COMMON = 0.2  # of the copy
TILES = 0.95  # of the photos: so many must have one size
_SMALL = 16  # pixels of the copies that find candidates
_HOPEFUL = 0.88  # correlation of these, from which a pair is looked at more closely
_BLOCK = 500  # photos at a time
_VISIBLE = 1.0  # grey levels of deviation, below which there is nothing to compare

Floats = NDArray[np.float32]
Shift = tuple[int, int]

_SHIFTS: list[Shift] = [  # that leave enough in common; the others are these with the photos exchanged
    (down, right)
    for down in range(_SMALL)
    for right in range(-_SMALL + 1 if down else 0, _SMALL)
    if (_SMALL - down) * (_SMALL - abs(right)) >= COMMON * _SMALL**2
]
STEPS = 2 * len(_SHIFTS)  # of progress: the shifts, and as many for the closer looks
_LOOKS = 20  # closer looks for each pair that is wanted at most


def are_tiles(prints: Fingerprints) -> bool:
    """Whether the photos seem cut from larger pictures: nearly all of one square size, and at most ``MOST``."""
    sizes = prints.sizes[prints.sizes[:, 0] > 0]
    if not 1 < len(sizes) <= len(prints) <= MOST:
        return False
    values, counts = np.unique(sizes, axis=0, return_counts=True)
    height, width = values[counts.argmax()]
    return bool(height == width and counts.max() >= TILES * len(sizes))


def look_alikes(
    prints: Fingerprints, progress: Callable[[int], object] | None = None, most: int | None = None
) -> list[Pair] | None:
    """Pairs of photos that look alike, by position; photos that cannot be read are in none.

    Args:
        prints: of at most ``MOST`` photos.
        progress: called with 1 after each of ``STEPS`` parts of the work.
        most: pairs from which on the search is given up, as it is where candidates are 20 times as many.

    Returns:
        The pairs, or None where there are more than ``most``.

    Raises:
        OptionError: if there are more.
    """
    if len(prints) > MOST:
        raise OptionError(
            f"look-alikes are searched among all pairs, of at most {MOST} photos, and there are {len(prints)}; "
            f"give fewer of them, or leave this out"
        )
    bad = {row for row, _ in prints.bad}
    rows = np.array([row for row in range(len(prints)) if row not in bad], np.int64)
    copies = prints.copies[rows].astype(np.float32)
    told = progress or (lambda one: None)
    candidates = _candidates(copies, told, None if most is None else _LOOKS * most)
    if candidates is None:
        return None
    found: list[Pair] = []
    for done, ((first, second), shift) in enumerate(sorted(candidates.items())):
        agreement, overlap = _closer(copies[first], copies[second], shift)
        if agreement > ALIKE:
            found.append(Pair(int(rows[first]), int(rows[second]), min(agreement, 1.0), overlap, False))
            if most is not None and len(found) > most:
                return None
        for _ in range(done * len(_SHIFTS) // len(candidates), (done + 1) * len(_SHIFTS) // len(candidates)):
            told(1)
    for _ in _SHIFTS if not candidates else ():
        told(1)
    return found


def _candidates(
    copies: Floats, progress: Callable[[int], object], most: int | None
) -> dict[tuple[int, int], Shift] | None:
    """The pairs worth a closer look, each with the best shift of the second against the first, in small pixels.

    None where there are more than ``most``.
    """
    items, side, _ = copies.shape
    step = side // _SMALL
    small = copies.reshape(items, _SMALL, step, _SMALL, step).mean((2, 4))
    best: dict[tuple[int, int], tuple[float, Shift]] = {}
    for down, right in _SHIFTS:
        one, other = _evened(_part(small, (down, right))), _evened(_part(small, (-down, -right)))
        for start in range(0, items, _BLOCK):
            scores = one[start : start + _BLOCK] @ other.T
            for row, column in np.argwhere(scores > _HOPEFUL).tolist():
                first, score = start + row, float(scores[row, column])
                if first == column:
                    continue
                key, shift = ((first, column), (down, right)) if first < column else ((column, first), (-down, -right))
                if key not in best or score > best[key][0]:
                    best[key] = score, shift
            if most is not None and len(best) > most:
                return None
        progress(1)
    return {key: shift for key, (_, shift) in best.items()}


def _closer(one: Floats, other: Floats, shift: Shift) -> tuple[float, float]:
    """The best correlation near a shift, on the copies themselves, and what they have in common there."""
    side = len(one)
    scale = side // _SMALL
    middle, best = (shift[0] * scale, shift[1] * scale), (-1.0, 0.0)
    for reach, step in ((scale, 2), (1, 1)):
        tries = []
        for down in range(middle[0] - reach, middle[0] + reach + 1, step):
            for right in range(middle[1] - reach, middle[1] + reach + 1, step):
                common = max(side - abs(down), 0) * max(side - abs(right), 0) / side**2
                if common >= COMMON:
                    parts = (_part(one[None], (down, right)), _part(other[None], (-down, -right)))
                    tries.append(((_evened(parts[0]) * _evened(parts[1])).sum(), common, (down, right)))
        if tries:
            score, common, middle = max(tries)
            best = max(best, (float(score), common))
    return best


def _part(copies: Floats, shift: Shift) -> Floats:
    """What is left of pictures when another one lies ``shift`` further down and right: ``(items, height, width)``."""
    down, right = shift
    height, width = copies.shape[1:]
    return copies[:, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)]


def _evened(parts: Floats) -> Floats:
    """Each as a vector of mean 0 and length 1; of length 0 where there is nothing to see."""
    flat = parts.reshape(len(parts), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.sqrt((flat * flat).sum(axis=1, keepdims=True))
    seen = length > _VISIBLE * np.sqrt(flat.shape[1])
    return np.where(seen, flat / np.maximum(length, 1e-6), 0).astype(np.float32)
