"""Objects from Visual Genome's 500 most frequent categories, as SSGRL cut them out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import OFFICIAL, Reader
from polytag.data.readers.documents import load
from polytag.data.readers.official import Lines, OnDisk, lines_of, published_file
from polytag.data.readers.photos import inside
from polytag.data.readers.rows import Row, assemble
from polytag.errors import DataError

CATEGORIES = 500

_LABELS = "vg_category_500_labels_index.json"
_LISTS = {"train": "train_list_500.txt", "test": "test_list_500.txt"}
_FOLDERS = ("VG_100K", "VG_100K_2", "images", "")


class Vg500(Reader):
    """VG500: 92,904 photos of Visual Genome with 500 categories, 82,904 to train on and 10,000 to test on.

    ``train_list_500.txt``, ``test_list_500.txt`` and ``vg_category_500_labels_index.json`` come from the folder
    ``data/VG`` of the public code of SSGRL, the photos from the page of Visual Genome (version 1.2, two parts:
    ``VG_100K`` and ``VG_100K_2``). The categories were published without their names: they are called ``category 000``
    to ``category 499``.

    Args:
        names: a text file with the 500 names of the categories, one a line, in the order of their numbers.
        images: the folder of the photos, or the one that has ``VG_100K`` and ``VG_100K_2``; by default that of the
            lists.
    """

    rank = OFFICIAL
    looks_for: ClassVar[str] = "SSGRL's vg_category_500_labels_index.json of Visual Genome"

    def __init__(self, names: str = "", images: str = "") -> None:
        self.names = names
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """``vg_category_500_labels_index.json``: ``path`` itself, or in the folder."""
        file = path / _LABELS if path.is_dir() else path
        return [file] if file.name == _LABELS and file.is_file() else []

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the lists, train first."""
        lists = [published_file(path.parent, name, _LABELS) for name in _LISTS.values()]
        lines, disk = Lines(lists, "line"), OnDisk(Path(self.images) if self.images else path.parent)
        content = load(path)
        if not isinstance(content, dict):
            raise DataError(f"{path} must be a JSON object of photos with lists of numbers; download it again")
        classes = _names(Path(self.names)) if self.names else [f"category {number:03}" for number in range(CATEGORIES)]

        def rows() -> Iterator[Row]:
            for file, split in enumerate(_LISTS):
                for line, name in lines_of(lists[file]):
                    number = lines.number(file, line)
                    labels = [classes[label] for label in _numbers(content, name, path, lines.where(number))]
                    yield Row(number, disk.place(inside(name, lines.where(number)), _FOLDERS), labels, split=split)

        called = f"names from {Path(self.names).name}" if self.names else "called by their numbers, having no names"
        return assemble(
            path,
            rows(),
            lines.where,
            lambda count: f"{path.name}: {count} categories, {called}",
            images=self.images,
            classes=classes,
            splits=" and ".join(_LISTS.values()),
        )


def _names(file: Path) -> list[str]:
    if not file.is_file():
        raise DataError(f"{file} is not a file; --reader.names is a text file with a name on each line")
    names = [name for _, name in lines_of(file)]
    if len(names) != CATEGORIES:
        raise DataError(f"{file} must have {CATEGORIES} names, one a line, got {len(names)}; add or remove names")
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise DataError(f"{file} has the name {twice[0]!r} twice; give each category its own name")
    return names


def _numbers(content: dict[str, Any], name: str, file: Path, where: str) -> list[int]:
    if name not in content:
        raise DataError(f"{where} names {name!r}, which {file.name} does not have; download both again")
    numbers = content[name]
    if not isinstance(numbers, list) or not all(type(each) is int and 0 <= each < CATEGORIES for each in numbers):
        raise DataError(
            f"{file} must have a list of numbers from 0 to {CATEGORIES - 1} for {name!r}, got {str(numbers)[:60]}; "
            "download it again"
        )
    return numbers
