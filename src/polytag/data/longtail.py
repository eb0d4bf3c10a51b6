"""A long-tailed training split of any data, made or as published; its other splits are kept."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from polytag._checks import check_number
from polytag._random import generator
from polytag._text import counted
from polytag.data.joined import joined
from polytag.data.labelled_set import UNSPLIT, ImageFiles, LabelledSet
from polytag.data.splits import TEST, TRAIN, VAL, three_way
from polytag.errors import DataError
from polytag.labels import Labels

STREAM = 20271  # of the order in which photos are taken
PASSES = 20  # at most; a few are enough
MOST = 1e6  # imbalance


def long_tailed(data: LabelledSet, imbalance: float = 100.0, seed: int = 0) -> LabelledSet:
    """Leave out training photos until the most frequent label has about ``imbalance`` times the photos of the rarest.

    The label of rank ``r`` of ``C`` is to have ``max * imbalance ** (-r / (C - 1))`` training photos, at least one, and
    no more than it has; labels keep their order of frequency. Labels come together, so the wanted numbers are
    approached: photos are left out, or taken in again, one at a time, as long as that helps.

    Args:
        data: photos and labels; where they have no splits, these are cut first.
        imbalance: ``>= 1``.
        seed: of the cut and of the order in which photos are taken.

    Returns:
        The photos that are left, each in a split; notes say what has become of the labels.

    Raises:
        DataError: if no training photo has a label.
        OptionError: if ``imbalance`` is below 1 or above a million.
    """
    check_number("imbalance", imbalance, 1.0, MOST)
    split = three_way(data, seed)
    whole = split.whole
    assert whole.split is not None
    train = np.flatnonzero(whole.split == TRAIN)
    labels = whole.labels.select(train)
    kept = _taken(labels, wanted_counts(labels, imbalance), seed)
    rows = np.sort(np.concatenate([train[kept], np.flatnonzero((whole.split == VAL) | (whole.split == TEST))]))
    before, after = labels.counts().present, labels.select(kept).counts().present
    there = after[before > 0]
    note = (
        f"long tail, seed {seed}: {len(kept)} of {len(train)} training photos kept, the most frequent label on "
        f"{there.max()} of them and the rarest on {there.min()}, {there.max() / max(there.min(), 1):.0f} times fewer"
    )
    chosen = whole.select(rows)
    loose = int((whole.split == UNSPLIT).sum())
    left_out = [f"{counted(loose, 'photo')} in no split left out"] if loose else []
    chosen.notes = (*data.notes, *split.notes, *left_out, note)
    return chosen


def wanted_counts(labels: Labels, imbalance: float) -> NDArray[np.int64]:
    """How many photos each label is to keep, ``(classes,)``; see :func:`long_tailed`."""
    present = labels.counts().present
    order = np.argsort(-present, kind="stable")
    steps = np.arange(len(order)) / max(len(order) - 1, 1)
    wanted = np.zeros(len(order), np.int64)
    wanted[order] = np.maximum(np.round(present.max() * imbalance**-steps), 1).astype(np.int64)
    return np.minimum(wanted, present)


def published_tail(data: LabelledSet, names: Iterable[str], test: LabelledSet | None = None) -> LabelledSet:
    """The training photos of a list, as VOC-LT and COCO-LT were published, and the test photos of the data.

    Args:
        data: where the listed photos are, such as VOC2012 or COCO 2017.
        names: of photos, without ending; a number is also the name that ends in it, as COCO has it.
        test: where the test photos are, such as VOC2007; by default the test of ``data`` itself. Of data with a test
            its test, of other data its val, else all.

    Raises:
        DataError: if a photo is listed that is not there, or there is no test photo.
    """
    rows: dict[str, int] = {}
    for row, name in enumerate(_names(data)):
        if rows.setdefault(_stem(name), row) != row:
            raise DataError(f"two photos of the data are called {_stem(name)!r}; a list cannot tell them apart")
    listed = [_plain(name) for name in names]
    if not listed:
        raise DataError("the list has no photos in it; write the name of one on each line")
    if twice := next((name for name, count in Counter(listed).items() if count > 1), None):
        raise DataError(f"the list has {twice!r} twice; remove one of them")
    chosen = [rows.get(name, rows.get(_stem(name), -1)) for name in listed]
    missing = [name for name, row in zip(listed, chosen, strict=True) if row < 0]
    if missing:
        shown = ", ".join(map(repr, missing[:3]))
        raise DataError(f"{len(missing)} of {len(listed)} listed photos are not in the data, such as {shown}")
    tested = _tested(data if test is None else test)
    trained = set(_places(data, chosen))
    fresh = [place not in trained for place in _places(data if test is None else test, tested.tolist())]
    tested = tested[np.array(fresh, np.bool_)]
    if not len(tested):
        raise DataError("there is no photo to test on; name other data for it with --test")
    part = np.concatenate([np.zeros(len(chosen), np.int8), np.full(len(tested), TEST, np.int8)])
    note = f"published list: {counted(len(chosen), 'training photo')}, {counted(len(tested), 'test photo')}"
    if test is None:
        whole = data.select(np.concatenate([np.array(chosen, np.int64), tested]))
    elif differ := sorted(set(data.classes) ^ set(test.classes)):
        raise DataError(f"the two data sets differ in their labels, such as {differ[0]!r}; make them one with --rename")
    else:
        whole = joined([data.select(chosen), test.select(tested)])
    return LabelledSet(whole.images, whole.labels, part, whole.groups, [*whole.notes, note])


def _taken(labels: Labels, wanted: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The photos to keep, ascending: in turn each one is left out, or taken in again, where that brings counts closer.

    Closer by the sum of ``((count - wanted) / wanted)^2``: what matters is how far off a label is for its size.
    """
    starts, columns = labels.present
    of_photo = [columns[starts[row] : starts[row + 1]].tolist() for row in range(len(labels))]
    count, goal = labels.counts().present.tolist(), [max(number, 1) for number in wanted.tolist()]
    taken = [True] * len(labels)
    for turn in range(PASSES):
        changed = False
        for row in generator(seed, STREAM, turn).permutation(len(labels)).tolist():
            step = -1 if taken[row] else 1
            if step < 0 and any(count[c] == 1 for c in of_photo[row]):
                continue  # the last photo of a label
            # (n + s - t)^2 - (n - t)^2 = 2 s (n - t) + 1
            if sum((2 * step * (count[c] - goal[c]) + 1) / goal[c] ** 2 for c in of_photo[row]) < 0:
                taken[row], changed = step > 0, True
                for c in of_photo[row]:
                    count[c] += step
        if not changed:
            break
    return np.flatnonzero(taken)


def _names(data: LabelledSet) -> Sequence[str]:
    return data.images.names if isinstance(data.images, ImageFiles) else [data.images.name(n) for n in range(len(data))]


def _places(data: LabelledSet, rows: Sequence[int]) -> list[str]:
    """What tells photos of two data sets apart: their whole path, where they have one."""
    root = f"{data.images.root.resolve()}/" if isinstance(data.images, ImageFiles) else ""
    return [root + data.images.name(row) for row in rows]


def _stem(name: str) -> str:
    return _plain(name.rpartition("/")[2].rpartition(".")[0] or name)


def _plain(name: str) -> str:
    """Without the zeros in front of a number."""
    name = name.strip()
    return str(int(name)) if name.isdecimal() else name


def _tested(data: LabelledSet) -> NDArray[np.int64]:
    if data.split is None:
        return np.arange(len(data))
    for part in (TEST, VAL):
        if len(rows := np.flatnonzero(data.split == part)):
            return rows
    return np.arange(len(data))
