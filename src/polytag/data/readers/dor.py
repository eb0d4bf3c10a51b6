"""Labels in the JSON files of deep-object-reid, the public code that AAM and GAT were published with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.data.readers.base import DOCUMENTS, Reader
from polytag.data.readers.documents import documents, kind_of, load, parts_of, root_of
from polytag.data.readers.official import Lines
from polytag.data.readers.rows import Row, assemble
from polytag.errors import DataError


class Dor(Reader):
    """``{"classes": ["cat", "dog"], "images": [["a.jpg", ["cat"]], ["b.jpg", []]]}``, in ``train.json`` and its like.

    Classes are sorted by name. A label that is listed twice counts once; a photo without labels has all of them absent.
    Files of a folder become the splits that their names say.

    Args:
        images: the folder of the photos; by default that of the file, the one above ``annotations/``, or a subfolder
            that has all of them.
    """

    rank = DOCUMENTS
    looks_for: ClassVar[str] = "train.json and val.json of deep-object-reid"

    def __init__(self, images: str = "") -> None:
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """A file of this kind; of a folder, its files, or itself if they are one a split."""
        return documents(path, "dor")

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the files; classes are sorted by name."""
        parts = parts_of(path, lambda file: kind_of(file) == "dor", "lists of photos with their labels")
        files = sorted(parts, key=lambda file: ["", *SPLITS].index(parts[file]))
        contents = [load(file) for file in files]
        classes = _classes(files[0], contents[0])
        for file, content in zip(files, contents, strict=True):
            if _classes(file, content) != classes:
                raise DataError(f"{file} and {files[0]} differ in their classes; give both the same")
        lines = Lines(files, "entry")

        def rows() -> Iterator[Row]:
            for number, (file, content) in enumerate(zip(files, contents, strict=True)):
                for place, (name, labels) in enumerate(_entries(file, content)):
                    yield Row(lines.number(number, place), name, labels, split=parts[file])

        return assemble(
            path,
            rows(),
            lines.where,
            lambda count: f"{' and '.join(file.name for file in files)}: {count} classes",
            folder=root_of(path, files),
            images=self.images,
            classes=classes,
            splits="the names of the files" if len(files) > 1 else "",
        )


def _classes(file: Path, content: Any) -> list[str]:
    declared = content.get("classes") if isinstance(content, dict) else None
    if not isinstance(declared, list) or not declared or not all(isinstance(name, str) for name in declared):
        raise DataError(f"{file} needs a list of names as its 'classes'; correct it")
    return sorted(declared)


def _entries(file: Path, content: Any) -> Iterator[tuple[str, list[str]]]:
    if not isinstance(content.get("images"), list):
        raise DataError(f"{file} has no list 'images'; correct it")
    for place, entry in enumerate(content["images"]):
        name, labels = entry if isinstance(entry, list) and len(entry) == 2 else (None, None)
        if not isinstance(name, str) or not isinstance(labels, list) or not all(isinstance(x, str) for x in labels):
            raise DataError(f"entry {place} of 'images' in {file} must be a photo and a list of labels; correct it")
        yield name.strip(), labels
