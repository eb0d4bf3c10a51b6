"""Text files of label tables: their encoding, their columns, their rows."""

import codecs
import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from polytag.errors import DataError, OptionError

SUFFIXES = (".csv", ".tsv", ".txt")
COLUMN_SEPARATORS = (",", ";", "\t", "|")
SAMPLE_ROWS = 20

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WAY_OUT = "save it as UTF-8, or name its encoding with --reader.encoding, such as cp1252"


class Text(NamedTuple):
    """A text file whose encoding is known; made by :func:`open_text`."""

    path: Path
    encoding: str

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell about the encoding, where it is not plain UTF-8."""
        plain = self.encoding in ("utf-8", "utf-8-sig")
        return () if plain else (f"{self.path.name} is read as {self.encoding}",)

    def lines(self) -> Iterator[str]:
        """Its lines, each with its end.

        Raises:
            DataError: if it is not text of this encoding.
        """
        read = 0
        with self.path.open(encoding=self.encoding, newline="") as file:
            try:
                for first in islice(file, 1):
                    read = 1
                    yield first.removeprefix("\ufeff")  # where the encoding is named
                for text in file:
                    read += 1
                    yield text
            except UnicodeError as error:
                near = f" near line {read}" if read else ""
                plain = self.encoding.startswith("utf-8")
                way_out = _WAY_OUT if plain else "save it as UTF-8, or name another encoding with --reader.encoding"
                raise DataError(
                    f"{self.path} is not {'UTF-8' if plain else self.encoding} text{near}; {way_out}"
                ) from error

    def rows(self, separator: str) -> Iterator[tuple[int, list[str]]]:
        """The rows of a table with the line on which each begins, the header first; rows with nothing are skipped.

        Raises:
            DataError: if it is not text of this encoding, or quotes are not closed.
        """
        line = 1
        reader = csv.reader(self.lines(), delimiter=separator, strict=True)
        try:
            for row in reader:
                if row and (row[0].strip() or any(map(str.strip, row))):
                    yield line, row
                line = reader.line_num + 1  # a quoted cell may span lines
        except csv.Error as error:
            raise DataError(f"row {line} of {self.path} cannot be read ({error}); check its quotes") from error


def open_text(path: Path, encoding: str = "") -> Text:
    """A text file in the encoding that is named, else in that of its byte order mark, else in UTF-8.

    Raises:
        DataError: if its first bytes are those of another encoding.
        OptionError: if there is no encoding of text of this name.
    """
    if encoding:
        try:
            "".encode(encoding)  # there are codecs that are not of text, such as hex
            return Text(path, codecs.lookup(encoding).name)
        except (LookupError, ValueError) as error:
            raise OptionError(f"there is no encoding {encoding!r}; name one such as utf-8, utf-16 or cp1252") from error
    with path.open("rb") as file:
        start = file.read(4096)
    if 4 * start.count(0) > len(start) and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path} is not UTF-8 text; {_WAY_OUT.replace('cp1252', 'utf-16-le')}")
    return Text(path, next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8"))


class TextTable:
    """A table with a header.

    Args:
        path: the file.
        encoding: of its text; see :func:`open_text`.

    Raises:
        DataError: if it is empty, or not text.
    """

    def __init__(self, path: Path, encoding: str = "") -> None:
        self.path = path
        self.text = open_text(path, encoding)
        self.separator = column_separator(self.text)
        start = [row for _, row in islice(self.text.rows(self.separator), SAMPLE_ROWS + 1)]
        if not start:  # its cells are all blank
            raise _empty(path)
        self.header = [name.strip() for name in start[0]]
        self.sample = start[1:]

    def where(self, line: int) -> str:
        """What to call a row in messages."""
        return f"row {line} of {self.path.name}"

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows below the header, with their lines.

        Raises:
            DataError: if there are none, or one has another number of cells than the header.
        """
        if not self.sample:
            raise DataError(f"{self.path} has a header and no rows; add a row for each photo")
        rows = self.text.rows(self.separator)
        width = len(next(rows)[1])
        for line, row in rows:
            if len(row) != width:
                raise DataError(
                    f"row {line} of {self.path} has {len(row)} cells where the header has {width}; "
                    "put quotes around a cell that holds the separator"
                )
            yield line, row

    def filled(self, line: int, row: list[str], column: int) -> str:
        """A cell that must have something in it.

        Raises:
            DataError: if it has not.
        """
        if not (value := row[column].strip()):
            raise DataError(
                f"{self.where(line)} has nothing in column {self.header[column]!r}; fill it in or remove the row"
            )
        return value


def column_separator(text: Text) -> str:
    """The separator that finds the most columns in the header; of equals, one that fits the rows below it."""
    start = [line for line in islice(text.lines(), 100) if line.strip()]
    if not start:
        raise _empty(text.path)

    def merit(separator: str) -> tuple[int, bool]:
        widths = [len(row) for row in csv.reader(start, delimiter=separator)]
        return widths[0], len(set(widths)) == 1

    try:
        return max(COLUMN_SEPARATORS, key=merit)
    except csv.Error as error:
        raise DataError(f"{text.path} cannot be read as a table ({error}); check its quotes") from error


def _empty(path: Path) -> DataError:
    return DataError(f"{path} is empty; its first line must name the columns, such as filename,labels")
