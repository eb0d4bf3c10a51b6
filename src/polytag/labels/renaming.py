"""Labels under other names: renamed, merged, left out."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from polytag._text import did_you_mean
from polytag.errors import DataError
from polytag.labels.matrix import Labels, Rows, column_type


def renamed(labels: Labels, names: Mapping[str, str]) -> Labels:
    """The same items, with some labels under other names.

    Labels that get one name are merged: present where one of them is, absent where all of them are, else unknown. One
    that gets an empty name is left out. A merged label stands where the first of its parts stood.

    Args:
        labels: the labels.
        names: new names by old ones; labels that are not in it keep theirs.

    Raises:
        DataError: if an old name is not that of a label, or no label is left.
    """
    if strange := next((name for name in names if name not in labels.classes), None):
        hint = did_you_mean(strange, labels.classes)
        raise DataError(f"{strange!r} is to be renamed and is none of the {len(labels.classes)} labels{hint}")
    new = [names.get(name, name) for name in labels.classes]
    classes = [name for name in dict.fromkeys(new) if name]
    if not classes:
        raise DataError("all labels are left out by their new names; keep at least one")
    position = {name: column for column, name in enumerate(classes)}
    moved = np.array([position.get(name, -1) for name in new], np.int64)
    parts = np.bincount(moved[moved >= 0], minlength=len(classes))
    present, _ = _merged(labels.present, moved, len(classes))
    other, votes = _merged(labels.other, moved, len(classes))
    if labels.default == "unknown":  # absent only where all parts are
        other = other[votes == parts[other % len(classes)]]
    other = np.setdiff1d(other, present, assume_unique=True)
    sides = [_rows(keys, len(labels), len(classes)) for keys in (present, other)]
    return Labels(classes, sides[0], sides[1], labels.default)


def _merged(rows: Rows, moved: NDArray[np.int64], classes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Entries as ``row * classes + column``, ascending, and how many old ones became each."""
    columns = moved[rows.columns]
    kept = columns >= 0
    keys, counts = np.unique(rows.row_numbers()[kept] * classes + columns[kept], return_counts=True)
    return keys, counts


def _rows(keys: NDArray[np.int64], items: int, classes: int) -> Rows:
    starts = np.concatenate(([0], np.cumsum(np.bincount(keys // classes, minlength=items))))
    return Rows(starts, (keys % classes).astype(column_type(classes)))
