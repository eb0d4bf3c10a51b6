"""Labels from COCO's instance annotations: a photo has the categories of its boxes."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from polytag._checks import check_choice
from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.data.paths import Paths
from polytag.data.readers.base import DOCUMENTS, Reader, label_name, labelled_set, split_note
from polytag.data.readers.documents import files_in, kind_of, load, parts_of, root_of, splits_of
from polytag.data.readers.photos import find_photos, inside
from polytag.errors import DataError
from polytag.labels import LabelsBuilder

KEPT = ("images", "annotations", "categories", "id", "file_name", "image_id", "category_id", "name", "supercategory")


class Coco(Reader):
    """COCO instances: one JSON file, or a folder with ``annotations/instances_train2017.json`` and its like.

    Classes are all the categories, in the order of their ids, with or without instances. Crowds count as instances.
    Files of a folder become the splits that their names say. A category without instances that others name as the one
    above them, as Roboflow's first one, is left out.

    Args:
        images: the folder of the photos; by default the one beside ``annotations/`` (``train2017``, ``images``, ...)
            or that of the file.
        unlabelled: what becomes of photos without any instance.
    """

    rank = DOCUMENTS
    looks_for: ClassVar[str] = "COCO annotations in annotations/ or beside the photos"

    def __init__(self, images: str = "", unlabelled: Literal["keep", "drop"] = "keep") -> None:
        check_choice("unlabelled", unlabelled, ("keep", "drop"))
        self.images = images
        self.unlabelled = unlabelled

    def candidates(self, path: Path) -> list[Path]:
        """A JSON file; of a folder, its annotation files, or itself if they are one a split."""
        if path.is_file():  # of the other kinds each reads its own; the message about any other file is about COCO
            return [path] if path.suffix.lower() == ".json" and kind_of(path) in ("coco", "none") else []
        files = _files(path)
        return [path] if len(files) > 1 and splits_of(files) else files

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the file; classes are in the order of their ids."""
        split_of = parts_of(path, _wanted(path), "COCO annotations")
        files = list(split_of)
        parts = [_read_instances(file) for file in files]
        above = set[int].intersection(*(part.above for part in parts))
        categories = _without(above, parts[0].categories, files[0])
        for file, part in zip(files, parts, strict=True):
            if _without(above, part.categories, file) != categories:
                raise DataError(f"{file} and {files[0]} differ in their categories; give both the same ids and names")
        folder = root_of(path, files)
        root = Path(self.images) if self.images else folder

        column = {number: position for position, number in enumerate(sorted(categories))}
        builder, names, sources, unlabelled = LabelsBuilder(), [], [], 0
        for file, part in zip(files, parts, strict=True):
            prefix = _prefix(root, file, list(part.images.values())[:10])
            for number, name in part.images.items():
                labels = part.labels.get(number, ())
                unlabelled += not labels
                if labels or self.unlabelled == "keep":
                    builder.add(column[label] for label in labels)
                    names.append(prefix + name)
                    sources.append((number, file))
        images, found_notes = find_photos(
            Paths(names), folder, self.images, lambda item: f"image {sources[item][0]} of {sources[item][1].name}"
        )
        notes = [f"{' and '.join(file.name for file in files)}: {len(categories)} categories", *found_notes]
        if above:
            names_above = ", ".join(repr(parts[0].categories[number]) for number in sorted(above))
            notes.append(f"{names_above} stands above other categories and has no instance: left out")
        if unlabelled:
            notes.append(f"{unlabelled} photos without instances {'kept' if self.unlabelled == 'keep' else 'dropped'}")
        split = None
        if len(files) > 1:
            split = np.array([SPLITS.index(split_of[file]) for _, file in sources], np.int8)
            notes.append(split_note(split, "the names of the files"))
        return labelled_set(path, images, builder.build([categories[n] for n in column]), split, None, notes)


class _Instances(NamedTuple):
    images: dict[int, str]  # file names by image id
    categories: dict[int, str]  # names by category id
    labels: dict[int, set[int]]  # category ids by image id, for images that have any
    above: set[int]  # ids of categories that only others stand below


