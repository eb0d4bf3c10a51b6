"""Labels in CVAT's XML for images: tags, and the labels of shapes."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar
from xml.etree.ElementTree import Element

from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import DOCUMENTS, Reader, split_number
from polytag.data.readers.rows import Row, assemble
from polytag.data.readers.xml import parse_xml
from polytag.errors import DataError

SHAPES = ("tag", "box", "polygon", "polyline", "points", "ellipse", "cuboid", "mask", "skeleton")


class Cvat(Reader):
    """``annotations.xml`` of "CVAT for images": a photo has its tags, and the labels of what is drawn on it.

    Classes are the labels that the file declares, in its order; where it declares none, those that it has, sorted.

    Args:
        shapes: whether what is drawn counts, too, or tags only.
        images: the folder of the photos; by default that of the file, or a subfolder that has all of them. Where the
            file has subsets, each may have its photos in a folder of its name, as in the export of a project.
    """

    rank = DOCUMENTS
    looks_for: ClassVar[str] = "CVAT's annotations.xml"

    def __init__(self, shapes: bool = True, images: str = "") -> None:
        self.shapes = shapes
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """A file of this kind; in a folder, all of those."""
        files = [path] if path.is_file() else sorted(file for file in path.glob("*.xml") if file.is_file())
        return [file for file in files if file.suffix.lower() == ".xml" and _looks_like_cvat(file)]

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the file."""
        root = parse_xml(path)
        labels = root.iterfind("./meta//labels/label")
        declared = [label.findtext("name", "") for label in labels if label.find("parent") is None]  # else: of a joint
        pictures = root.findall("image")
        subsets = [picture.get("subset", "") for picture in pictures]
        strange = sorted({name for name in subsets if name and split_number(name) is None})
        splits = any(subsets) and not strange
        names = [picture.get("name", "").strip() for picture in pictures]
        place = _places(Path(self.images) if self.images else path.parent, names, subsets)

        def rows() -> Iterator[Row]:
            for number, (picture, name, subset) in enumerate(zip(pictures, names, subsets, strict=True)):
                name = f"{place[subset]}{name}" if name else ""
                yield Row(number, name, self._labels(picture, path), split=subset if splits else "")

        return assemble(
            path,
            rows(),
            lambda number: f"image {number} of {path.name}",
            lambda count: f"{path.name}: {count} labels on {len(pictures)} photos",
            images=self.images,
            classes=declared or None,
            splits="the subsets" if splits else "",
            more=[f"subsets are no splits, since one is called {strange[0]!r}"] if strange else [],
        )

    def _labels(self, picture: Element, path: Path) -> list[str]:
        found = []
        for kind in SHAPES if self.shapes else SHAPES[:1]:
            for element in picture.iterfind(kind):
                if not (label := element.get("label", "").strip()):
                    raise DataError(f"image {picture.get('name')!r} of {path} has a {kind} without a label; name it")
                found.append(label)
        return found


def _places(root: Path, names: Sequence[str], subsets: Sequence[str]) -> dict[str, str]:
    """Of each subset the folder below ``root`` that has its first photo; empty where there is none."""
    found = {"": ""}
    for name, subset in zip(names, subsets, strict=True):
        if subset not in found:
            tries = (f"images/{subset}/", f"{subset}/")
            found[subset] = next((place for place in tries if (root / f"{place}{name}").is_file()), "")
    return found


def _looks_like_cvat(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(2**16)
    return b"<annotations" in start and (b"<meta" in start or b"<image " in start)
