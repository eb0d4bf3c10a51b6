"""What the data sets of pedestrian attributes share: a MATLAB file of labels, and lists of the photos of each split."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag.data.labelled_set import SPLITS, UNSPLIT, LabelledSet
from polytag.data.paths import Paths
from polytag.data.readers.base import label_name, labelled_set, split_note
from polytag.data.readers.mat import Mat
from polytag.data.readers.photos import find_photos, inside
from polytag.errors import DataError
from polytag.labels import Labels
from polytag.labels.matrix import ABSENT, UNKNOWN

Attributes = Literal["selected", "all"]
Uncertain = Literal["unknown", "absent"]

PARTITIONS = 5  # random splits that PETA and RAP come with
_TWO = 2  # of a label: the annotators were not certain


class Contents(NamedTuple):
    """What a file says, as it stands there."""

    photos: Sequence[str]  # file names
    attributes: Sequence[str]
    labels: NDArray[Any]  # (photos, attributes)
    split: NDArray[np.int8]  # (photos,)


def random_split(mat: Mat, cell: Any, number: int, names: Sequence[str], photos: int) -> NDArray[np.int8]:
    """One of the random splits of a file, ``(photos,)``: structs with the numbers of photos, counted from 1.

    Args:
        mat: the file.
        cell: its random splits.
        number: which of them, from 0.
        names: what the fields of a struct are, in their order.
        photos: how many there are.

    Raises:
        DataError: if there are fewer splits, a number is none of a photo, or one is in two parts.
    """
    all_of_them = mat.cell(cell, "the random splits")
    if number >= len(all_of_them):
        raise DataError(
            f"{mat.path} has {len(all_of_them)} random splits and none with the number {number}, counted from 0; "
            "correct --reader.partition"
        )
    split = np.full(photos, UNSPLIT, np.int8)
    for name, field in zip(names, mat.struct(all_of_them[number], len(names), "a random split"), strict=False):
        numbers = mat.matrix(field, f"the photos of {name}").ravel()
        if (wrong := ~np.isin(numbers, np.arange(1, photos + 1))).any():
            raise mat.odd(f"photo {numbers[wrong][0]:g} of {name} is none of the {photos}")
        rows = numbers.astype(np.int64) - 1
        if (taken := rows[split[rows] != UNSPLIT]).size:
            raise mat.odd(f"photo {taken[0] + 1} is in {SPLITS[split[taken[0]]]} and in {name}")
        split[rows] = SPLITS.index(name)
    return split


def check_sizes(mat: Mat, what: str, photos: Sequence[str], attributes: Sequence[str], labels: NDArray[Any]) -> None:
    """Raise :class:`DataError` unless there is a label for each attribute of each photo."""
    if labels.shape != (len(photos), len(attributes)):
        rows, columns = labels.shape
        raise mat.odd(
            f"{what} has {len(photos)} photos with {len(attributes)} attributes, and {rows} x {columns} labels"
        )


def pedestrians(
    mat: Mat,
    contents: Contents,
    source_of_split: str,
    folder: Path,
    subfolder: str,
    images: str,
    selected: int | None = None,
    uncertain: Uncertain | None = None,
) -> LabelledSet:
    """The labelled set; attributes stand in the order of the file.

    Args:
        mat: the file.
        contents: what it says.
        source_of_split: what the note on the splits calls them.
        folder: that of the data set.
        subfolder: where the photos are in it.
        images: the folder of the photos that the user names instead; empty for none.
        selected: how many attributes to take, the first ones; None for all of them.
        uncertain: what a label of 2 is; None where a label must be 0 or 1.

    Raises:
        DataError: if the sizes do not fit, a label is another number, two attributes have one name, or a photo is
            missing, twice there or outside of the folder.
    """
    photos, attributes, labels, split = contents
    check_sizes(mat, "it", photos, attributes, labels)
    if selected is not None and len(attributes) < selected:
        raise DataError(
            f"{mat.path} has {len(attributes)} attributes and the selection is of {selected}; "
            "take them with --reader.attributes all"
        )
    values, file = labels[:, :selected], mat.path.name
    allowed = (0, 1) if uncertain is None else (0, 1, _TWO)
    if len(odd := np.argwhere(~np.isin(values, allowed))):
        row, column = odd[0].tolist()
        raise mat.odd(
            f"{attributes[column]!r} of photo {row + 1} must be one of {', '.join(map(str, allowed))}, "
            f"got {values[row, column]:g}"
        )
    classes = [label_name(name, str(mat.path)) for name in attributes[:selected]]
    for place, name in enumerate(classes):
        if not name or name in classes[:place]:
            raise mat.odd(f"attribute {place + 1} has the name {name!r}, which must be one of its own")
    of_all = "" if len(classes) == len(attributes) else f" of {len(attributes)}"
    notes = [f"{file}: {len(classes)}{of_all} attributes on {len(photos)} photos"]
    if count := int((values == _TWO).sum()):
        notes.append(f"{count} labels with the value 2 (uncertain): read as {uncertain}")

    def where(row: int) -> str:
        return f"photo {row + 1} of {file}"

    before = "" if images else f"{subfolder}/"
    names = Paths(before + inside(name, where(row)) for row, name in enumerate(photos))
    found, found_notes = find_photos(names, folder, images, where)
    dense = np.where(values == _TWO, UNKNOWN if uncertain == "unknown" else ABSENT, values).astype(np.int8)
    notes += [*found_notes, split_note(split, source_of_split)]
    return labelled_set(mat.path, found, Labels.from_dense(dense, classes), split, None, notes)
