"""From a path to a labelled set."""

from pathlib import Path

from polytag.data.labelled_set import LabelledSet
from polytag.data.readers import READERS, Reader
from polytag.errors import DataError


def open_data(path: Path | str, reader: Reader | None = None) -> LabelledSet:
    """Read photos with their labels.

    A file is read as it is. A folder is searched in the order of :data:`polytag.data.readers.READERS`, and the first
    reader that finds something reads it.

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
    for each in readers if place.is_file() or place.is_dir() else ():
        found = each.candidates(place)
        if len(found) > 1:
            names = ", ".join(file.name for file in found)
            raise DataError(f"{place} has {len(found)} label files of the same kind: {names}; name the one to read")
        if found:
            return each.read(found[0])
    if place.is_dir() and not any(place.iterdir()):
        raise DataError(f"{place} is empty; give a label file, or a folder with photos and their labels")
    if place.is_dir():
        formats = ", or ".join(each.looks_for for each in readers)
        raise DataError(f"{place} has no labels to read, which would be {formats}; name the label file or add one")
    raise DataError(f"{place} is not a label file; give a .csv, .tsv or .txt table, COCO's .json, or a folder")
