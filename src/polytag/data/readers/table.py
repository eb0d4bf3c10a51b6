"""Labels in a table with one row a photo: CSV, or the same with tabs, semicolons or bars between the columns."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import TABLES, Reader
from polytag.data.readers.columns import (
    SPLIT_COLUMNS,
    label_column,
    named,
    one_of_marks,
    optional_column,
    photo_column,
    tables,
)
from polytag.data.readers.rows import Row, assemble
from polytag.data.readers.separators import LISTS, label_delimiter, split_cell
from polytag.data.readers.text import SUFFIXES, TextTable
from polytag.errors import DataError
from polytag.labels.matrix import Default

NONE_WORDS = ("no finding", "none", "no_finding", "nothing", "unlabeled", "unlabelled", "nan", "null")


class Table(Reader):
    """A table with a column of file names and a column of labels; an empty cell means no labels.

    Two more columns are optional: names of labels that are unknown, or names of those that are absent, where the photo
    is silent about all others. With ``unknown``, what a row does not list is absent; with ``absent`` alone, unknown.

    Args:
        filename: the column of file names; by default one with a usual name, or the only one with image names in it.
        labels: the column of labels; by default the one with a usual name.
        delimiter: what separates the labels in a cell; by default inferred, see
            :func:`polytag.data.readers.separators.label_delimiter`.
        none: the word in the column of labels that means no labels, such as "No Finding"; by default there is none.
        unknown: the column of labels that are unknown; by default ``unknown`` if there is one.
        absent: the column of labels that are absent; by default ``absent`` if there is one.
        split: the column with train, val or test; by default ``split`` if there is one.
        group_by: the column whose value photos must share to stay in one split (patient, product); by default none.
        images: the folder of the photos; by default that of the table, or a subfolder of it that has all of them.
        encoding: of the text; by default UTF-8, or UTF-16 where a byte order mark says so.
    """

    rank = TABLES
    looks_for: ClassVar[str] = "a .csv or .tsv table with a column of file names"

    def __init__(
        self,
        filename: str = "",
        labels: str = "",
        delimiter: str = "",
        none: str = "",
        unknown: str = "",
        absent: str = "",
        split: str = "",
        group_by: str = "",
        images: str = "",
        encoding: str = "",
    ) -> None:
        self.filename = filename
        self.labels = labels
        self.delimiter = delimiter
        self.none = none
        self.unknown = unknown
        self.absent = absent
        self.split = split
        self.group_by = group_by
        self.images = images
        self.encoding = encoding

    def candidates(self, path: Path) -> list[Path]:
        """A file that ends like a table and is of no other kind; in a folder, the tables with a column of photos."""
        found = tables(path, "table", self.encoding, self.filename, self.labels)
        if found or not path.is_file() or path.suffix.lower() not in SUFFIXES:
            return found
        others = [kind for kind in ("one_hot", "long", "vertex") if tables(path, kind, self.encoding, self.filename)]
        return [] if others else [path]  # whatever is wrong with it, the message is about a table

    def read(self, path: Path) -> LabelledSet:
        """The photos of a table, in its order; classes are sorted by name."""
        table = TextTable(path, self.encoding)
        chosen = {"filename": self.filename, "labels": self.labels, "split": self.split, "group_by": self.group_by}
        named(table, **chosen, unknown=self.unknown, absent=self.absent)
        photos = photo_column(table, self.filename)
        labels = label_column(table, self.labels, photos)
        if not self.labels and (other := one_of_marks(table, labels, photos)):
            raise DataError(
                f"{path} has marks such as 0 and 1 in columns {table.header[labels]!r} and {other!r}; read it with "
                f"--reader one_hot, or with --reader.labels {table.header[labels]!r} if these are names of labels"
            )
        unknown = optional_column(table, self.unknown, ("unknown",))
        absent = optional_column(table, self.absent, ("absent",))
        split = optional_column(table, self.split, SPLIT_COLUMNS)
        group = optional_column(table, self.group_by)
        columns = [column for column in (labels, unknown, absent) if column is not None]
        cells = ((line, row[c]) for line, row in table.rows() for c in columns if row[c].strip() != self.none)
        delimiter = self.delimiter or label_delimiter(cells, path)

        def pieces(row: list[str], column: int | None) -> list[str]:
            if column is None or (self.none and row[column].strip() == self.none):
                return []
            found = split_cell(row[column], delimiter)
            return [piece for piece in found if piece.strip() != self.none] if self.none else found

        def rows() -> Iterator[Row]:
            for line, row in table.rows():
                yield Row(
                    line,
                    table.filled(line, row, photos),
                    pieces(row, labels),
                    pieces(row, unknown),
                    pieces(row, absent),
                    row[split] if split is not None else "",
                    table.filled(line, row, group) if group is not None else "",
                )

        listed = [
            f"labels in column {table.header[column]!r} are {state}"
            for column, state in ((unknown, "unknown"), (absent, "absent"))
            if column is not None
        ]
        default: Default = "unknown" if absent is not None and unknown is None else "absent"
        more = [*listed, f"labels that are not listed are {default}"] if listed else []
        by = "lists" if delimiter == LISTS else f"split by {delimiter!r}" if delimiter else "one a photo"
        read_from = f"{path.name}: photos from column {table.header[photos]!r}"
        data = assemble(
            path,
            rows(),
            table.where,
            lambda count: f"{read_from}, {count} labels from column {table.header[labels]!r}, {by}",
            images=self.images,
            default=default,
            splits=f"column {table.header[split]!r}" if split is not None else "",
            groups=f"column {self.group_by!r}" if group is not None else "",
            more=[*table.text.notes, *more],
            twice="keep one of them, or read a table with one label a row by --reader long",
        )
        data.notes += none_notes(data.classes)
        return data


def none_notes(classes: Sequence[str]) -> tuple[str, ...]:
    """Notes on labels whose names say that a photo has none."""
    nothing = [name for name in classes if name.casefold() in NONE_WORDS]
    return tuple(f"{name!r} is read as a label; --reader.none {name!r} reads it as none" for name in nothing)