def _read_instances(file: Path) -> _Instances:
    # Polygons are dropped as they are met: all of COCO would take gigabytes.
    content = load(file, lambda entry: {key: entry[key] for key in KEPT if key in entry})
    images: dict[int, str] = {}
    categories: dict[int, str] = {}
    labels: dict[int, set[int]] = {}
    roots: set[int] = set()  # categories below none
    named_above: set[str] = set()
    for entry in _entries(file, content, "images", "id", "file_name"):
        if entry["id"] in images:
            raise DataError(f"{file} lists image {entry['id']} twice; remove one of them")
        images[entry["id"]] = inside(entry["file_name"], f"image {entry['id']} of {file.name}")
    for entry in _entries(file, content, "categories", "id", "name"):
        name = label_name(entry["name"], f"category {entry['id']} of {file.name}")
        if entry["id"] in categories:
            raise DataError(f"{file} lists category {entry['id']} ({name!r}) twice; give each its own id and name")
        categories[entry["id"]] = name
        if (over := entry.get("supercategory")) in (None, "", "none"):
            roots.add(entry["id"])
        elif isinstance(over, str):
            named_above.add(over.strip())
    for entry in _entries(file, content, "annotations", "image_id", "category_id"):
        for key, known in (("image_id", images), ("category_id", categories)):
            if entry[key] not in known:
                raise DataError(
                    f"annotation {entry.get('id')!r} of {file} has the {key} {entry[key]}, which is not listed; "
                    "remove the annotation or add what it points to"
                )
        labels.setdefault(entry["image_id"], set()).add(entry["category_id"])
    above = {number for number in roots if categories[number] in named_above}
    return _Instances(images, categories, labels, above.difference(*labels.values()))


def _without(above: set[int], categories: dict[int, str], file: Path) -> dict[int, str]:
    """The categories that are labels.

    Raises:
        DataError: if two have one name.
    """
    left: dict[int, str] = {}
    for number, name in categories.items():
        if number not in above:
            if name in left.values():
                raise DataError(f"{file} lists category {number} ({name!r}) twice; give each its own id and name")
            left[number] = name
    return left


def _entries(file: Path, content: Any, part: str, *keys: str) -> Iterator[dict[str, Any]]:
    """The entries of one list, each with whole numbers for ids and text for names."""
    if not isinstance(content, dict) or not isinstance(content.get(part), list):
        raise DataError(f"{file} has no list {part!r}; COCO annotations have images, annotations and categories")
    for position, entry in enumerate(content[part]):
        for key in keys:
            kind = int if key.endswith("id") else str
            value = entry.get(key) if isinstance(entry, dict) else None
            if not isinstance(value, kind) or (isinstance(value, str) and not value.strip()):
                needs = "a whole number" if kind is int else "text"
                raise DataError(f"entry {position} of {part!r} in {file} needs {needs} as its {key!r}; correct it")
        yield entry


def _wanted(folder: Path) -> Callable[[Path], bool]:
    """Instance files where there are some, else whatever looks like COCO annotations."""
    named = files_in(folder, lambda file: file.name.startswith("instances_")) if folder.is_dir() else []
    return (lambda file: file in named) if named else (lambda file: kind_of(file) == "coco")


def _files(folder: Path) -> list[Path]:
    return files_in(folder, _wanted(folder))


def _prefix(root: Path, file: Path, names: list[str]) -> str:
    """The folder below ``root`` that has one of these photos: ``train2017/`` for ``instances_train2017.json``."""
    if file.parent != root and file.parent.parent == root and any((file.parent / name).is_file() for name in names):
        return f"{file.parent.name}/"  # each split has its file beside its photos
    part = file.stem.removeprefix("instances_")
    word = re.sub("[^a-z]", "", part.lower())
    tries = [f"{base}{inner}" for inner in ("", f"{part}/", f"{word}/") for base in ("", "images/")]
    return next((place for place in tries if any(os.path.isfile(root / place / name) for name in names)), "")
