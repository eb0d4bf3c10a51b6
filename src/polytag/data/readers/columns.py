"""Which column of a table holds what."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from polytag.data.readers.photos import is_image
from polytag.errors import DataError

# In the order of preference; compared in lower case with "_" for spaces.
FILE_COLUMNS = (
    *("filename", "file_name", "image_path", "img_path", "file_path", "filepath", "path"),
    *("image_name", "image_index", "image", "img", "file", "photo"),
)
ID_COLUMNS = ("image_id", "imageid", "id")  # only where no other column has file names in it
LABEL_COLUMNS = (
    *("labels", "label", "tags", "tag", "targets", "target", "finding_labels"),
    *("classes", "class", "categories", "category"),
)
SPLIT_COLUMNS = ("split",)


class Columns(NamedTuple):
    """Positions of the columns in a row; None for those that the table does not have."""

    filename: int
    labels: int
    split: int | None
    group: int | None


def find_columns(
    header: Sequence[str], sample: Sequence[Sequence[str]], chosen: dict[str, str], source: Path
) -> Columns:
    """The columns of a table: those that were chosen by name, and the others by their usual names or their contents.

    Args:
        header: the names of the columns.
        sample: the first rows.
        chosen: the user's choice for ``filename``, ``labels``, ``split`` and ``group_by``; empty to infer.
        source: the table, for messages.

    Raises:
        DataError: if a column is not there, or two would do.
    """
    names = [name.strip() for name in header]
    there = ", ".join(map(repr, names[:20])) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise DataError(f"{source} has two columns called {twice[0]!r}; rename one of them")
    for option, name in chosen.items():
        if name and name not in names:
            raise DataError(
                f"{source} has no column {name!r}; it has {there}; correct --reader.{option.replace('_', '-')}"
            )
    if any(is_image(name) for name in names):
        raise DataError(f"{source} begins with a photo; its first line must name the columns, such as filename,labels")

    filename = names.index(chosen["filename"]) if chosen["filename"] else file_column(names, sample)
    if filename is None:
        raise DataError(f"{source} has no column of file names; it has {there}; name the column with --reader.filename")
    labels = names.index(chosen["labels"]) if chosen["labels"] else _label_column(names, filename, source)
    if labels is None:
        raise DataError(f"{source} has no column of labels; it has {there}; name the column with --reader.labels")
    split = names.index(chosen["split"]) if chosen["split"] else _usual(names, SPLIT_COLUMNS)
    return Columns(filename, labels, split, names.index(chosen["group_by"]) if chosen["group_by"] else None)


def file_column(header: Sequence[str], sample: Sequence[Sequence[str]]) -> int | None:
    """The column of file names: by its usual name, else the only one with image names in it, else one of ids."""
    if (usual := _usual(header, FILE_COLUMNS)) is not None:
        return usual
    with_images = [
        column
        for column in range(len(header))
        if sample and all(len(row) > column and is_image(row[column].strip()) for row in sample)
    ]
    return with_images[0] if len(with_images) == 1 else _usual(header, ID_COLUMNS)


def _label_column(header: Sequence[str], filename: int, source: Path) -> int | None:
    found = [column for column, name in enumerate(header) if _plain(name) in LABEL_COLUMNS and column != filename]
    if len(found) > 1:
        both = " and ".join(repr(header[column]) for column in found)
        raise DataError(f"{source} has several columns of labels, {both}; choose one with --reader.labels")
    return found[0] if found else None


def _usual(header: Sequence[str], usual: Sequence[str]) -> int | None:
    plain = [_plain(name) for name in header]
    return next((plain.index(name) for name in usual if name in plain), None)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")
