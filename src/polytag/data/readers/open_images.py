"""Labels of Open Images, versions 6 and 7: those that people verified for whole photos, or those of boxes."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple

from polytag._checks import check_choice
from polytag._text import counted
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import OFFICIAL, Reader, label_name
from polytag.data.readers.official import Lines, Missing, OnDisk, Photos, columns_of
from polytag.data.readers.pairs import Pair, assemble_pairs
from polytag.data.readers.photos import inside
from polytag.data.readers.text import TextTable, open_text
from polytag.errors import DataError

Labelled = Literal["image", "boxable", "boxes"]

_SPLITS = {"train": ("train",), "validation": ("validation", "val"), "test": ("test",)}  # and what they are called
_ENDINGS: dict[Labelled, str] = {
    "image": "annotations-human-imagelabels.csv",
    "boxable": "annotations-human-imagelabels-boxable.csv",
    "boxes": "annotations-bbox.csv",
}


class OpenImages(Reader):
    """Open Images V6 and V7: labels that people verified as present or absent, one a row; all others are unknown.

    The page "Open Images Dataset" offers the tables and the names of the classes: ``class-descriptions.csv`` for all
    classes, ``class-descriptions-boxable.csv`` for the 601 that have boxes, with or without ``oidv6-`` or ``oidv7-``
    in front; give the folder that has them in it, or in its ``annotations``. Photos are in ``train``, ``validation``
    (or ``val``) and ``test`` there, or in ``train_0`` to ``train_f``, as the archives unpack: 1,743,042, 41,620 and
    125,436 for the boxable classes, 9 million for all. Classes are those of the descriptions, in their order; where
    several have one name, each has its code behind it, and one without a name is called by its code.

    Args:
        labels: "image" is what people verified of whole photos, of all classes where there is such a table and else of
            the boxable ones; "boxable" is the latter; "boxes" is the classes of boxes, which are present.
        unlisted: what a label is that no row lists; papers often count it as absent.
        missing: whether photos that are not on the disk stop the reading, or are left out and counted.
        images: the folder that has ``train``, ``validation`` and ``test``, or all photos; by default that of the data.
    """

    rank = OFFICIAL
    looks_for: ClassVar[str] = "Open Images' *-annotations-human-imagelabels.csv or *-annotations-bbox.csv"

    def __init__(
        self,
        labels: Labelled = "image",
        unlisted: Literal["unknown", "absent"] = "unknown",
        missing: Missing = "stop",
        images: str = "",
    ) -> None:
        check_choice("labels", labels, ("image", "boxable", "boxes"))
        check_choice("unlisted", unlisted, ("unknown", "absent"))
        check_choice("missing", missing, ("stop", "drop"))
        self.labels: Labelled = labels
        self.unlisted: Literal["unknown", "absent"] = unlisted
        self.missing: Missing = missing
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """The folder, if it or its ``annotations`` has tables of Open Images."""
        return [path] if path.is_dir() and any(_tables(path, kind) for kind in _ENDINGS) else []

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order in which the tables list them, train first."""
        kind = "boxable" if self.labels == "image" and not _tables(path, "image") else self.labels
        files = _one_a_split(path, kind)
        if kind == "image" and (more := _tables(path, "boxable").keys() - files.keys()):
            raise DataError(
                f"{path} has labels of all classes for {', '.join(files)} and of the boxable ones alone for "
                f"{', '.join(sorted(more))}; add {min(more)}-{_ENDINGS['image']} or choose --reader.labels boxable"
            )
        descriptions = _descriptions(path, kind)
        source = _Source(path, kind, files, descriptions.name)
        names = _names(descriptions)
        try:
            return self._read(source, names)
        except _UnnamedError as error:
            codes = error.codes
        return self._read(source, names | codes)  # from the start: classes are numbered before the rows are read

    def _read(self, source: "_Source", names: dict[str, str]) -> LabelledSet:
        folder, kind, files, descriptions = source
        more = [f"names of classes from {descriptions}"]
        if shared := [name for code, name in names.items() if name.endswith(f" ({code})")]:
            more.append(f"{len(shared)} classes share names and have their codes added, such as {shared[0]!r}")
        if bare := [name for code, name in names.items() if name == code]:
            more.append(f"{counted(len(bare), 'code')} without a name, kept as the class, such as {bare[0]!r}")
        more.append(f"labels that are not listed are {self.unlisted}")
        if kind == "boxes" and self.unlisted == "unknown":
            more.append("boxes tell of no label that is absent; --reader.unlisted absent reads all others so")
        lines, disk = Lines(list(files.values())), OnDisk(Path(self.images) if self.images else folder)
        photos = Photos(disk, self.missing, lines)
        data = assemble_pairs(
            folder,
            _pairs(source, names, photos),
            lines.where,
            lambda count: f"{' and '.join(file.name for file in files.values())}: {count} classes",
            unlisted=self.unlisted,
            classes=list(names.values()),
            folder=folder,
            images=self.images,
            splits="the names of the files",
            more=more,
        )
        data.notes += photos.notes
        return data


