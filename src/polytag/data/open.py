"""From a path to a labelled set."""

from collections.abc import Sequence
from pathlib import Path

from polytag.data.joined import joined
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers import READERS, OneHot, Reader, Table
from polytag.data.readers.base import TABLES, split_note, split_number
from polytag.data.readers.columns import broken_tables
from polytag.data.readers.documents import splits_of
from polytag.errors import DataError


def open_data(path: Path | str, reader: Reader | None = None) -> LabelledSet:
    """Read photos with their labels.

    A file is read as it is. A folder is searched in the order of the readers' ranks; of the first rank that finds
    something, one file must be all there is.

    Args:
        path: a label file, or a folder that has one.
        reader: how to read it; by default the first one that can, with its default options.

    Raises:
        DataError: if there is nothing to read, if there are two label files of the same rank, or if what is there
            cannot be used.
    """
    try:
        return _open(Path(path), reader)
    except OSError as error:
        raise DataError(f"cannot read {error.filename}: {error.strerror}; make it readable") from error


def _open(place: Path, reader: Reader | None) -> LabelledSet:
    if not place.exists():
        raise DataError(f"{place} does not exist; give a label file, or a folder with photos and their labels")
    if reader is not None and place.is_file():
        return reader.read(place)
    readers = [kind() for kind in READERS.values()] if reader is None else [reader]
    found = _candidates(place, readers) if place.is_file() or place.is_dir() else []
    if place.is_dir() and not found:  # train/metadata.csv, test/metadata.csv
        inner = [
            folder for folder in sorted(place.iterdir()) if folder.is_dir() and split_number(folder.name) is not None
        ]
        parts = [_candidates(folder, [each for each in readers if each.rank == TABLES]) for folder in inner]
        found = [each for part in parts for each in part] if all(len(part) == 1 for part in parts) else []
    splits = splits_of([file for _, file in found])
    if len(found) > 1 and all(each.rank == TABLES for each, _ in found) and splits:
        return _one_a_split(place, found, splits)
    if len(found) > 1:
        names = ", ".join(file.name for _, file in found)
        raise DataError(f"{place} has {len(found)} label files: {names}; name the one to read")
    if found:
        return found[0][0].read(found[0][1])
    if place.is_dir() and not any(place.iterdir()):
        raise DataError(f"{place} is empty; give a label file, or a folder with photos and their labels")
    if place.is_dir():
        for broken in broken_tables(place):
            (reader or Table()).read(broken)  # for its message
        wanted = f"no labels to read, which would be {reader.looks_for}" if reader else "no labels in a known format"
        raise DataError(
            f"{place} has {wanted}; name the label file or add one (polytag list readers shows the formats)"
        )
    raise DataError(f"{place} is not a label file; give a table (.csv, .tsv, .txt, .jsonl), a .json, or a folder")


def _one_a_split(place: Path, found: Sequence[tuple[Reader, Path]], splits: Sequence[int]) -> LabelledSet:
    """The photos of several tables, one for each split."""
    files = [file for _, file in found]
    sets = [_read_one_of(files, each, file) for each, file in found]
    for data, (_, file) in zip(sets, found, strict=True):
        if data.split is not None:
            raise DataError(
                f"{file} has splits of its own and is one of several tables in {place}; name the one to read"
            )
        if data.groups is not None:
            raise DataError(f"groups cannot be followed through the tables of {place}; put all photos into one table")
    listed = [(data.classes, file) for data, (each, file) in zip(sets, found, strict=True) if isinstance(each, OneHot)]
    if other := next((file for classes, file in listed if classes != listed[0][0]), None):
        raise DataError(f"{other} and {listed[0][1]} differ in their columns of labels; give both the same")
    whole = joined(sets, splits)
    seen: set[str] = set()
    for row in range(len(whole)):
        if (name := whole.images.name(row)) in seen:
            raise DataError(f"{name!r} is in two of the tables of {place}; keep it in one split")
        seen.add(name)
    assert whole.split is not None
    whole.notes += (split_note(whole.split, "the names of the tables"),)
    return whole


def _read_one_of(files: Sequence[Path], reader: Reader, file: Path) -> LabelledSet:
    """One of several tables that are read together; where that fails, another may do alone."""
    try:
        return reader.read(file)
    except DataError as error:
        if type(error) is not DataError or "\n" in str(error):
            raise  # it lists photos
        other = next(each for each in files if each != file)
        raise DataError(f"{error}, or name the one file to read, such as {other}") from error


def _candidates(place: Path, readers: Sequence[Reader]) -> list[tuple[Reader, Path]]:
    """What can be read, of the first rank that finds something."""
    for rank in sorted({each.rank for each in readers}):
        found = [(each, file) for each in readers if each.rank == rank for file in each.candidates(place)]
        if found:
            return found
    return []
