"""A small copy of a dataset: its photos at the size that a training takes, with a table of its labels and splits."""

import csv
import io
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from polytag._checks import check_number
from polytag._files import write_atomic, write_text
from polytag.data.labelled_set import SPLITS, UNSPLIT, LabelledSet
from polytag.data.preprocessing import Preprocessing
from polytag.data.readers.table import Table
from polytag.data.ready import REPORT_EVERY, Progress
from polytag.errors import DataError

BETWEEN = "|"  # labels in a cell


def pack(
    data: LabelledSet, preprocessing: Preprocessing, table: Path, quality: int | None = None
) -> Generator[Progress, None, None]:
    """Write a CSV table and, beside it in ``photos/``, the resized photos.

    Args:
        data: photos and labels; none of the labels may be unknown, which a table of names cannot say.
        preprocessing: the size of the photos, and how they are resized.
        table: the file to write.
        quality: of JPEG, 1 to 100; by default the photos are lossless WebP, pixel for pixel what a training would see.

    Raises:
        DataError: if the labels cannot be written so that they are read back the same.
        RunError: if a file cannot be written.
    """
    if quality is not None:
        check_number("quality", quality, 1, 100)
    if data.labels.counts().unknown.any():
        raise DataError("photos with unknown labels cannot be packed, since a table of names has no word for unknown")
    if strange := next((name for name in data.classes if BETWEEN in name), None):
        raise DataError(f"the label {strange!r} has a {BETWEEN!r} in it, which separates labels here; rename it")
    lossless: dict[str, Any] = {"lossless": True}
    kind, options = ("webp", lossless) if quality is None else ("jpeg", {"quality": quality, "subsampling": 0})
    names = [f"photos/{row:0{len(str(len(data)))}d}.{kind}" for row in range(len(data))]
    for row, name in enumerate(names):
        photo = Image.fromarray(preprocessing.resize(data.images.load(row)))
        write_atomic(table.parent / name, partial(photo.save, format=kind, **options))
        if (row + 1) % REPORT_EVERY == 0 or row + 1 == len(data):
            yield Progress("packing photos", row + 1, len(data))
    write_text(table, _rows(data, names))
    _check(data, table)


def _rows(data: LabelledSet, names: list[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    split, groups = data.split, data.groups
    more = [*(["split"] if split is not None else []), *(["group"] if groups is not None else [])]
    writer.writerow(["filename", "labels", *more])
    for row, name in enumerate(names):
        part = [] if split is None else ["" if split[row] == UNSPLIT else SPLITS[split[row]]]
        writer.writerow([name, BETWEEN.join(data.labels.names(row)), *part, *([] if groups is None else [groups[row]])])
    return text.getvalue()


def _check(data: LabelledSet, table: Path) -> None:
    """Whether the table says what the data said."""
    again = Table().read(table)  # as whoever opens it will read it
    same_split = data.split is None or (again.split is not None and np.array_equal(again.split, data.split))
    if again.classes != data.classes or not same_split or not np.array_equal(again.labels.dense(), data.labels.dense()):
        raise DataError(f"{table} does not read back as the labels that were packed; a label without photos, perhaps")
