"""Labels in Parquet: one row a photo, labels as lists of names."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from polytag._checks import check_choice
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import TABLES, Reader
from polytag.data.readers.pairs import Unlisted
from polytag.data.readers.records import ABSENT, UNKNOWN, declaration, find_keys, record_rows, unlisted_notes
from polytag.data.readers.rows import assemble
from polytag.errors import DataError, OptionError

DECLARED = b"polytag"  # the key of what the file's metadata declares: {"classes": [...], "unlisted": "absent"}
ROWS_AT_ONCE = 10_000


class Parquet(Reader):
    """A table with a column of file names and one of labels, each a list of names. Needs ``polytag[parquet]``.

    Columns ``unknown`` and ``absent`` may list more labels, as in :class:`polytag.data.readers.json_lines.JsonLines`.

    Args:
        filename: the column of file names; by default one with a usual name.
        labels: the column of labels; by default one with a usual name.
        delimiter: what separates the labels of a row that has them as one text; by default that is one label.
        unlisted: what a label is that a row does not list; "auto" is what the file declares, else unknown where there
            is a column of absent labels and none of unknown ones, else absent.
        split: the column with train, val or test; by default ``split`` if there is one.
        group_by: the column whose value photos must share to stay in one split; by default none.
        images: the folder of the photos; by default that of the file, or a subfolder of it that has all of them.
    """

    rank = TABLES
    looks_for: ClassVar[str] = "a .parquet with a row for each photo"

    def __init__(
        self,
        filename: str = "",
        labels: str = "",
        delimiter: str = "",
        unlisted: Unlisted = "auto",
        split: str = "",
        group_by: str = "",
        images: str = "",
    ) -> None:
        check_choice("unlisted", unlisted, ("auto", "absent", "unknown"))
        self.filename = filename
        self.labels = labels
        self.delimiter = delimiter
        self.unlisted: Unlisted = unlisted
        self.split = split
        self.group_by = group_by
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """A file that ends like one; in a folder, all of those."""
        files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
        return [file for file in files if file.suffix.lower() == ".parquet"]

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the rows; classes are as declared, else sorted by name."""
        file = open_parquet(path)
        names = file.schema_arrow.names
        chosen = {"filename": self.filename, "labels": self.labels, "split": self.split, "group_by": self.group_by}
        keys = find_keys(names, str(path), **chosen)
        declared = _declared(file, path)
        unlisted = self.unlisted if self.unlisted != "auto" else declared.get("unlisted")
        if unlisted is None:
            unlisted = "unknown" if ABSENT in names and UNKNOWN not in names else "absent"
        wanted = [*{key for key in (*keys, UNKNOWN, ABSENT) if key in names}]

        def records() -> Iterator[tuple[int, dict[str, Any]]]:
            number = 0
            batches = file.iter_batches(ROWS_AT_ONCE, columns=wanted)
            while records := _next(batches, path):
                for record in records:
                    number += 1
                    yield number, record

        def where(number: int) -> str:
            return f"row {number} of {path.name}"

        return assemble(
            path,
            record_rows(records(), keys, where, self.delimiter),
            where,
            lambda count: f"{path.name}: photos from {keys.filename!r}, {count} labels from {keys.labels!r}",
            images=self.images,
            default="unknown" if unlisted == "unknown" else "absent",
            classes=declared.get("classes"),
            splits=f"column {keys.split!r}" if keys.split else "",
            groups=f"column {keys.group!r}" if keys.group else "",
            more=unlisted_notes(unlisted, bool({UNKNOWN, ABSENT} & {*names})),
        )


def open_parquet(path: Path) -> Any:
    """The opened file.

    Raises:
        DataError: if it is no Parquet.
        OptionError: if pyarrow is missing.
    """
    try:
        import pyarrow.parquet as arrow
    except ImportError as error:
        raise OptionError('Parquet needs pyarrow; install it with pip install "polytag[parquet]"') from error
    return _read(lambda: arrow.ParquetFile(path), path)


def _next(batches: Iterator[Any], path: Path) -> list[dict[str, Any]]:
    """The records of the next batch; none behind the last."""
    found: list[dict[str, Any]] = _read(lambda: next((batch.to_pylist() for batch in batches if len(batch)), []), path)
    return found


def _read(action: Callable[[], Any], path: Path) -> Any:
    from pyarrow import ArrowException

    try:
        return action()
    except (ArrowException, OSError, ValueError) as error:
        why = " ".join(str(error).split())
        raise DataError(f"{path} cannot be read as Parquet ({why}); write it again") from error


def _declared(file: Any, path: Path) -> dict[str, Any]:
    said = (file.schema_arrow.metadata or {}).get(DECLARED, b"{}")
    where = f"the declaration in the metadata of {path}"
    try:
        content = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not valid JSON ({error}); write the file again") from error
    return declaration(content, where)
