"""Several data sets as one."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from polytag.data.labelled_set import UNSPLIT, ImageFiles, LabelledSet
from polytag.data.paths import Paths
from polytag.errors import DataError
from polytag.labels import Labels
from polytag.labels.matrix import Rows, column_type


def joined(sets: Sequence[LabelledSet], splits: Sequence[int] | None = None) -> LabelledSet:
    """The photos of several sets, one after the other, under the classes of all, sorted where they differ.

    A label that one set never mentions is on its photos what the set says of unlisted labels. Groups are given up.

    Args:
        sets: photos in files, and labels; unlisted labels must be the same thing in all of them.
        splits: the split of all photos of each set; by default that which each photo has.

    Raises:
        DataError: if photos are in memory, or unlisted labels are absent in one set and unknown in another.
    """
    files = [_files(data) for data in sets]
    defaults = {data.labels.default for data in sets}
    if len(defaults) > 1:
        raise DataError(
            "unlisted labels are absent in one part of the data and unknown in another; give both the same columns "
            "or name the one to read, or say --unlisted where the format has that option"
        )
    same = all(data.classes == sets[0].classes for data in sets)
    classes = sets[0].classes if same else tuple(sorted({name for data in sets for name in data.classes}))
    position = {name: column for column, name in enumerate(classes)}
    moved = [np.array([position[name] for name in data.classes], np.int64) for data in sets]
    present, other = (
        _stacked([getattr(data.labels, side) for data in sets], moved, len(classes)) for side in ("present", "other")
    )
    root = Path(os.path.commonpath([images.root.resolve() for images in files]))
    places = [images.root.resolve().relative_to(root) for images in files]
    names = Paths(
        (place / name).as_posix() for images, place in zip(files, places, strict=True) for name in images.names
    )
    parts = [
        np.full(len(data), UNSPLIT if data.split is None else 0, np.int8) + (0 if data.split is None else data.split)
        for data in sets
    ]
    if splits is not None:
        parts = [np.full(len(data), number, np.int8) for data, number in zip(sets, splits, strict=True)]
    split = np.concatenate(parts).astype(np.int8)
    notes = [note for data in sets for note in data.notes]
    labels = Labels(classes, present, other, sets[0].labels.default)
    return LabelledSet(ImageFiles(root, names), labels, None if (split == UNSPLIT).all() else split, None, notes)


def _files(data: LabelledSet) -> ImageFiles:
    if not isinstance(data.images, ImageFiles):
        raise DataError("photos in memory cannot be joined; read both from a disk")
    return data.images


def _stacked(rows: Sequence[Rows], moved: Sequence[NDArray[np.int64]], classes: int) -> Rows:
    """Rows below rows, their columns renamed."""
    starts, columns, count = [np.zeros(1, np.int64)], [], 0
    for each, names in zip(rows, moved, strict=True):
        renamed = names[each.columns]
        renamed = renamed[np.lexsort((renamed, each.row_numbers()))]  # ascending within each row
        starts.append(each.starts[1:] + count)
        columns.append(renamed)
        count += len(renamed)
    return Rows(np.concatenate(starts), np.concatenate(columns).astype(column_type(classes)))
