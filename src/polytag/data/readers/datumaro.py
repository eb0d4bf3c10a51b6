"""Labels in Datumaro's JSON: a photo has the labels of its annotations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import DOCUMENTS, Reader
from polytag.data.readers.documents import documents, entries, kind_of, load, parts_of, root_of
from polytag.data.readers.rows import Row, assemble
from polytag.errors import DataError


class Datumaro(Reader):
    """One JSON file, or a folder with ``annotations/train.json`` and its like, and ``images/``, also by split.

    Annotations of every type count: a photo with a box of a label has the label.

    Args:
        images: the folder of the photos; by default ``images/`` beside ``annotations/``.
    """

    rank = DOCUMENTS
    looks_for: ClassVar[str] = "Datumaro's annotations/*.json"

    def __init__(self, images: str = "") -> None:
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """A file of this kind; of a folder, its files, or itself if they are one a split."""
        return documents(path, "datumaro")

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the file; classes are as it declares them."""
        parts = parts_of(path, lambda file: kind_of(file) == "datumaro", "Datumaro annotations")
        files = list(parts)
        contents = [load(file) for file in files]
        classes = _classes(files[0], contents[0])
        if differs := next((f for f, c in zip(files, contents, strict=True) if _classes(f, c) != classes), None):
            raise DataError(f"{differs} and {files[0]} differ in their labels; give both the same list")
        root = root_of(path, files)
        found: list[tuple[Path, str]] = []

        def rows() -> Iterator[Row]:
            for file, content in zip(files, contents, strict=True):
                place = _place(Path(self.images) if self.images else root, file)
                for entry in entries(file, content, "items", id=str, annotations=list):
                    found.append((file, entry["id"]))
                    where = f"item {entry['id']!r} of {file}"
                    yield Row(
                        len(found) - 1, place + _photo(entry, where), _labels(entry, classes, where), split=parts[file]
                    )

        return assemble(
            path,
            rows(),
            lambda line: f"item {found[line][1]!r} of {found[line][0].name}",
            lambda count: f"{' and '.join(file.name for file in files)}: {count} labels",
            folder=root,
            images=self.images,
            classes=classes,
            splits="the names of the files" if len(files) > 1 else "",
        )


def _classes(file: Path, content: Any) -> list[str]:
    categories = content.get("categories") if isinstance(content, dict) else None
    declared = categories.get("label") if isinstance(categories, dict) else None
    return [entry["name"] for entry in entries(file, declared, "labels", name=str)]


def _place(root: Path, file: Path) -> str:
    """The folder of the photos of one file, seen from ``root``."""
    tries = (f"images/{file.stem}/", "images/", f"{file.stem}/")
    return next((place for place in tries if (root / place).is_dir()), "")


def _photo(entry: dict[str, Any], where: str) -> str:
    media = entry.get("image") or entry.get("media") or {}
    name = (media.get("path") or entry["id"]) if isinstance(media, dict) else None
    if not isinstance(name, str):
        raise DataError(f"{where} needs text as the path of its image; correct it")
    return name


def _labels(entry: dict[str, Any], classes: list[str], where: str) -> list[str]:
    found = []
    for annotation in entry["annotations"]:
        number = annotation.get("label_id") if isinstance(annotation, dict) else None
        if number is None:
            continue  # a caption, points without a label
        if type(number) is not int or not 0 <= number < len(classes):
            raise DataError(f"{where} has the label_id {number!r}; it must be between 0 and {len(classes) - 1}")
        found.append(classes[number])
    return found