class _Source(NamedTuple):
    folder: Path
    kind: Labelled
    files: dict[str, Path]  # tables by their splits
    descriptions: str


class _UnnamedError(Exception):
    """All rows are read, and some have codes that no description names."""

    def __init__(self, codes: dict[str, str]) -> None:
        super().__init__()
        self.codes = codes


def _pairs(source: _Source, names: dict[str, str], photos: Photos) -> Iterator[Pair]:
    """A pair for each row whose photo is there."""
    values = {"1": 1, "0": 0, "1.0": 1, "0.0": 0}
    unnamed: dict[str, str] = {}
    for file, (split, path) in enumerate(source.files.items()):
        table = TextTable(path)
        photo, label, confidence = columns_of(table, "ImageID", "LabelName", "Confidence")
        folder, sharded = _folder(photos.disk.root, split)
        last: str | None = None
        name, there = "", False
        for line, row in table.rows():
            number = photos.lines.number(file, line)
            if row[photo] != last:  # the rows of a photo stand together
                last = row[photo]
                taken = table.filled(line, row, photo)
                file_name = f"{taken[0]}/{taken}.jpg" if sharded else f"{taken}.jpg"
                name = inside(folder + file_name, table.where(line))
                there = photos.keep(name, number)
            if not there:
                continue
            value = 1 if source.kind == "boxes" else values.get(row[confidence])
            if value is None:
                raise DataError(
                    f"{table.where(line)} has the confidence {row[confidence]!r}; labels that people verified have "
                    "1 or 0, so give the published file"
                )
            called = names.get(row[label])
            if called is None:
                code = label_name(table.filled(line, row, label), table.where(line))
                called = names.get(code) or unnamed.setdefault(code, code)
            if not unnamed:  # else all is read again, with these among the classes
                yield Pair(number, name, called, value, split)
    photos.check()
    if unnamed:
        raise _UnnamedError(unnamed)


def _tables(folder: Path, kind: Labelled) -> dict[str, list[Path]]:
    """The tables of one kind by their splits, in the folder or else in ``annotations``."""
    found: dict[str, list[Path]] = {}
    for split, words in _SPLITS.items():
        pattern = re.compile(rf"(?:oidv\d+-)?(?:{'|'.join(words)})-{re.escape(_ENDINGS[kind])}")
        if files := [file for file in _files(folder) if pattern.fullmatch(file.name)]:
            found[split] = files
    return found


def _files(folder: Path) -> list[Path]:
    places = [folder, folder / "annotations"]
    return sorted(file for place in places if place.is_dir() for file in place.glob("*.csv") if file.is_file())


def _one_a_split(folder: Path, kind: Labelled) -> dict[str, Path]:
    tables = _tables(folder, kind) if folder.is_dir() else {}
    if not tables:
        raise DataError(
            f"{folder} has no train-{_ENDINGS[kind]}, nor one of another split; give the folder that has it, or choose "
            "others with --reader.labels"
        )
    if twice := next((files for files in tables.values() if len(files) > 1), None):
        raise DataError(f"{folder} has {twice[0].name} and {twice[1].name}, of one split; leave one of them")
    return {split: files[0] for split, files in tables.items()}


def _descriptions(folder: Path, kind: Labelled) -> Path:
    """The newest table of names."""
    name = "class-descriptions.csv" if kind == "image" else "class-descriptions-boxable.csv"
    found = [file for file in _files(folder) if re.fullmatch(rf"(?:oidv\d+-)?{re.escape(name)}", file.name)]
    if not found:
        raise DataError(f"{folder} has no {name}, which names the classes; add it, it is offered beside the tables")
    return max(found, key=lambda file: file.name.removesuffix(name))


def _names(file: Path) -> dict[str, str]:
    """The name of each class by its code, in the order of the file."""
    names: dict[str, str] = {}
    for line, row in open_text(file).rows(","):
        where = f"row {line} of {file.name}"
        if len(row) != 2:
            raise DataError(f"{where} must have a code and a name, got {len(row)} cells; download it again")
        if row[0] != "LabelName":
            names[row[0].strip()] = label_name(row[1], where) or row[0].strip()
    often = Counter(names.values())
    return {code: f"{name} ({code})" if often[name] > 1 else name for code, name in names.items()}


def _folder(root: Path, split: str) -> tuple[str, bool]:
    """What stands before the names of photos, and whether their first letter is part of their folder's name."""
    if word := next((word for word in _SPLITS[split] if (root / word).is_dir()), ""):
        return f"{word}/", False
    sharded = any(place.is_dir() for place in root.glob(f"{split}_?"))
    return f"{split}_" if sharded else "", sharded
