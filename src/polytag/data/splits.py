"""Which photos to learn from, which to choose by, which to judge on."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag.data.labelled_set import SPLITS, UNSPLIT, LabelledSet
from polytag.errors import DataError
from polytag.labels.stratify import stratify

TRAIN, VAL, TEST = range(3)
VAL_SHARE, TEST_SHARE = 0.1, 0.1
SHOWN = 5  # names in a note


class Split(NamedTuple):
    """Three sets that share no photo, and what to tell about them, a sentence each."""

    train: LabelledSet
    val: LabelledSet
    test: LabelledSet
    notes: tuple[str, ...]


def three_way(data: LabelledSet, seed: int) -> Split:
    """Split as the data says, and where it does not say, stratified by label and seeded.

    Without any split: 80, 10 and 10 percent. Without validation photos: a tenth of the training photos, except that an
    official "val" without a test is the test. Photos that are in no split, where others are in one, are left out.
    Groups share a split wherever it is ours to choose.

    Raises:
        DataError: if there are too few photos, no training photo, or no label on any training photo.
    """
    if len(data) < len(SPLITS):
        raise DataError(f"{len(data)} photos cannot be split into train, val and test; give at least {len(SPLITS)}")
    notes: list[str] = []
    if data.split is None or (data.split == UNSPLIT).all():
        shares = (1 - VAL_SHARE - TEST_SHARE, VAL_SHARE, TEST_SHARE)
        part, missing = stratify(data.labels, shares, seed, data.groups)
        notes += [f"no splits in the data: cut 80/10/10 into train, val and test, stratified, seed {seed}"]
        notes += _missing_note(data, missing, ("train", "val", "test"))
    else:
        part = _official(data, data.split.astype(np.int64), seed, notes)
    train, val, test = (data.select(np.flatnonzero(part == number)) for number in (TRAIN, VAL, TEST))
    if not len(train.labels.present.columns):
        raise DataError(f"none of the {len(train)} training photos has any label; check the column of labels")
    return Split(train, val, test, tuple(notes + _only_in_test(data, part)))


def _official(data: LabelledSet, part: NDArray[np.int64], seed: int, notes: list[str]) -> NDArray[np.int64]:
    if left_out := int((part == UNSPLIT).sum()):
        notes.append(f"{left_out} photos are in no split and are left out")
    if (part == VAL).any() and not (part == TEST).any():
        part = np.where(part == VAL, TEST, part)
        notes.append("the data has a val and no test split: its val is the test")
    if not (part == TRAIN).any():
        raise DataError("the data has a split, and no photo of it is for training; mark some as train")
    if straddling := _straddling(data.groups, part):
        notes.append(f"{straddling} groups have photos in more than one of the official splits")
    if (part == VAL).any():
        return part
    rows = np.flatnonzero(part == TRAIN)
    if len(rows) < 2:
        raise DataError("one training photo cannot be split into train and val; give more")
    groups = None if data.groups is None else data.groups[rows]
    cut, missing = stratify(data.labels.select(rows), (1 - VAL_SHARE, VAL_SHARE), seed, groups)
    part = part.copy()
    part[rows[cut == 1]] = VAL
    notes.append(f"no validation split: a tenth of train ({(cut == 1).sum()} photos) was cut off, seed {seed}")
    notes += _missing_note(data, missing, ("train", "val"))
    return part


def _missing_note(data: LabelledSet, missing: Sequence[tuple[str, int]], sides: Sequence[str]) -> list[str]:
    if not missing:
        return []
    lacking: dict[str, list[str]] = {}
    for name, side in missing:
        lacking.setdefault(name, []).append(sides[side])
    count = dict(zip(data.classes, data.labels.counts().present.tolist(), strict=True))
    some = [f"{name!r} ({count[name]}) is not in {', '.join(where)}" for name, where in list(lacking.items())[:SHOWN]]
    return [f"{_number(len(lacking), 'label')} could not be on every side: {_list(some, len(lacking))}"]


def _only_in_test(data: LabelledSet, part: NDArray[np.int64]) -> list[str]:
    present = [data.labels.select(np.flatnonzero(part == number)).counts().present for number in (TRAIN, VAL, TEST)]
    names = [data.classes[column] for column in np.flatnonzero((present[TRAIN] == 0) & (present[TEST] > 0))]
    if not names:
        return []
    return [f"{_number(len(names), 'label')} of the test photos are on no training photo and cannot be learned: "
            f"{_list(names[:SHOWN], len(names))}"]  # fmt: skip


def _straddling(groups: NDArray[np.int64] | None, part: NDArray[np.int64]) -> int:
    if groups is None:
        return 0
    pairs = np.unique(np.stack([groups, part])[:, part != UNSPLIT], axis=1)
    return int((np.unique(pairs[0], return_counts=True)[1] > 1).sum())


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _list(shown: Sequence[str], total: int) -> str:
    return ", ".join(shown) + (f" and {total - len(shown)} more" if total > len(shown) else "")
