"""Labels from Pascal VOC's folders: a photo has the names of its objects."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from polytag._checks import check_choice
from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.data.paths import Paths
from polytag.data.readers.base import PASCAL, Reader, label_name, labelled_set, sorted_labels, split_note
from polytag.data.readers.photos import find_photos
from polytag.data.readers.xml import parse_xml
from polytag.errors import DataError
from polytag.labels import LabelsBuilder

Difficult = Literal["unknown", "present", "absent"]


class Voc(Reader):
    """A folder with ``Annotations/*.xml``, ``JPEGImages/`` and, for splits, ``ImageSets/Main/{train,val,test}.txt``.

    Classes are the names of all objects, sorted. Where there are lists of splits, photos in none of them are left out;
    ``trainval.txt`` is the training split where there is neither ``train.txt`` nor ``val.txt``.

    Args:
        difficult: what a label is on a photo where all of its objects are marked as difficult.
        images: the folder of the photos, by default ``JPEGImages``.
    """

    rank = PASCAL
    looks_for: ClassVar[str] = "Pascal VOC's Annotations/*.xml"

    def __init__(self, difficult: Difficult = "unknown", images: str = "") -> None:
        check_choice("difficult", difficult, ("unknown", "present", "absent"))
        self.difficult = difficult
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """The folder, if it has annotations."""
        return [path] if any(_stems(path / "Annotations")) else []

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of their names; classes are sorted by name."""
        annotations = path / "Annotations"
        stems = sorted(_stems(annotations))
        if not stems:
            raise DataError(
                f"{path} has no Annotations/*.xml; give the folder that has Annotations and JPEGImages in it"
            )
        listed = _splits(path / "ImageSets" / "Main", set(stems))
        left_out = [stem for stem in stems if listed and stem not in listed]
        stems = [stem for stem in stems if not listed or stem in listed]

        numbers: dict[str, int] = {}
        builder, difficult_labels = LabelsBuilder(), 0
        for stem in stems:
            easy, difficult = (
                [numbers.setdefault(name, len(numbers)) for name in names]
                for names in _objects(annotations / f"{stem}.xml")
            )
            difficult_labels += len(difficult)
            present = easy + difficult if self.difficult == "present" else easy
            builder.add(present, difficult if self.difficult == "unknown" else ())
        names = Paths(stem if self.images else f"JPEGImages/{stem}" for stem in stems)
        images, found_notes = find_photos(names, path, self.images, lambda item: f"Annotations/{stems[item]}.xml")

        notes = [f"Annotations: {len(numbers)} names of objects on {len(stems)} photos", *found_notes]
        if difficult_labels:
            notes.append(f"{difficult_labels} labels on difficult objects only: read as {self.difficult}")
        split = None
        if listed:
            split = np.array([listed[stem] for stem in stems], np.int8)
            notes.append(split_note(split, "ImageSets/Main"))
        if left_out:
            notes.append(f"{len(left_out)} photos left out, in no list of ImageSets/Main")
        return labelled_set(path, images, sorted_labels(builder, list(numbers)), split, None, notes)


def _objects(file: Path) -> tuple[list[str], list[str]]:
    """Names of objects on one photo: those with an object that is not difficult, and the others."""
    easy: set[str] = set()
    difficult: set[str] = set()
    for thing in parse_xml(file).iter("object"):
        name = label_name(thing.findtext("name", ""), file.name)
        if not name:
            raise DataError(f"{file} has an object without a name; name it or remove it")
        (difficult if thing.findtext("difficult", "0").strip() == "1" else easy).add(name)
    return sorted(easy), sorted(difficult - easy)


def _stems(annotations: Path) -> Iterator[str]:
    """What the annotated photos are called, without an ending; below a folder of ``Annotations``, with its name."""
    for file in annotations.rglob("*.xml"):
        name = file.relative_to(annotations).with_suffix("").as_posix()
        if not any(part.startswith(".") for part in name.split("/")) and file.is_file():
            yield name


def _splits(folder: Path, stems: set[str]) -> dict[str, int]:
    """The split of each photo that a list names; empty where there are no lists."""
    lists = {number: folder / f"{name}.txt" for number, name in enumerate(SPLITS) if (folder / f"{name}.txt").is_file()}
    if not {0, 1} & lists.keys() and (folder / "trainval.txt").is_file():
        lists[0] = folder / "trainval.txt"
    found: dict[str, int] = {}
    for number, file in lists.items():
        content = file.read_text(encoding="utf-8-sig", errors="surrogateescape")
        for line, text in enumerate(content.splitlines(), start=1):
            if not text.strip():
                continue
            whole, first = text.strip(), text.split()[0]
            stem = next((name for name in (whole, whole.strip("\"'"), first) if name in stems), None)
            if stem is None:
                raise DataError(f"line {line} of {file} names {first!r}, which has no XML file in Annotations; add it")
            if found.setdefault(stem, number) != number:
                raise DataError(f"{stem!r} is in {SPLITS[found[stem]]} and in {file.name}; keep it in one of them")
    return found
