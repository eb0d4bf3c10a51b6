"""Chest X-rays from NIH ChestX-ray14: ``Data_Entry_2017.csv``, lists of the photos of each split, and the photos."""

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import ClassVar

from polytag._text import counted
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import OFFICIAL, Reader
from polytag.data.readers.official import OnDisk, columns_of, lines_of
from polytag.data.readers.photos import inside
from polytag.data.readers.rows import Row, assemble
from polytag.data.readers.text import TextTable
from polytag.errors import DataError

FINDINGS = (
    *("Atelectasis", "Cardiomegaly", "Consolidation", "Edema", "Effusion", "Emphysema", "Fibrosis", "Hernia"),
    *("Infiltration", "Mass", "Nodule", "Pleural_Thickening", "Pneumonia", "Pneumothorax"),
)
NONE = "No Finding"

_TABLE = "Data_Entry_2017*.csv"
_LISTS = {"train": "train_val_list.txt", "test": "test_list.txt"}
_PARTS = [f"images_{number:03}" for number in range(1, 13)]  # as the twelve archives unpack
_FOLDERS = ("images", *(f"{part}/images" for part in _PARTS), *_PARTS, "")


class Nih(Reader):
    """NIH ChestX-ray14: 112,120 chest X-rays of 30,805 patients with 14 findings.

    Download ``Data_Entry_2017_v2020.csv`` (or the older ``Data_Entry_2017.csv``), ``train_val_list.txt``,
    ``test_list.txt`` and the archives ``images_001.tar.gz`` to ``images_012.tar.gz`` into one folder: the NIH Clinical
    Center offers them as "CXR8". "No Finding" means no label. The 86,524 photos of ``train_val_list.txt`` are train,
    the 25,596 of ``test_list.txt`` test. Photos of a patient are a group.

    Args:
        images: the folder of the photos, or the one that has ``images`` or ``images_001`` to ``images_012``; by default
            that of the table.
    """

    rank = OFFICIAL
    looks_for: ClassVar[str] = "NIH ChestX-ray14's Data_Entry_2017.csv"

    def __init__(self, images: str = "") -> None:
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """``Data_Entry_2017.csv`` or a later version of it: ``path`` itself, or those in the folder."""
        files = sorted(path.glob(_TABLE)) if path.is_dir() else [path]
        return [file for file in files if file.is_file() and fnmatch(file.name, _TABLE)]

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the table; classes are sorted by name."""
        table = TextTable(path)
        photo, labels, patient = columns_of(table, "Image Index", "Finding Labels", "Patient ID")
        disk = OnDisk(Path(self.images) if self.images else path.parent)
        splits, listed = _splits(path.parent), set[str]()

        def rows() -> Iterator[Row]:
            for line, row in _cells(table, max(photo, labels, patient)):
                where, name = table.where(line), table.filled(line, row, photo)
                listed.update((name,) if name in splits else ())
                group = table.filled(line, row, patient)
                place = disk.place(inside(name, where), _FOLDERS)
                yield Row(line, place, _findings(row[labels], where), split=splits.get(name, ""), group=group)

        data = assemble(
            path,
            rows(),
            table.where,
            lambda count: f"{path.name}: {count} findings, {NONE!r} read as no label",
            images=self.images,
            classes=FINDINGS,
            splits=" and ".join(file for file in _LISTS.values() if (path.parent / file).is_file()),
            groups="column 'Patient ID'",
        )
        if more := len(splits) - len(listed):
            are = "is" if more == 1 else "are"
            data.notes += (f"{counted(more, 'photo')} of the lists of splits {are} not in {path.name}",)
        return data


def _cells(table: TextTable, last: int) -> Iterator[tuple[int, list[str]]]:
    """The rows below the header, which may differ from it in width: its own last columns are of two numbers each."""
    rows = table.text.rows(table.separator)
    next(rows)
    for line, row in rows:
        if len(row) <= last:
            raise DataError(f"{table.where(line)} ends before column {table.header[last]!r}; give the published file")
        yield line, row


def _findings(cell: str, where: str) -> list[str]:
    names = [name.strip() for name in cell.split("|") if name.strip()]
    if strange := [name for name in names if name != NONE and name not in FINDINGS]:
        raise DataError(
            f"{where} has the finding {strange[0]!r}, which is none of the {len(FINDINGS)} of NIH ChestX-ray14; "
            "correct it, or read the file with --reader table"
        )
    if not names or (NONE in names and len(names) > 1):
        raise DataError(f"{where} must have findings or {NONE!r} alone, got {cell!r}; correct it")
    return [name for name in names if name != NONE]


def _splits(folder: Path) -> dict[str, str]:
    """The split of each photo that a list names."""
    found: dict[str, str] = {}
    for split, file in _LISTS.items():
        if (folder / file).is_file():
            for line, name in lines_of(folder / file):
                if found.setdefault(name, split) != split:
                    raise DataError(
                        f"line {line} of {folder / file} names {name!r}, which {_LISTS[found[name]]} names, too; "
                        "keep it in one of them"
                    )
    return found
