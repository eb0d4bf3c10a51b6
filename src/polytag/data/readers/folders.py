"""Labels in the names of folders: one a label, a photo of several labels in several of them."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import FOLDERS, Reader, split_number
from polytag.data.readers.photos import is_image
from polytag.data.readers.rows import Row, assemble
from polytag.errors import DataError


class Folders(Reader):
    """``cat/a.jpg``, ``hat/a.jpg``, or with splits ``train/cat/a.jpg``; a photo of equal content counts once.

    Classes are sorted by name. A photo that is in several folders, under whatever names, has all of their labels.

    Args:
        delimiter: what separates labels in the name of one folder, as in ``cat,hat/``; by default a name is one label.
        none: the name of the folder of photos without labels; by default there is none.
    """

    rank = FOLDERS
    looks_for: ClassVar[str] = "a folder of photos for each label"

    def __init__(self, delimiter: str = "", none: str = "") -> None:
        self.delimiter = delimiter
        self.none = none

    def candidates(self, path: Path) -> list[Path]:
        """The folder, if two or more folders in it, or in those of its splits, have photos."""
        return [path] if path.is_dir() and len({folder.name for _, folder in _folders(path)}) > 1 else []

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of their names."""
        found: dict[tuple[str, str], list[Path]] = {}  # by split and digest
        places = _folders(path)
        for split, folder in places:
            for photo in sorted(folder.iterdir()):
                if is_image(photo.name) and photo.is_file():
                    found.setdefault((split, _digest(photo)), []).append(photo)
        if not found:
            raise DataError(f"{path} has no folders with photos in them; give the folder that has one for each label")
        photos = sorted(
            ((files[0], split, files) for (split, _), files in found.items()), key=lambda item: (item[0].name, item[0])
        )
        several = sum(len({file.parent for file in files}) > 1 for _, _, files in photos)
        loose = sum(is_image(file.name) for file in path.iterdir() if file.is_file())

        def rows() -> Iterator[Row]:
            for number, (photo, split, files) in enumerate(photos):
                labels = {label for file in files for label in self._labels(file.parent.name)}
                yield Row(number, photo.relative_to(path).as_posix(), sorted(labels), split=split)

        more = [f"{several} photos are in several folders and have all of their labels"] if several else []
        more += [f"{loose} photos in no folder of a label left out"] if loose else []
        return assemble(
            path,
            rows(),
            lambda number: str(photos[number][0].relative_to(path)),
            lambda count: f"{len({folder.name for _, folder in places})} folders of photos, {count} labels",
            folder=path,
            splits="the names of the folders" if any(split for split, _ in places) else "",
            more=more,
        )

    def _labels(self, name: str) -> list[str]:
        if self.none and name == self.none:
            return []
        return name.split(self.delimiter) if self.delimiter else [name]


def _folders(path: Path) -> list[tuple[str, Path]]:
    """The folders that have photos, each with its split, or with ``""``."""
    inner = sorted(place for place in path.iterdir() if place.is_dir() and not place.name.startswith("."))
    splits = [place for place in inner if split_number(place.name) is not None and any(_inner(place))]
    if splits:
        return [(place.name, folder) for place in splits for folder in _inner(place) if _has_photos(folder)]
    return [("", folder) for folder in inner if _has_photos(folder)]


def _inner(place: Path) -> list[Path]:
    return sorted(folder for folder in place.iterdir() if folder.is_dir() and not folder.name.startswith("."))


def _has_photos(folder: Path) -> bool:
    return any(is_image(file.name) for file in folder.iterdir())


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
