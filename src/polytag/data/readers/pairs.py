"""From pairs of photo and label, met one at a time, to a labelled set: in a few bytes a pair."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag._text import counted
from polytag.data.labelled_set import UNSPLIT, LabelledSet
from polytag.data.paths import Paths
from polytag.data.readers.base import label_name, labelled_set, split_note, split_number
from polytag.data.readers.photos import find_photos, inside
from polytag.errors import DataError
from polytag.labels import Labels
from polytag.labels.matrix import ABSENT, PRESENT, UNKNOWN, Default, Rows, column_type

Unlisted = Literal["auto", "absent", "unknown"]
NOTHING = -2  # the value of a row that lists a photo and no label


class Pair(NamedTuple):
    """What a row says of one label of one photo."""

    line: int
    name: str
    label: str  # empty where the row lists the photo only
    value: int  # 1 present, 0 absent, -1 unknown
    split: str = ""
    group: str = ""


def assemble_pairs(
    source: Path,
    pairs: Iterable[Pair],
    where: Callable[[int], str],
    note: Callable[[int], str],
    unlisted: Unlisted = "auto",
    classes: Sequence[str] | None = None,
    folder: Path | None = None,
    images: str = "",
    splits: str = "",
    groups: str = "",
    more: Sequence[str] = (),
) -> LabelledSet:
    """The labelled set that some pairs make; photos in the order in which they are first met.

    A label of a photo that is said to be present and to be absent is unknown, with a note.

    Args:
        source: the file or folder that they come from.
        pairs: what it says.
        where: what to call line ``i`` in messages.
        note: what was read, given the number of labels.
        unlisted: what a label is that no row lists; "auto" is unknown where a row lists an absent one, else absent.
        classes: the labels, where they are declared; by default those that were met, sorted.
        folder: where the photos are expected; by default where ``source`` is.
        images: the folder that the user names instead; empty for none.
        splits: where the splits come from; empty where there are none.
        groups: where the groups come from; empty where there are none.
        more: further notes.

    Raises:
        DataError: if a photo is missing, outside of the folder or in two splits, or no photo has a label.
    """
    met = _Met(where, classes)
    names = Paths(met.take(pairs, bool(splits), bool(groups)))
    if not len(names):
        raise DataError(f"{source} lists no photos; add a row for each label")
    hashes = np.fromiter(map(hash, names), np.int64)  # rows of a photo need not stand together
    _, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    order = np.argsort(first)  # photos by first appearance
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    first, photo_of_run = first[order], place[inverse]
    lines = np.array(met.lines, np.uint64)[first]
    photos, found = find_photos(
        names.select(first), folder or source.parent, images, lambda row: where(int(lines[row]))
    )

    values = np.array(met.values, np.int8)
    listed = np.array(met.labels, np.int64)
    rows = photo_of_run[np.array(met.runs, np.int64)]
    rows, listed, values = rows[values != NOTHING], listed[values != NOTHING], values[values != NOTHING]
    known = list(met.numbers)
    if classes is None:
        ordered = sorted(known)
        position = {name: column for column, name in enumerate(ordered)}
        listed, known = np.array([position[name] for name in known], np.int64)[listed], ordered
    labels, doubted = _labels(rows, listed, values, len(first), known, unlisted)

    notes = [note(len(known)), *found, *more]
    if doubted:
        are = "is" if doubted == 1 else "are"
        notes.append(f"{counted(doubted, 'label')} {are} said to be present and to be absent: read as unknown")
    if unlisted == "auto":
        because = "an absent label is listed" if labels.default == "unknown" else "no absent label is listed"
        notes.append(f"labels that are not listed are {labels.default}, since {because}")
    at = partial(
        _of_photos, names=names, photo_of_run=photo_of_run, first=first, where=lambda run: where(met.lines[run])
    )
    split = at(met.splits, "split") if splits else None
    group = at(met.groups, "group") if groups else None
    if split is not None:
        notes.append(split_note(split.astype(np.int8), splits))
    if groups:
        notes.append(f"{counted(len(met.group_numbers), 'group')} from {groups}")
    return labelled_set(source, photos, labels, None if split is None else split.astype(np.int8), group, notes)


class _Met:
    """What is kept of each pair; equal rows of one photo that stand together are a run."""

    def __init__(self, where: Callable[[int], str], classes: Sequence[str] | None) -> None:
        self.where = where
        self.numbers = {name: number for number, name in enumerate(classes or ())}
        self.fixed = classes is not None
        self.lines, self.splits, self.groups = array("Q"), array("b"), array("q")  # of runs
        self.runs, self.labels, self.values = array("I"), array("I"), array("b")  # of pairs
        self.group_numbers: dict[str, int] = {}
        self._known: dict[str, int] = {}

    def take(self, pairs: Iterable[Pair], splits: bool, groups: bool) -> Iterator[str]:
        known, last = self._known, ("", "", "")
        runs, labels, values = self.runs.append, self.labels.append, self.values.append
        for pair in pairs:
            line, name, label, value, split, group = pair
            if name != last[0] or split != last[1] or group != last[2] or not self.lines:
                last = name, split, group
                self.lines.append(line)
                if splits:
                    self.splits.append(self._split(pair))
                if groups:
                    self.groups.append(self.group_numbers.setdefault(group, len(self.group_numbers)))
                yield inside(name, self.where(line))
            runs(len(self.lines) - 1)
            number = known.get(label)
            if number is None:
                known[label] = number = self._new(pair)
            labels(number if number >= 0 else 0)
            values(value if number >= 0 else NOTHING)

    def _new(self, pair: Pair) -> int:
        if not (name := label_name(pair.label, self.where(pair.line))):
            return -1
        if self.fixed and name not in self.numbers:
            raise DataError(f"{self.where(pair.line)} has the label {name!r}, which is not declared; correct it")
        return self.numbers.setdefault(name, len(self.numbers))

    def _split(self, pair: Pair) -> int:
        if not (word := pair.split.strip()):
            return UNSPLIT
        if (number := split_number(word)) is None:
            raise DataError(f"{self.where(pair.line)} has the split {word!r}; use train, val or test")
        return number


def _labels(
    rows: NDArray[np.int64],
    listed: NDArray[np.int64],
    values: NDArray[np.int8],
    items: int,
    classes: Sequence[str],
    unlisted: Unlisted,
) -> tuple[Labels, int]:
    """The labels, and how many of them are contradicted."""
    keys = rows * len(classes) + listed
    present, absent, unknown = (np.unique(keys[values == value]) for value in (PRESENT, ABSENT, UNKNOWN))
    doubted = np.intersect1d(present, absent, assume_unique=True)
    unknown = np.union1d(unknown, doubted)
    present, absent = (np.setdiff1d(side, unknown, assume_unique=True) for side in (present, absent))
    default: Default = ("unknown" if len(absent) else "absent") if unlisted == "auto" else unlisted
    other = unknown if default == "absent" else absent
    labels = Labels(classes, _rows(present, items, len(classes)), _rows(other, items, len(classes)), default)
    return labels, len(doubted)


def _rows(keys: NDArray[np.int64], items: int, classes: int) -> Rows:
    counts = np.bincount(keys // classes, minlength=items) if len(keys) else np.zeros(items, np.int64)
    columns: NDArray[np.unsignedinteger] = (keys % max(classes, 1)).astype(column_type(classes))
    return Rows(np.concatenate(([0], np.cumsum(counts))), columns)


def _of_photos(
    values: "array[int]",
    what: str,
    names: Paths,
    photo_of_run: NDArray[np.int64],
    first: NDArray[np.int64],
    where: Callable[[int], str],
) -> NDArray[np.int64]:
    """The split or group of each photo, from those of its runs."""
    of_run = np.array(values, np.int64)
    chosen: NDArray[np.int64] = of_run[first]
    if (differs := np.flatnonzero(of_run != chosen[photo_of_run])).size:
        second = int(differs[0])
        both = f"by {where(int(first[photo_of_run[second]]))} and by {where(second)}"
        raise DataError(f"{names[second]!r} is in two {what}s, {both}; keep all of its rows in one")
    return chosen
