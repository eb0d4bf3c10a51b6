"""A data set as one file in another format, read back before it stands there."""

import csv
import json
import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from polytag._checks import check_choice
from polytag._files import write_atomic
from polytag.data.labelled_set import SPLITS, UNSPLIT, ImageFiles, LabelledSet
from polytag.data.readers import Coco, JsonLines, Parquet, Reader, Table
from polytag.data.readers.json_lines import HEADER
from polytag.data.readers.parquet import DECLARED, ROWS_AT_ONCE
from polytag.data.readers.separators import LABEL_DELIMITERS
from polytag.errors import DataError, OptionError

GROUP = "group"


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes:
        path: the file.
        options: what a command needs beside the file to read it back as it was, such as ``--group-by group``.
    """

    path: Path
    options: tuple[str, ...]


def convert(data: LabelledSet, path: Path, form: str) -> Converted:
    """Write photos' names and labels to one file; the photos stay where they are.

    What is read back from "csv", "jsonl" and "parquet" is the same set: labels with three values, splits, groups (as
    numbers). "csv" sorts the classes by name, the others keep their order. "coco" holds present and absent labels only,
    as annotations without boxes.

    Args:
        data: photos in files, and labels.
        path: the file to write.
        form: one of ``FORMS``.

    Raises:
        DataError: if the format cannot hold the data; nothing is then written.
        OptionError: if ``form`` is another word, or needs an extra that is missing.
        RunError: if the file cannot be written.
    """
    check_choice("form", form, tuple(FORMS))
    if not isinstance(data.images, ImageFiles):
        raise DataError(
            "photos in memory have no files that a table could name; convert data that was read from a disk"
        )
    if strange := next((name for name in data.images.names if not _is_text(name)), None):
        raise DataError(f"the name of the photo {strange!r} is not UTF-8, which {form} cannot hold; rename the photo")
    writer, reader = FORMS[form]
    options: list[str] = []
    root = data.images.root.resolve()
    folder = os.path.relpath(root, path.parent.resolve())
    away = folder.split(os.sep)[0] == os.pardir  # then names start from the photos' own folder
    prefix = "" if away or folder == os.curdir else f"{folder}{os.sep}"
    reading: dict[str, Any] = {"images": str(root)} if away else {}
    options += [f"--images {shlex.quote(str(root))}"] if away else []
    if data.groups is not None and form != "coco":
        reading["group_by"] = GROUP
        options.append(f"--group-by {GROUP}")

    def write(temporary: Path) -> None:
        more = writer(data, temporary, prefix.replace(os.sep, "/"))
        for tried in [{}, more] if more else [{}]:  # what must be said to read it back, only if it must
            if _same(data, partial(reader(**reading, **tried).read, temporary), form):
                options.extend(f"--reader.{name} {shlex.quote(value)}" for name, value in tried.items())
                return
        raise DataError(f"{form} does not bring back what was written, such as odd spaces in names; use another format")

    write_atomic(path, write)
    return Converted(path, tuple(options))


def _records(data: LabelledSet, prefix: str) -> Iterator[dict[str, Any]]:
    """What there is to say of each photo, in a fixed order of keys."""
    labels, classes = data.labels, data.classes
    rare = "unknown" if labels.default == "absent" else "absent"
    listed = len(labels.other.columns) > 0
    for row in range(len(data)):
        record: dict[str, Any] = {"file_name": prefix + data.images.name(row), "labels": list(labels.names(row))}
        if listed:
            columns = labels.other.columns[labels.other.starts[row] : labels.other.starts[row + 1]]
            record[rare] = [classes[column] for column in columns]
        if data.split is not None:
            record["split"] = "" if data.split[row] == UNSPLIT else SPLITS[data.split[row]]
        if data.groups is not None:
            record[GROUP] = int(data.groups[row])
        yield record


def _write_csv(data: LabelledSet, path: Path, prefix: str) -> dict[str, str]:
    names = "".join(data.classes)
    between = next((each for each in LABEL_DELIMITERS if each not in names), None)
    if between is None:
        raise DataError("csv cannot hold these labels, whose names have ';', '|' and ',' in them; use jsonl or parquet")
    silent = _silent(data)
    if len(silent) and data.labels.default == "unknown":
        raise DataError(
            f"csv cannot hold {len(silent)} labels of which nothing is known on any photo, such as "
            f"{data.classes[silent[0]]!r}; use jsonl or parquet, or leave them out with --min-count 1"
        )
    keys = list(next(_records(data, prefix)))
    if len(silent):  # absent everywhere: the first photo says that they exist
        keys = [*dict.fromkeys([*keys[:2], "unknown", "absent", *keys[2:]])]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["filename", *keys[1:]])
        for number, record in enumerate(_records(data, prefix)):
            if number == 0 and len(silent):
                record["absent"] = [data.classes[column] for column in silent]
            cells = {key: between.join(value) if isinstance(value, list) else value for key, value in record.items()}
            writer.writerow([cells.get(key, "") for key in keys])
    return {"delimiter": between}


def _write_jsonl(data: LabelledSet, path: Path, prefix: str) -> dict[str, str]:
    with path.open("w", encoding="utf-8", errors="surrogateescape") as file:
        inferred = not len(_silent(data)) and list(data.classes) == sorted(data.classes)
        if not inferred or data.labels.default == "unknown":  # other tools read the lines more easily without it
            file.write(json.dumps({HEADER: data.classes, "unlisted": data.labels.default}, ensure_ascii=False) + "\n")
        for record in _records(data, prefix):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
    return {}


def _write_parquet(data: LabelledSet, path: Path, prefix: str) -> dict[str, str]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise OptionError('Parquet needs pyarrow; install it with pip install "polytag[parquet]"') from error
    text, names = pyarrow.string(), pyarrow.list_(pyarrow.string())
    kinds = {"file_name": text, "split": text, GROUP: pyarrow.int64()}
    fields = [(key, kinds.get(key, names)) for key in next(_records(data, prefix))]
    declared = json.dumps({"classes": data.classes, "unlisted": data.labels.default})
    schema = pyarrow.schema(fields, metadata={DECLARED: declared.encode()})
    records = _records(data, prefix)
    with parquet.ParquetWriter(path, schema) as writer:
        while part := list(islice(records, ROWS_AT_ONCE)):
            writer.write_table(pyarrow.Table.from_pylist(part, schema=schema))
    return {}


def _write_coco(data: LabelledSet, path: Path, prefix: str) -> dict[str, str]:
    if unknown := int(data.labels.counts().unknown.sum()):
        raise DataError(f"coco cannot hold {unknown} unknown labels; use csv, jsonl or parquet")
    if data.groups is not None:
        raise DataError("coco cannot hold groups; use csv, jsonl or parquet, or leave --group-by away")
    if data.split is not None and len(np.unique(data.split)) > 1:
        raise DataError("coco cannot hold splits in one file; convert one at a time with --split, or use csv")
    pairs = np.stack([data.labels.present.row_numbers(), data.labels.present.columns]) + 1
    content = {
        "images": [{"id": n + 1, "file_name": prefix + data.images.name(n)} for n in range(len(data))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(data.classes, start=1)],
        "annotations": [
            {"id": number, "image_id": image, "category_id": category}
            for number, (image, category) in enumerate(pairs.T.tolist(), start=1)
        ],
    }
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8", errors="surrogateescape")
    return {}


FORMS: dict[str, tuple[Callable[[LabelledSet, Path, str], dict[str, str]], type[Reader]]] = {
    "csv": (_write_csv, Table),
    "jsonl": (_write_jsonl, JsonLines),
    "parquet": (_write_parquet, Parquet),
    "coco": (_write_coco, Coco),
}


def _silent(data: LabelledSet) -> np.ndarray[Any, Any]:
    """Columns of labels that no photo lists."""
    listed = np.concatenate([np.unique(rows.columns) for rows in (data.labels.present, data.labels.other)])
    return np.setdiff1d(np.arange(len(data.classes)), listed)


def _same(data: LabelledSet, read: Callable[[], LabelledSet], form: str) -> bool:
    """Whether what is read back is what was to be written."""
    try:
        again = read()
    except DataError:
        return False
    if set(again.classes) != set(data.classes) or len(again) != len(data):
        return False
    before, after = data.labels, again.labels.with_classes(data.classes)
    pairs: list[tuple[Any, Any]] = list(zip(before.present, after.present, strict=True))
    if form != "coco":
        pairs += zip(before.other, after.other, strict=True)
        pairs += [(data.split, again.split)] if data.split is not None else []
        pairs += [(_ranked(data.groups), _ranked(again.groups))] if data.groups is not None else []
    same = all(new is not None and np.array_equal(old, new) for old, new in pairs)
    same &= form == "coco" or before.default == after.default
    return same and all(old == new for old, new in zip(_places(data), _places(again), strict=True))


def _is_text(name: str) -> bool:
    try:
        return bool(name.encode())
    except UnicodeEncodeError:
        return False


def _places(data: LabelledSet) -> Iterator[str]:
    """The whole path of each photo."""
    assert isinstance(data.images, ImageFiles)
    root = data.images.root.resolve()
    return (os.path.join(root, name) for name in data.images.names)


def _ranked(values: np.ndarray[Any, Any] | None) -> np.ndarray[Any, Any] | None:
    """Groups under numbers by first appearance."""
    if values is None:
        return None
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse])
