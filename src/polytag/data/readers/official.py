"""What readers of published data sets share: columns and lines as they were published, photos that may be gone."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from os import scandir
from pathlib import Path
from typing import Literal

import numpy as np

from polytag._text import counted
from polytag.data.readers.columns import listed
from polytag.data.readers.text import TextTable, open_text
from polytag.errors import DataError

Missing = Literal["stop", "drop"]

_FILE = 2**40  # more than there are lines in a file


class Lines:
    """One number for a line of one of several files, and what to call it.

    Args:
        files: the files.
        word: what a line of theirs is.
    """

    def __init__(self, files: Sequence[Path], word: str = "row") -> None:
        self.files = files
        self.word = word

    def number(self, file: int, line: int) -> int:
        """The number of a line of the file at this position."""
        return file * _FILE + line

    def where(self, number: int) -> str:
        """What to call it in messages."""
        return f"{self.word} {number % _FILE} of {self.files[number // _FILE].name}"


class OnDisk:
    """Which files there are below a folder; a folder is listed once, in 8 bytes a file.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._hashes: dict[str, array[int]] = {}  # sorted, by folder

    def has(self, name: str) -> bool:
        """Whether there is a file of this name, relative to the folder."""
        folder, _, file = name.rpartition("/")
        if folder not in self._hashes:
            self._hashes[folder] = self._listing(folder)
        hashes, wanted = self._hashes[folder], hash(file)
        place = bisect_left(hashes, wanted)
        return place < len(hashes) and hashes[place] == wanted

    def place(self, name: str, folders: Sequence[str]) -> str:
        """``name`` in the first of some folders that has it; in the first of all where none has."""
        places = [f"{folder}/{name}" if folder else name for folder in folders]
        return next(filter(self.has, places), places[0])

    def _listing(self, folder: str) -> "array[int]":
        try:
            with scandir(self.root / folder) as entries:
                hashes = np.fromiter((hash(entry.name) for entry in entries if entry.is_file()), np.int64)
        except (FileNotFoundError, NotADirectoryError):
            return array("q")
        return array("q", np.sort(hashes).tobytes())


class Photos:
    """Photos met one at a time; those that are not on the disk are counted.

    Args:
        disk: the folder of the photos.
        missing: whether they stop the reading or are left out.
        lines: what to call where they are listed.
    """

    def __init__(self, disk: OnDisk, missing: Missing, lines: Lines) -> None:
        self.disk = disk
        self.missing = missing
        self.lines = lines
        self.met = self.gone = 0
        self._examples: list[str] = []

    def keep(self, name: str, line: int) -> bool:
        """Whether a photo is there."""
        self.met += 1
        if self.disk.has(name):
            return True
        self.gone += 1
        if self.gone <= 3:
            self._examples.append(f"{self.lines.where(line)} names {name!r}")
        return False

    def check(self) -> None:
        """Raise :class:`DataError` if photos are missing that must not be, or all of them."""
        if self.gone and (self.missing == "stop" or self.gone == self.met):
            drop = ", or leave them out with --reader.missing drop" if self.gone < self.met else ""
            add = "add them, " if drop else ""
            raise DataError(
                f"{self.gone} of {self.met} photos are not in {self.disk.root}: {', '.join(self._examples)}; "
                f"{add}name the folder of the photos with --reader.images{drop}"
            )

    @property
    def notes(self) -> tuple[str, ...]:
        """How many were left out."""
        are = "is" if self.gone == 1 else "are"
        left_out = f"{counted(self.gone, 'photo')} of {self.met} {are} not on the disk: left out"
        return (left_out,) if self.gone else ()


def columns_of(table: TextTable, *names: str) -> list[int]:
    """Where the columns of these names are.

    Raises:
        DataError: if there is none of a name.
    """
    if missing := [name for name in names if name not in table.header]:
        raise DataError(
            f"{table.path} has no column {missing[0]!r}; it has {listed(table.header)}; give the published file"
        )
    return [table.header.index(name) for name in names]


def lines_of(file: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that have something on them, each with its number."""
    for number, line in enumerate(open_text(file).lines(), start=1):
        if text := line.strip():
            yield number, text


def published_file(folder: Path, name: str, what: str) -> Path:
    """A file that a copy of a data set must have.

    Raises:
        DataError: if it has not.
    """
    if not (folder / name).is_file():
        raise DataError(f"{folder} has no {name}; download it again from where {what} came from")
    return folder / name
