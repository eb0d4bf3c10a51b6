"""Labels in the tables of Vertex AI: no header, a use, a photo in a bucket, then as many labels as it has."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import TABLES, Reader
from polytag.data.readers.columns import USES, tables
from polytag.data.readers.rows import Row, assemble
from polytag.data.readers.text import open_text


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
        splits = any(cells[0].strip().lower() in USES[:-1] for _, cells in text.rows(","))

        def rows() -> Iterator[Row]:
            for line, cells in text.rows(","):
                use = cells[0].strip().lower()
                photo, labels = (
                    (cells[1] if len(cells) > 1 else "", cells[2:]) if use in USES else (cells[0], cells[1:])
                )
                name = photo.strip()
                if name.startswith("gs://"):
                    name = name.removeprefix("gs://").partition("/")[2]
                yield Row(line, name, labels, split=use if use in USES[:-1] else "")

        return assemble(
            path,
            rows(),
            lambda line: f"row {line} of {path.name}",
            lambda count: f"{path.name}: photos in a bucket, read from beside the table, with {count} labels",
            images=self.images,
            splits="the use of each row" if splits else "",
            more=text.notes,
        )
