"""Concepts on photos of Flickr from NUS-WIDE: the official lists, or the table of photos that ASL collected again."""

import ast
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polytag._checks import check_choice
from polytag._text import counted
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import OFFICIAL, Reader, label_name
from polytag.data.readers.official import Lines, Missing, OnDisk, Photos, columns_of, lines_of, published_file
from polytag.data.readers.photos import inside
from polytag.data.readers.rows import Row, assemble
from polytag.data.readers.text import TextTable
from polytag.errors import DataError

_LIST = "ImageList/TrainImagelist.txt"
_TABLE = "nus_wid_data.csv"  # sic
_PARTS = {"Train": "train", "Test": "test"}  # as files are called, and as splits are
_CONCEPTS = ("Concepts81.txt", "ConceptsList/Concepts81.txt")
_FOLDERS = ("Flickr", "images", "")


class NusWide(Reader):
    """NUS-WIDE: photos of Flickr with 81 concepts, as the official lists or ASL's table ``nus_wid_data.csv`` has them.

    The official copy is what the page of the National University of Singapore offers: ``ImageList``, ``Groundtruth``
    and ``ConceptsList`` unpacked in one folder, and the photos in ``Flickr``. It has 161,789 photos to train on and
    107,859 to test on, over a fifth of them without a concept. ASL's public code offers the photos that could still be
    downloaded: 119,103 in train and 50,720 in val, all with a concept. Classes are in the order of ``Concepts81.txt``,
    for ASL's table sorted by name, which is the same.

    Args:
        unlabelled: what becomes of photos without a concept.
        missing: whether photos that are not on the disk stop the reading, or are left out and counted; many of the
            official ones have vanished from Flickr.
        images: the folder of the photos; by default ``Flickr``, ``images``, or that of the lists.
    """

    rank = OFFICIAL
    looks_for: ClassVar[str] = "NUS-WIDE's ImageList/TrainImagelist.txt or nus_wid_data.csv"

    def __init__(
        self, unlabelled: Literal["keep", "drop"] = "keep", missing: Missing = "stop", images: str = ""
    ) -> None:
        check_choice("unlabelled", unlabelled, ("keep", "drop"))
        check_choice("missing", missing, ("stop", "drop"))
        self.unlabelled = unlabelled
        self.missing: Missing = missing
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """``ImageList/TrainImagelist.txt`` and ``nus_wid_data.csv``: ``path`` itself, or those in the folder."""
        files = [path / _LIST, path / _TABLE] if path.is_dir() else [path]
        return [file for file in files if file.is_file() and file.name in (Path(_LIST).name, _TABLE)]

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the lists, train first, or of the table."""
        folder = path.parent if path.name == _TABLE else path.parent.parent
        found = _of_table(path) if path.name == _TABLE else _of_lists(folder)
        disk = OnDisk(Path(self.images) if self.images else folder)
        place, way = _placed(disk, found)
        photos, unlabelled = Photos(disk, self.missing, found.lines), 0

        def rows() -> Iterator[Row]:
            nonlocal unlabelled
            for row in found.rows():
                name, wanted = place(row.name), bool(row.present) or self.unlabelled == "keep"
                if not wanted or photos.keep(name, row.line):  # what is left out need not be there
                    unlabelled += not row.present
                    if wanted:
                        yield row._replace(name=name)
            photos.check()

        data = assemble(
            path,
            rows(),
            found.lines.where,
            lambda count: f"{path.name if path.name == _TABLE else 'ImageList and Groundtruth'}: {count} concepts",
            folder=folder,
            images=self.images,
            classes=found.classes,
            splits="column 3" if path.name == _TABLE else "the lists of ImageList",
        )
        data.notes += (*way, *photos.notes)
        if unlabelled:
            kept = "kept" if self.unlabelled == "keep" else "left out"
            data.notes += (f"{counted(unlabelled, 'photo')} without a concept {kept}",)
        return data


class _Found(NamedTuple):
    lines: Lines
    names: Callable[[], Iterator[str]]  # of photos, as in the rows
    rows: Callable[[], Iterator[Row]]
    classes: list[str]


def _of_lists(folder: Path) -> _Found:
    """The official copy."""
    concepts = next((folder / name for name in _CONCEPTS if (folder / name).is_file()), None)
    if concepts is None:
        raise DataError(f"{folder} has no {' or '.join(_CONCEPTS)}; it is in the archive ConceptsList")
    classes = [name for _, name in lines_of(concepts)]
    files = [published_file(folder, f"ImageList/{part}Imagelist.txt", "ImageList") for part in _PARTS]
    lines = Lines(files, "line")

    def rows() -> Iterator[Row]:
        for file, (part, split) in enumerate(_PARTS.items()):
            listed = list(lines_of(files[file]))
            marks = _marks(folder, part, classes, len(listed))
            for (line, name), present in zip(listed, marks, strict=True):
                number = lines.number(file, line)
                labels = [classes[column] for column in np.flatnonzero(present)]
                yield Row(number, inside(name, lines.where(number)), labels, split=split)

    def names() -> Iterator[str]:
        for number, file in enumerate(files):
            yield from (inside(name, lines.where(lines.number(number, line))) for line, name in lines_of(file))

    return _Found(lines, names, rows, classes)


def _marks(folder: Path, part: str, classes: list[str], photos: int) -> NDArray[np.bool_]:
    """Which concepts each photo of a split has, ``(photos, concepts)``."""
    marks = np.zeros((photos, len(classes)), np.bool_)
    for column, name in enumerate(classes):
        label = f"Groundtruth/TrainTestLabels/Labels_{name}_{part}.txt"
        words = published_file(folder, label, "Groundtruth").read_bytes().split()
        if strange := set(words) - {b"0", b"1"}:
            raise DataError(f"{folder / label} must have 0 or 1 on each line, got {min(strange)!r}; download it again")
        if len(words) != photos:
            raise DataError(
                f"{folder / label} has {len(words)} lines and {part}Imagelist.txt names {photos} photos; "
                "download both again"
            )
        marks[:, column] = np.array(words) == b"1"
    return marks


def _of_table(file: Path) -> _Found:
    """ASL's table: a photo, a list of its concepts as Python writes it, and a split."""
    table = TextTable(file)
    if len(table.header) < 3 or table.header[1] != "label":
        columns_of(table, "label")
        raise DataError(f"{file} must have a photo, its label and its split as its first columns; download it again")
    lines = Lines([file])
    lists: dict[str, list[str]] = {}  # by cell: many photos have the same concepts
    for line, row in table.rows():
        if row[1] not in lists:
            lists[row[1]] = _list(row[1], table.where(line))

    def rows() -> Iterator[Row]:
        for line, row in table.rows():
            yield Row(line, inside(table.filled(line, row, 0), table.where(line)), lists[row[1]], split=row[2])

    def names() -> Iterator[str]:
        yield from (inside(table.filled(line, row, 0), table.where(line)) for line, row in table.rows())

    classes = sorted({name for found in lists.values() for name in found})  # of all photos, also of those that are gone
    return _Found(lines, names, rows, classes)


def _list(cell: str, where: str) -> list[str]:
    try:
        found = ast.literal_eval(cell.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise DataError(f"{where} must have a list such as ['sky', 'clouds'] as its label, got {cell!r}; correct it")
    return [label_name(name, where) for name in found if name.strip()]


def _placed(disk: OnDisk, found: _Found) -> tuple[Callable[[str], str], tuple[str, ...]]:
    """Where most photos are: as listed in a usual folder, or there without the folders of their concepts."""

    def whole(name: str, folder: str) -> str:
        return f"{folder}/{name}" if folder else name

    def flat(name: str, folder: str) -> str:
        return whole(name.rpartition("/")[2], folder)

    best, most, photos = (whole, ""), 0, sum(1 for _ in found.names())
    for way, folder in product((whole, flat), _FOLDERS):
        if (there := sum(disk.has(way(name, folder)) for name in found.names())) > most:
            best, most = (way, folder), there
        if most == photos:
            break
    way, folder = best
    note = f"photos are in {folder or disk.root.name} without the folders that the lists name"
    return partial(way, folder=folder), (note,) if way is flat else ()
