"""Labels in a table with one row a photo: CSV, or the same with tabs, semicolons or bars between the columns."""

from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np

from polytag.data.labelled_set import UNSPLIT, LabelledSet
from polytag.data.paths import Paths
from polytag.data.readers.base import Reader, label_name, labelled_set, sorted_labels, split_note, split_number
from polytag.data.readers.columns import Columns, file_column, find_columns
from polytag.data.readers.photos import find_photos, inside
from polytag.data.readers.separators import column_separator, label_delimiter, table_rows
from polytag.errors import DataError
from polytag.labels import LabelsBuilder

SAMPLE_ROWS = 20


class Table(Reader):
    """A table with a column of file names and a column of labels; an empty cell means no labels.

    Args:
        filename: the column of file names; by default one with a usual name, or the only one with image names in it.
        labels: the column of labels; by default the one with a usual name.
        delimiter: what separates the labels in a cell; by default inferred, see
            :func:`polytag.data.readers.separators.label_delimiter`.
        split: the column with train, val or test; by default ``split`` if there is one.
        group_by: the column whose value photos must share to stay in one split (patient, product); by default none.
        images: the folder of the photos; by default that of the table, or a subfolder of it that has all of them.
    """

    looks_for: ClassVar[str] = "a .csv or .tsv table with a column of file names"

    def __init__(
        self,
        filename: str = "",
        labels: str = "",
        delimiter: str = "",
        split: str = "",
        group_by: str = "",
        images: str = "",
    ) -> None:
        self.filename = filename
        self.labels = labels
        self.delimiter = delimiter
        self.split = split
        self.group_by = group_by
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """A file that ends like a table; in a folder, the tables with a column of file names."""
        if path.is_file():
            return [path] if path.suffix.lower() in (".csv", ".tsv", ".txt") else []
        tables, broken = [], []
        for file in sorted(path.iterdir()):
            if file.suffix.lower() not in (".csv", ".tsv") or not file.is_file():
                continue
            try:
                header, sample = _start(file, column_separator(file))
            except DataError:
                broken.append(file)
                continue
            if self.filename in header if self.filename else file_column(header, sample) is not None:
                tables.append(file)
        return tables or broken  # a broken one is read for its message, unless there is a better one

    def read(self, path: Path) -> LabelledSet:
        """The photos of a table, in its order; classes are sorted by name."""
        separator = column_separator(path)
        header, sample = _start(path, separator)
        chosen = {"filename": self.filename, "labels": self.labels, "split": self.split, "group_by": self.group_by}
        columns = find_columns(header, sample, chosen, path)
        if not sample:
            raise DataError(f"{path} has a header and no rows; add a row for each photo")
        cells = ((line, row[columns.labels]) for line, row in _rows(path, separator))
        delimiter = self.delimiter or label_delimiter(cells, path)

        collected = _Collected(path.name, header, columns, delimiter)
        names = Paths(collected.take(_rows(path, separator)))
        images, found_notes = find_photos(names, path.parent, self.images, collected.where)
        by = f"split by {delimiter!r}" if delimiter else "one a photo"
        notes = [
            f"{path.name}: photos from column {header[columns.filename]!r}, "
            f"{len(collected.numbers)} labels from column {header[columns.labels]!r}, {by}",
            *found_notes,
        ]
        split = groups = None
        if columns.split is not None:
            split = np.array(collected.split, np.int8)
            notes.append(split_note(split, f"column {header[columns.split]!r}"))
        if columns.group is not None:
            groups = np.array(collected.groups, np.int64)
            notes.append(f"{len(collected.group_numbers)} groups from column {self.group_by!r}")
        labels = sorted_labels(collected.builder, list(collected.numbers))
        return labelled_set(path, images, labels, split, groups, notes)


class _Collected:
    """What is kept of each row, in a few bytes: 10 million of them must fit into memory."""

    def __init__(self, source: str, header: list[str], columns: Columns, delimiter: str) -> None:
        self.source = source
        self.header = header
        self.columns = columns
        self.delimiter = delimiter
        self.builder = LabelsBuilder()
        self.numbers: dict[str, int] = {}  # of labels
        self.lines, self.split, self.groups = array("Q"), array("b"), array("q")
        self.group_numbers: dict[str, int] = {}
        self._known: dict[str, int | None] = {}  # labels as they are spelled in cells

    def where(self, number: int) -> str:
        """What to call a row in messages."""
        return f"row {self.lines[number]} of {self.source}"

    def take(self, rows: Iterator[tuple[int, list[str]]]) -> Iterator[str]:
        """Keep the labels, the split and the group of each row, and hand on its file name."""
        filename, labels, split, group = self.columns
        for line, row in rows:
            self.lines.append(line)
            self.builder.add(self._labels(row[labels]))
            if split is not None:
                self.split.append(self._split(row[split]))
            if group is not None:
                value = self._filled(row, group)
                self.groups.append(self.group_numbers.setdefault(value, len(self.group_numbers)))
            yield inside(self._filled(row, filename), f"row {line} of {self.source}")

    def _labels(self, cell: str) -> list[int]:
        found = []
        for piece in cell.split(self.delimiter) if self.delimiter else (cell,):
            if piece not in self._known:
                self._known[piece] = self._new(piece)
            if (number := self._known[piece]) is not None:
                found.append(number)
        return found

    def _new(self, piece: str) -> int | None:
        name = label_name(piece, self.where(-1))
        return self.numbers.setdefault(name, len(self.numbers)) if name else None

    def _split(self, cell: str) -> int:
        if not (word := cell.strip()):
            return UNSPLIT
        if (number := split_number(word)) is None:
            raise DataError(f"{self.where(-1)} has the split {word!r}; use train, val or test")
        return number

    def _filled(self, row: list[str], column: int) -> str:
        if not (value := row[column].strip()):
            raise DataError(
                f"{self.where(-1)} has nothing in column {self.header[column]!r}; fill it in or remove the row"
            )
        return value


def _start(path: Path, separator: str) -> tuple[list[str], list[list[str]]]:
    """The header and the first rows."""
    start = [row for _, row in islice(table_rows(path, separator), SAMPLE_ROWS + 1)]
    return [name.strip() for name in start[0]], start[1:]


def _rows(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    rows = table_rows(path, separator)
    width = len(next(rows)[1])
    for line, row in rows:
        if len(row) != width:
            raise DataError(
                f"row {line} of {path} has {len(row)} cells where the header has {width}; "
                "put quotes around a cell that holds the separator"
            )
        yield line, row
