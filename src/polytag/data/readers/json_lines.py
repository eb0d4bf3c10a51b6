"""Labels in JSON Lines: one object a photo."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

from polytag._checks import check_choice
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import TABLES, Reader
from polytag.data.readers.pairs import Unlisted
from polytag.data.readers.records import (
    UNKNOWN,
    Keys,
    declaration,
    find_keys,
    record_rows,
    unlisted_notes,
)
from polytag.data.readers.rows import assemble
from polytag.data.readers.text import Text, open_text
from polytag.errors import DataError

SUFFIXES = (".jsonl", ".ndjson")
HEADER = "classes"  # a first line with this key and no photo says what the labels are


class JsonLines(Reader):
    """``{"file_name": "a.jpg", "labels": ["cat", "hat"]}`` a line, as in Hugging Face's ``metadata.jsonl``.

    ``labels`` may be one name, or an object with 1, 0 or null for each. ``unknown`` and ``absent`` may list more of
    them. A first line ``{"classes": [...], "unlisted": "absent"}`` declares the labels, and what is not listed.

    Args:
        filename: the key of file names; by default one with a usual name.
        labels: the key of labels; by default one with a usual name.
        delimiter: what separates the labels of a line that has them as one text; by default that is one label.
        unlisted: what a label is that a line does not list; "auto" is what the first line says, else unknown where
            lines list absent labels, as 0 or by ``absent``, and none has the key ``unknown``, else absent.
        split: the key with train, val or test; by default ``split`` if there is one.
        group_by: the key whose value photos must share to stay in one split; by default none.
        images: the folder of the photos; by default that of the file, or a subfolder of it that has all of them.
        encoding: of the text; by default UTF-8, or UTF-16 where a byte order mark says so.
    """

    rank = TABLES
    looks_for: ClassVar[str] = "a .jsonl with an object for each photo"

    def __init__(
        self,
        filename: str = "",
        labels: str = "",
        delimiter: str = "",
        unlisted: Unlisted = "auto",
        split: str = "",
        group_by: str = "",
        images: str = "",
        encoding: str = "",
    ) -> None:
        check_choice("unlisted", unlisted, ("auto", "absent", "unknown"))
        self.filename = filename
        self.labels = labels
        self.delimiter = delimiter
        self.unlisted: Unlisted = unlisted
        self.split = split
        self.group_by = group_by
        self.images = images
        self.encoding = encoding

    def candidates(self, path: Path) -> list[Path]:
        """A file that ends like one; in a folder, all of those."""
        files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
        return [file for file in files if file.suffix.lower() in SUFFIXES]

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the lines; classes are as declared, else sorted by name."""
        text = open_text(path, self.encoding)

        def where(line: int) -> str:
            return f"line {line} of {path.name}"

        header, keys, guess = self._survey(text, where)
        unlisted = self.unlisted if self.unlisted != "auto" else header.get("unlisted") or guess or "absent"
        return assemble(
            path,
            record_rows(_records(text), keys, where, self.delimiter),
            where,
            lambda count: f"{path.name}: photos from {keys.filename!r}, {count} labels from {keys.labels!r}",
            images=self.images,
            default="unknown" if unlisted == "unknown" else "absent",
            classes=header.get(HEADER),
            splits=repr(keys.split) if keys.split else "",
            groups=repr(keys.group) if keys.group else "",
            more=[*text.notes, *unlisted_notes(unlisted, guess is not None)],
        )

    def _survey(self, text: Text, where: Callable[[int], str]) -> tuple[dict[str, Any], Keys, Unlisted | None]:
        """The declaration, the keys, and what labels seem to be that lines do not list; None where no line tells."""
        chosen = {"filename": self.filename, "labels": self.labels, "split": self.split, "group_by": self.group_by}
        header: dict[str, Any] = {}
        names: dict[str, None] = {}
        for number, (_, record) in enumerate(_records(text, header)):
            names.update(dict.fromkeys(record))
            if number == 0:
                find_keys(list(record), str(text.path), filename=self.filename, labels=self.labels)
        if not names:
            raise DataError(f"{text.path} has no entries; add a line for each photo")
        keys = find_keys(list(names), str(text.path), **chosen)
        rows = record_rows(_records(text), keys, where, self.delimiter)
        if UNKNOWN in names:
            return header, keys, "absent"
        return header, keys, "unknown" if any(row.absent for row in rows) else None


def _records(text: Text, header: dict[str, Any] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects with their lines; the declaration is left out, and kept in ``header``."""
    first = True
    for number, line in enumerate(text.lines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line.rstrip())
        except (ValueError, RecursionError) as error:
            why = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
            raise DataError(
                f"line {number} of {text.path} is not valid JSON ({why}); write a whole object on each line"
            ) from error
        if not isinstance(record, dict):
            raise DataError(
                f'line {number} of {text.path} is not an object, such as {{"file_name": "a.jpg", "labels": ["cat"]}}; '
                "write one for each photo"
            )
        if first and isinstance(record.get(HEADER), list) and set(record) <= {HEADER, "unlisted"}:
            if header is not None:
                header.update(declaration(record, f"the first line of {text.path}"))
        else:
            yield number, record
        first = False
