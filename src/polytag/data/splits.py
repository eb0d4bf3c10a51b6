"""Which photos to learn from, which to choose by, which to judge on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag.data.labelled_set import SPLITS, UNSPLIT, LabelledSet
from polytag.errors import DataError
from polytag.labels.stratify import stratify

TRAIN, VAL, TEST = range(3)
NO_SPLITS = "no splits in the data"
SHARES = (0.8, 0.1, 0.1)
CUT = (0.9, 0.1)  # train and val, where the data has no validation split
SHOWN, LISTED = 5, 200  # names in a note, and in the one that is the list of what could not be


class Split(NamedTuple):
    """Three sets that share no photo, and what to tell about them, a sentence each."""

    train: LabelledSet
    val: LabelledSet
    test: LabelledSet
    notes: tuple[str, ...]
    whole: LabelledSet  # all photos, in the order of the data, each with its split, which is settled


def three_way(data: LabelledSet, seed: int) -> Split:
    """Split as the data says, and where it does not say, stratified by label and seeded.

    - No split at all: 80, 10 and 10 percent.
    - An official "val" without a test is the test. Without either, the test is empty.
    - No validation photos: a tenth of the training photos. The test never has a part in this.
    - Photos that are in no split, where others are in one, are left out.
    - Splits that are settled stay as they are.

    Groups stay together wherever it is ours to choose; a note counts those that the data itself splits.

    Raises:
        DataError: if there are too few photos or groups, no training photo, or no label on any training photo.
    """
    notes: list[str] = []
    if data.settled and data.split is not None:
        part = data.split.astype(np.int64)
    elif data.split is None or (data.split == UNSPLIT).all():
        part = _cut(data, np.arange(len(data)), SHARES, seed, notes)
        notes.insert(0, f"{NO_SPLITS}: cut 80/10/10 into train, val and test, stratified, seed {seed}")
    else:
        part = _official(data, data.split.astype(np.int64), seed, notes)
    train, val, test = (data.select(np.flatnonzero(part == number)) for number in (TRAIN, VAL, TEST))
    if not len(train.labels.present.columns):
        raise DataError(f"none of the {len(train)} training photos has any label; check where the data has its labels")
    present = [side.labels.counts().present > 0 for side in (train, val, test)]
    for where in ((VAL,), (TEST,), (VAL, TEST)):
        only = np.logical_and.reduce([present[number] == (number in where) for number in (TRAIN, VAL, TEST)])
        if only.any():
            names = [repr(data.classes[column]) for column in np.flatnonzero(only)]
            is_only = "is only" if len(names) == 1 else "are only"
            sides = " and ".join(SPLITS[number] for number in where)
            notes.append(f"{_count(len(names), 'label')} {is_only} in {sides} and cannot be learned: {_some(names)}")
    whole = LabelledSet(data.images, data.labels, part.astype(np.int8), data.groups, data.notes, settled=True)
    return Split(train, val, test, tuple(notes), whole)


def _official(data: LabelledSet, part: NDArray[np.int64], seed: int, notes: list[str]) -> NDArray[np.int64]:
    if left_out := int((part == UNSPLIT).sum()):
        notes.append(f"{_count(left_out, 'photo')} in no split, left out")
    if (part == VAL).any() and not (part == TEST).any():
        part = np.where(part == VAL, TEST, part)
        notes.append("the data has a val and no test split: its val is the test")
    rows = np.flatnonzero(part == TRAIN)
    if not len(rows):
        raise DataError("the data has splits, and no photo of it is for training; mark some as train")
    if straddling := _straddling(data.groups, part):
        notes.append(
            f"{_count(straddling, 'group')} with photos in more than one split of the data, "
            "which makes scores look better than they are"
        )
    if not (part == VAL).any():
        part = part.copy()
        part[rows] = _cut(data, rows, CUT, seed, notes)
        cut = int((part == VAL).sum())
        notes.append(f"no validation split: {_count(cut, 'photo')} cut off train, stratified, seed {seed}")
    return part


def _cut(
    data: LabelledSet, rows: NDArray[np.int64], shares: Sequence[float], seed: int, notes: list[str]
) -> NDArray[np.int64]:
    """The side of each of ``rows``, stratified; notes which labels are not on every side."""
    sides = SPLITS[: len(shares)]
    labels, groups = data.labels.select(rows), None if data.groups is None else data.groups[rows]
    units, what = (len(rows), "photo") if groups is None else (len(np.unique(groups)), "group")
    if units < len(sides):
        raise DataError(
            f"{_count(units, what)} cannot be split into {', '.join(sides)}; "
            f"add {what}s until there are {len(sides)}, or give every photo its split"
        )
    part, missing = stratify(labels, shares, seed, groups)
    lacking: dict[str, list[str]] = {}
    for name, side in missing:
        lacking.setdefault(name, []).append(sides[side])
    if lacking:
        present = dict(zip(labels.classes, labels.counts().present.tolist(), strict=True))
        some = [f"{name!r} ({_count(present[name], 'photo')}) is not in {', '.join(lacking[name])}" for name in lacking]
        notes.append(f"{_count(len(lacking), 'label')} could not be on every side: " + _some(some, "; ", LISTED))
    return part


def _straddling(groups: NDArray[np.int64] | None, part: NDArray[np.int64]) -> int:
    if groups is None:
        return 0
    pairs = np.unique(np.stack([groups, part])[:, part != UNSPLIT], axis=1)
    return int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _some(texts: Sequence[str], between: str = ", ", shown: int = SHOWN) -> str:
    return between.join(texts[:shown]) + (f" and {len(texts) - shown} more" if len(texts) > shown else "")
