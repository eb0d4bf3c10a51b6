"""Labels in the JSON of OpenMMLab: a list of classes, and numbers of them for each photo."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import DOCUMENTS, Reader
from polytag.data.readers.documents import documents, entries, kind_of, load, parts_of, root_of
from polytag.data.readers.rows import Row, assemble
from polytag.errors import DataError


class OpenMMLab(Reader):
    """``{"metainfo": {"classes": [...]}, "data_list": [{"img_path": "a.jpg", "gt_label": [0, 2]}, ...]}``.

    One file, or a folder with one a split, such as ``annotations/train.json``.

    Args:
        images: the folder of the photos; by default that of the file, the one above ``annotations/``, or a subfolder
            that has all of them.
    """

    rank = DOCUMENTS
    looks_for: ClassVar[str] = "OpenMMLab's .json"

    def __init__(self, images: str = "") -> None:
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """A file of this kind; of a folder, its files, or itself if they are one a split."""
        return documents(path, "openmmlab")

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the file; classes are as it declares them."""
        parts = parts_of(path, lambda file: kind_of(file) == "openmmlab", "OpenMMLab annotations")
        files = list(parts)
        contents = [load(file) for file in files]
        classes = _classes(files[0], contents[0])
        if differs := next((f for f, c in zip(files, contents, strict=True) if _classes(f, c) != classes), None):
            raise DataError(f"{differs} and {files[0]} differ in their classes; give both the same list")
        found: list[tuple[Path, int]] = []

        def rows() -> Iterator[Row]:
            for file, content in zip(files, contents, strict=True):
                for number, entry in enumerate(entries(file, content, "data_list", img_path=str)):
                    found.append((file, number))
                    labels = _labels(entry.get("gt_label"), classes, f"entry {number} of 'data_list' in {file}")
                    yield Row(len(found) - 1, entry["img_path"].strip(), labels, split=parts[file])

        return assemble(
            path,
            rows(),
            lambda line: f"entry {found[line][1]} of {found[line][0].name}",
            lambda count: f"{' and '.join(file.name for file in files)}: {count} classes",
            folder=root_of(path, files),
            images=self.images,
            classes=classes,
            splits="the names of the files" if len(files) > 1 else "",
        )


def _classes(file: Path, content: Any) -> list[str]:
    meta = content.get("metainfo") if isinstance(content, dict) else None
    declared = meta.get("classes") if isinstance(meta, dict) else None
    if not isinstance(declared, list) or not declared or not all(isinstance(name, str) for name in declared):
        raise DataError(f"{file} needs a list of names as its metainfo.classes; export it again")
    return declared


def _labels(value: Any, classes: list[str], where: str) -> list[str]:
    numbers = value if isinstance(value, list) else [value]
    if not all(type(number) is int and 0 <= number < len(classes) for number in numbers):
        raise DataError(
            f"{where} has the gt_label {value!r}; it must be a list of numbers from 0 to {len(classes) - 1}"
        )
    return [classes[number] for number in numbers]
