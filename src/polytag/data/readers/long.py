"""Labels in a table with one row a label: photo, label, and whether it is there."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from polytag._checks import check_choice, check_number
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import TABLES, Reader
from polytag.data.readers.columns import (
    CONFIDENCE_COLUMNS,
    SPLIT_COLUMNS,
    label_column,
    named,
    optional_column,
    photo_column,
    tables,
)
from polytag.data.readers.pairs import Pair, Unlisted, assemble_pairs
from polytag.data.readers.text import TextTable
from polytag.errors import DataError
from polytag.labels.matrix import UNKNOWN


class Long(Reader):
    """A table with columns of photos, labels and confidences: 1 is present, 0 absent, as in Open Images.

    A confidence that is empty, nan or -1 is an unknown label. Photos come in the order in which they are first met;
    classes are sorted by name. A row with an empty label lists a photo.

    Args:
        filename: the column of file names; by default one with a usual name, or the only one with image names in it.
        labels: the column of labels; by default the one with a usual name.
        confidence: the column of confidences; by default ``confidence``; without one, every row is present.
        present_from: confidences from here on are present, lower ones absent; by default only 1 and 0 are allowed.
        unlisted: what a label is that no row lists; "auto" is unknown where a row lists an absent one, else absent.
        split: the column with train, val or test; by default ``split`` if there is one.
        group_by: the column whose value photos must share to stay in one split; by default none.
        images: the folder of the photos; by default that of the table, or a subfolder of it that has all of them.
        encoding: of the text; by default UTF-8, or UTF-16 where a byte order mark says so.
    """

    rank = TABLES
    looks_for: ClassVar[str] = "a .csv with a row for each label"

    def __init__(
        self,
        filename: str = "",
        labels: str = "",
        confidence: str = "",
        present_from: float = 0.0,
        unlisted: Unlisted = "auto",
        split: str = "",
        group_by: str = "",
        images: str = "",
        encoding: str = "",
    ) -> None:
        check_number("present_from", present_from, 0.0, 1.0)
        check_choice("unlisted", unlisted, ("auto", "absent", "unknown"))
        self.filename = filename
        self.labels = labels
        self.confidence = confidence
        self.present_from = present_from
        self.unlisted: Unlisted = unlisted
        self.split = split
        self.group_by = group_by
        self.images = images
        self.encoding = encoding

    def candidates(self, path: Path) -> list[Path]:
        """A table with a column of confidences beside those of photos and labels."""
        return tables(path, "long", self.encoding, self.filename, self.labels)

    def read(self, path: Path) -> LabelledSet:
        """The photos of a table."""
        table = TextTable(path, self.encoding)
        chosen = {"filename": self.filename, "labels": self.labels, "confidence": self.confidence}
        named(table, **chosen, split=self.split, group_by=self.group_by)
        photos = photo_column(table, self.filename)
        labels = label_column(table, self.labels, photos)
        confidence = optional_column(table, self.confidence, CONFIDENCE_COLUMNS)
        split = optional_column(table, self.split, SPLIT_COLUMNS)
        group = optional_column(table, self.group_by)

        def pairs() -> Iterator[Pair]:
            known: dict[str, int] = {}
            for line, row in table.rows():
                value = 1
                if confidence is not None:
                    if (cell := row[confidence]) not in known:
                        known[cell] = self._value(cell, table.where(line), table.header[confidence])
                    value = known[cell]
                name = row[photos].strip() or table.filled(line, row, photos)
                yield Pair(
                    line,
                    name,
                    row[labels],
                    value,
                    row[split] if split is not None else "",
                    table.filled(line, row, group) if group is not None else "",
                )

        said = f"{path.name}: photos from column {table.header[photos]!r}"
        return assemble_pairs(
            path,
            pairs(),
            table.where,
            lambda count: f"{said}, {count} labels from column {table.header[labels]!r}, one a row",
            unlisted=self.unlisted,
            images=self.images,
            splits=f"column {table.header[split]!r}" if split is not None else "",
            groups=f"column {self.group_by!r}" if group is not None else "",
            more=table.text.notes,
        )

    def _value(self, cell: str, where: str, column: str) -> int:
        try:
            number = float(cell.strip() or -1)
        except ValueError:
            number = -2.0
        if number == -1 or number != number:  # NaN differs from itself
            return UNKNOWN
        if not 0 <= number <= 1:
            raise DataError(
                f"{where} has {cell!r} in column {column!r}; a confidence is a number from 0 to 1, or empty"
            )
        if not self.present_from and number not in (0, 1):
            raise DataError(
                f"{where} has the confidence {cell.strip()}; "
                "say with --reader.present-from from where on a label is present"
            )
        return int(number >= self.present_from) if self.present_from else int(number)
