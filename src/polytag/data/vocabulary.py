"""Which labels of a data set to use, and under which names."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path

from polytag._checks import check_number
from polytag._text import counted, did_you_mean
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import label_name
from polytag.errors import DataError
from polytag.labels.renaming import renamed

SHOWN = 5


def choose_labels(
    data: LabelledSet, rename: Path | str | None = None, classes: Path | str | None = None, min_count: int = 0
) -> LabelledSet:
    """Rename labels, then keep those of a list, then those on enough photos; notes say what was done.

    Args:
        data: photos and labels.
        rename: a JSON object of new names by old ones, or a CSV with the columns ``old`` and ``new``; labels of one new
            name are merged, and one of an empty name is left out.
        classes: a text file with a label on each line: only those are kept, in this order.
        min_count: photos on which a label must be present.

    Raises:
        DataError: if a file cannot be read, a name is not that of a label, or no label is left.
        OptionError: if ``min_count`` is negative.
    """
    check_number("min_count", min_count, 0, float("inf"))
    labels, notes = data.labels, list(data.notes)
    if rename is not None:
        names = read_renames(Path(rename))
        labels = renamed(labels, names)
        notes.append(f"{counted(len(names), 'label')} renamed by {Path(rename).name}, {len(labels.classes)} are left")
    if classes is not None:
        wanted = read_classes(Path(classes))
        if strange := next((name for name in wanted if name not in labels.classes), None):
            hint = did_you_mean(strange, labels.classes)
            raise DataError(f"{classes} lists {strange!r}, which is none of the {len(labels.classes)} labels{hint}")
        notes.append(f"{len(wanted)} of {len(labels.classes)} labels kept, those of {Path(classes).name}")
        labels = labels.with_classes(wanted)
    rare = [n for n, count in zip(labels.classes, labels.counts().present.tolist(), strict=True) if count < min_count]
    if rare:
        if len(rare) == len(labels.classes):
            raise DataError(f"no label is on {counted(min_count, 'photo')} or more; lower --min-count")
        labels = labels.with_classes([name for name in labels.classes if name not in set(rare)])
        shown = ", ".join(map(repr, rare[:SHOWN])) + (f" and {len(rare) - SHOWN} more" if len(rare) > SHOWN else "")
        notes.append(f"{counted(len(rare), 'label')} on fewer than {counted(min_count, 'photo')} left out: {shown}")
    return LabelledSet(data.images, labels, data.split, data.groups, notes, data.settled)


def read_classes(path: Path) -> list[str]:
    """Names of labels, one a line.

    Raises:
        DataError: if the file cannot be read, is empty, or has a name twice.
    """
    names = [label_name(name, str(path)) for name in read_lines(path)]
    if not names:
        raise DataError(f"{path} lists no labels; write one on each line")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"{path} lists {twice!r} twice; remove one of them")
    return names


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty, stripped.

    Raises:
        DataError: if it cannot be read.
    """
    return [name for line in _text(path).splitlines() if (name := line.strip())]


def read_renames(path: Path) -> Mapping[str, str]:
    """New names by old ones.

    Raises:
        DataError: if the file cannot be read, or is no such table.
    """
    text = _text(path)
    if path.suffix.lower() == ".json":
        try:
            content = json.loads(text)
        except ValueError as error:
            raise DataError(f"{path} is not valid JSON ({error}); correct it") from error
        if not isinstance(content, dict) or not all(isinstance(new, str) for new in content.values()):
            raise DataError(f"{path} must be an object of new names by old ones")
        return {label_name(str(old), str(path)): label_name(new, str(path)) for old, new in content.items()}
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if not rows or [name.strip().lower() for name in rows[0]] != ["old", "new"]:
        raise DataError(f"{path} must begin with the line old,new and have an old name and a new one on each row")
    names: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != 2 or not row[0].strip():
            raise DataError(f"row {number} of {path} must have an old name and a new one, got {','.join(row)!r}")
        old, new = (label_name(cell, f"row {number} of {path.name}") for cell in row)
        if names.setdefault(old, new) != new:
            raise DataError(f"row {number} of {path} renames {old!r} again; remove one of the rows")
    return names


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; name another file") from error
    except UnicodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save it as UTF-8") from error
