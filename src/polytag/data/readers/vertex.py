"""Labels in the tables of Vertex AI: no header, a use, a photo in a bucket, then as many labels as it has."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import TABLES, Reader
from polytag.data.readers.columns import USES, tables
from polytag.data.readers.rows import Row, assemble
from polytag.data.readers.text import open_text
from polytag.errors import DataError

SPLIT_USES = USES[:4]


class Vertex(Reader):
    """``TRAINING,gs://bucket/street/a.jpg,blouse,vest``: rows of different lengths, the use optional.

    A photo is looked for under its path within the bucket: ``street/a.jpg`` beside the table.

    Args:
        images: the folder that stands for the bucket; by default that of the table.
        encoding: of the text; by default UTF-8, or UTF-16 where a byte order mark says so.
    """

    rank = TABLES
    looks_for: ClassVar[str] = "a .csv of Vertex AI without a header"

    def __init__(self, images: str = "", encoding: str = "") -> None:
        self.images = images
        self.encoding = encoding

    def candidates(self, path: Path) -> list[Path]:
        """A table whose first row has a photo in a bucket, or the word of a use before a photo."""
        return tables(path, "vertex", self.encoding)

    def read(self, path: Path) -> LabelledSet:
        """The photos of a table, in its order; classes are sorted by name."""
        text = open_text(path, self.encoding)
        splits = any(cells[0].strip().lower() in SPLIT_USES for _, cells in text.rows(","))

        def rows() -> Iterator[Row]:
            for line, cells in text.rows(","):
                use = cells[0].strip().lower()
                photo, labels = (
                    (cells[1] if len(cells) > 1 else "", cells[2:]) if use in USES else (cells[0], cells[1:])
                )
                name = photo.strip()
                if name.startswith("gs://"):
                    name = name.removeprefix("gs://").partition("/")[2]
                if _is_box(labels):
                    raise DataError(
                        f"row {line} of {path} has the corners of a box; export the labels of whole images, or leave "
                        "a photo and its labels on each row"
                    )
                yield Row(line, name, labels, split=use if use in SPLIT_USES else "")

        return assemble(
            path,
            rows(),
            lambda line: f"row {line} of {path.name}",
            lambda count: f"{path.name}: a table of Vertex AI with {count} labels, photos by their paths in the bucket",
            images=self.images,
            splits="the use of each row" if splits else "",
            more=text.notes,
        )


def _is_box(labels: Sequence[str]) -> bool:
    """Whether a row is one of object detection: a label, then four corners, of which some may be empty."""
    return len(labels) == 9 and any(labels[1:]) and all(re.fullmatch(r"(\d*\.?\d+)?", cell) for cell in labels[1:])
