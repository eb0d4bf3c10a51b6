"""From the rows of a label file, met one at a time, to a labelled set: in a few bytes a row."""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from polytag._text import counted
from polytag.data.labelled_set import UNSPLIT, LabelledSet
from polytag.data.paths import Paths
from polytag.data.readers.base import label_name, labelled_set, sorted_labels, split_note, split_number
from polytag.data.readers.photos import find_photos, inside
from polytag.errors import DataError
from polytag.labels import LabelsBuilder
from polytag.labels.matrix import Default


class Row(NamedTuple):
    """What a file says of one photo. Words stand as they are in the file; an empty one says nothing."""

    line: int  # where it says so, for messages
    name: str
    present: Iterable[str]
    unknown: Sequence[str] = ()
    absent: Sequence[str] = ()
    split: str = ""
    group: str = ""


def assemble(
    source: Path,
    rows: Iterable[Row],
    where: Callable[[int], str],
    note: Callable[[int], str],
    folder: Path | None = None,
    images: str = "",
    default: Default = "absent",
    classes: Sequence[str] | None = None,
    splits: str = "",
    groups: str = "",
    more: Sequence[str] = (),
    twice: str = "keep one of them",
) -> LabelledSet:
    """The labelled set that some rows make, in their order.

    Args:
        source: the file or folder that they come from.
        rows: what it says, one photo each.
        where: what to call line ``i`` in messages: ``row 2 of labels.csv``.
        note: what was read, given the number of labels.
        folder: where the photos are expected; by default where ``source`` is.
        images: the folder that the user names instead; empty for none.
        default: what a label is that a row does not list.
        classes: the labels, where the file declares them; by default those that were met, sorted.
        splits: where the splits come from (``column 'split'``); empty where there are none.
        groups: where the groups come from; empty where there are none.
        more: further notes.
        twice: what to do about a photo that is listed twice.

    Raises:
        DataError: if a photo is missing, twice there or outside of the folder, a label is not among ``classes``, a
            split has another name, a group is empty, or no photo has a label.
    """
    collected = _Collected(source, where, default, classes)
    names = Paths(collected.take(rows, bool(splits), bool(groups)))
    if not len(names):
        raise DataError(f"{source} lists no photos; add an entry for each photo")
    photos, found = find_photos(names, folder or source.parent, images, lambda row: where(collected.lines[row]), twice)
    notes = [note(len(collected.numbers)), *found, *more]
    split = np.array(collected.split, np.int8) if splits else None
    if split is not None:
        notes.append(split_note(split, splits))
    if groups:
        notes.append(f"{counted(len(collected.group_numbers), 'group')} from {groups}")
    group = np.array(collected.groups, np.int64) if groups else None
    known = list(collected.numbers)
    labels = collected.builder.build(known) if classes is not None else sorted_labels(collected.builder, known)
    return labelled_set(source, photos, labels, split, group, notes)


class _Collected:
    def __init__(
        self, source: Path, where: Callable[[int], str], default: Default, classes: Sequence[str] | None
    ) -> None:
        self.where = where
        self.builder = LabelsBuilder(default)
        self.numbers: dict[str, int] = {}  # of labels
        self.lines, self.split, self.groups = array("Q"), array("b"), array("q")
        self.group_numbers: dict[str, int] = {}
        self._fixed = classes is not None
        self._known: dict[str, int | None] = {}  # labels as they are spelled in the file
        for name in classes or ():
            clean = label_name(name, str(source))
            if not clean or clean in self.numbers:
                raise DataError(f"{source} declares the label {name!r} twice or without a name; give each its own name")
            self.numbers[clean] = len(self.numbers)

    def take(self, rows: Iterable[Row], split: bool, groups: bool) -> Iterator[str]:
        """Keep the labels, the split and the group of each row, and hand on its file name."""
        for row in rows:
            self.lines.append(row.line)
            self._add(row)
            if split:
                self.split.append(self._split(row))
            if groups:
                if not row.group:
                    raise DataError(f"{self.where(row.line)} has no group; fill it in or remove the entry")
                self.groups.append(self.group_numbers.setdefault(row.group, len(self.group_numbers)))
            if not row.name:
                raise DataError(f"{self.where(row.line)} has no file name; fill it in or remove the entry")
            yield inside(row.name, self.where(row.line))

    def _add(self, row: Row) -> None:
        present = self._labels(row.present)
        unknown, absent = (self._labels(pieces) if pieces else [] for pieces in (row.unknown, row.absent))
        if (unknown or absent) and len({*present, *unknown, *absent}) < sum(
            map(len, map(set, (present, unknown, absent)))
        ):
            number = next(n for n in (*present, *unknown) if (n in present) + (n in unknown) + (n in absent) > 1)
            name = list(self.numbers)[number]
            raise DataError(f"{self.where(row.line)} says two things about the label {name!r}; leave one of them")
        self.builder.add(present, unknown if self.builder.default == "absent" else absent)

    def _labels(self, pieces: Iterable[str]) -> list[int]:
        found = []
        for piece in pieces:
            if piece not in self._known:
                self._known[piece] = self._new(piece)
            if (number := self._known[piece]) is not None:
                found.append(number)
        return found

    def _new(self, piece: str) -> int | None:
        where = self.where(self.lines[-1])
        name = label_name(piece, where)
        if name and self._fixed and name not in self.numbers:
            raise DataError(f"{where} has the label {name!r}, which the file does not declare; declare or correct it")
        return self.numbers.setdefault(name, len(self.numbers)) if name else None

    def _split(self, row: Row) -> int:
        if not (word := row.split.strip()):
            return UNSPLIT
        if (number := split_number(word)) is None:
            raise DataError(f"{self.where(row.line)} has the split {word!r}; use train, val or test")
        return number
