"""Labels in the names of folders: one a label, a photo of several labels in several of them."""

import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from polytag._text import counted
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import FOLDERS, Reader, split_number
from polytag.data.readers.photos import is_image
from polytag.data.readers.rows import Row, assemble
from polytag.data.readers.table import none_notes
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
        if not path.is_dir():
            raise DataError(f"{path} is not a folder; give the folder that has one for each label")
        found: dict[tuple[str, str], list[Path]] = {}  # by split and digest
        places = _folders(path)
        names = {folder.name for _, folder in places}
        if self.none and places and self.none not in names:
            raise DataError(f"{path} has no folder {self.none!r} with photos in it; correct --reader.none")
        for split, folder in places:
            for photo in sorted(folder.iterdir()):
                if _is_photo(photo):
                    found.setdefault((split, _digest(photo)), []).append(photo)
        if not found:
            raise DataError(
                f"{path} has no folders of labels with photos in them; give the folder that has one for each label"
            )
        photos = sorted(
            ((files[0], split, files) for (split, _), files in found.items()), key=lambda item: (item[0].name, item[0])
        )

        def rows() -> Iterator[Row]:
            for number, (photo, split, files) in enumerate(photos):
                labels = {label for file in files for label in self._labels(file.parent.name)}
                yield Row(number, photo.relative_to(path).as_posix(), sorted(labels), split=split)

        data = assemble(
            path,
            rows(),
            lambda number: repr(photos[number][0].relative_to(path).as_posix()),
            lambda count: f"{len(names)} folders of photos, {count} labels",
            folder=path,
            splits="the names of the folders" if any(split for split, _ in places) else "",
            more=[*_merged([files for _, _, files in photos]), *_left_out(path, [folder for _, folder in places])],
        )
        data.notes += none_notes(data.classes)
        return data

    def _labels(self, name: str) -> list[str]:
        if self.none and name == self.none:
            return []
        return name.split(self.delimiter) if self.delimiter else [name]


def _folders(path: Path) -> list[tuple[str, Path]]:
    """The folders that have photos, each with its split, or with ``""``."""
    splits = [place for place in _inner(path) if split_number(place.name) is not None and any(_inner(place))]
    if splits:
        return [(place.name, folder) for place in splits for folder in _inner(place) if _has_photos(folder)]
    folders = [folder for folder in _inner(path) if _has_photos(folder)]
    only_splits = all(split_number(folder.name) is not None for folder in folders)
    return [] if only_splits else [("", folder) for folder in folders]


def _inner(place: Path) -> list[Path]:
    return sorted(folder for folder in place.iterdir() if folder.is_dir() and not folder.name.startswith("."))


def _has_photos(folder: Path) -> bool:
    return any(map(_is_photo, folder.iterdir()))


def _is_photo(file: Path) -> bool:
    return is_image(file.name) and not file.name.startswith(".") and file.is_file()


def _merged(photos: Sequence[Sequence[Path]]) -> Iterator[str]:
    """Notes on photos that are several files."""
    places = [len({file.parent for file in files}) for files in photos]
    if several := sum(number > 1 for number in places):
        are, have = ("is", "has") if several == 1 else ("are", "have")
        yield f"{counted(several, 'photo')} {are} in several folders and {have} all of their labels"
    if copies := sum(map(len, photos)) - sum(places):
        yield f"{copies} {'copy' if copies == 1 else 'copies'} of a photo in its own folder left out"


def _left_out(path: Path, places: Sequence[Path]) -> Iterator[str]:
    """Notes on photos that are in no folder of a label."""
    above = {path, *(folder.parent for folder in places)}
    if loose := sum(_is_photo(file) for place in above for file in place.iterdir()):
        yield f"{counted(loose, 'photo')} in no folder of a label left out"
    known = above | {*places}
    for folder in _inner(path):
        if folder not in known and _has_photos(folder):
            known.add(folder)
            yield f"folder {folder.name!r} beside those of the splits left out"
    if deeper := {place: number for place, number in _photos_below(known) if number}:
        first, *others = (repr(place.relative_to(path).as_posix()) for place in deeper)
        where = f"{first} and {counted(len(others), 'other folder')}, none" if others else f"{first}, no folder"
        yield f"{counted(sum(deeper.values()), 'photo')} in {where} of a label, left out"


def _photos_below(known: Collection[Path]) -> Iterator[tuple[Path, int]]:
    """The folders at any depth below those known, but hidden ones, and how many photos are in each."""
    for top in sorted(known):
        for place, inner, files in os.walk(top):
            inner[:] = sorted(name for name in inner if not name.startswith(".") and Path(place, name) not in known)
            if Path(place) != top:
                yield Path(place), sum(_is_photo(Path(place, name)) for name in files)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
