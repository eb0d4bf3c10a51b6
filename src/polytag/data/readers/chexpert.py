"""Chest X-rays from CheXpert: ``train.csv`` and ``valid.csv`` with 1, 0, -1 or nothing for each observation."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from polytag._checks import check_choice
from polytag._text import counted
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import OFFICIAL, Reader
from polytag.data.readers.official import Lines, columns_of
from polytag.data.readers.photos import inside
from polytag.data.readers.rows import Row, assemble
from polytag.data.readers.text import TextTable
from polytag.errors import DataError

FINDINGS = (
    *("No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema"),
    *("Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other", "Fracture"),
    "Support Devices",
)

_FILES = {"train": "train.csv", "val": "valid.csv", "test": "test.csv"}
_FOLDERS = ("train/", "valid/", "test/")  # of photos
_VIEW = "Frontal/Lateral"
_FRONTAL = ("frontal", "frontal.jpg")
_WORDS = {"1": "present", "0": "absent", "-1": "uncertain", "": "unmentioned"}
_WORDS |= {"1.0": "present", "0.0": "absent", "-1.0": "uncertain"}


class CheXpert(Reader):
    """CheXpert: 223,414 chest X-rays for training and 234 for validation, of 14 observations in reports.

    Stanford's AIMI Center offers it, whole and as ``CheXpert-v1.0-small``; give the folder that has ``train.csv`` and
    ``valid.csv`` in it, and ``test.csv`` where there is one. A cell is 1 where a report names the observation, 0 where
    it denies it, -1 where it is not certain and empty where it does not mention it. Most public code reads empty cells
    as absent, which is ``unmentioned="absent"``; only then does "No Finding" have photos for training without it.
    Photos of a patient are a group.

    Args:
        uncertain: what -1 is: unknown is the U-Ignore of the paper, present its U-Ones, absent its U-Zeros.
        unmentioned: what an empty cell is.
        views: all photos, or those from the front.
        images: the folder that has ``train`` and ``valid``; by default that of the tables.
    """

    rank = OFFICIAL
    looks_for: ClassVar[str] = "CheXpert's train.csv and valid.csv"

    def __init__(
        self,
        uncertain: Literal["unknown", "present", "absent"] = "unknown",
        unmentioned: Literal["unknown", "absent"] = "unknown",
        views: Literal["all", "frontal"] = "all",
        images: str = "",
    ) -> None:
        check_choice("uncertain", uncertain, ("unknown", "present", "absent"))
        check_choice("unmentioned", unmentioned, ("unknown", "absent"))
        check_choice("views", views, ("all", "frontal"))
        self.uncertain = uncertain
        self.unmentioned = unmentioned
        self.views = views
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """The folder, if its ``train.csv`` or ``valid.csv`` has CheXpert's columns."""
        tables = [path / name for name in list(_FILES.values())[:2]] if path.is_dir() else []
        return [path] if any(file.is_file() and _has_columns(file) for file in tables) else []

    def read(self, path: Path) -> LabelledSet:
        """The photos of train, then those of valid and of test; classes are in the order of the paper's columns."""
        tables = {split: TextTable(path / name) for split, name in _FILES.items() if (path / name).is_file()}
        if not tables:
            raise DataError(f"{path} has no train.csv and no valid.csv; give the folder that has them in it")
        lines = Lines([table.path for table in tables.values()])
        meaning = {"present": "present", "absent": "absent", "uncertain": self.uncertain}
        meaning["unmentioned"] = self.unmentioned
        counts = dict.fromkeys((*meaning, "lateral"), 0)
        heads: dict[str, bool] = {}  # the first folders in paths: whether they are there

        def rows() -> Iterator[Row]:
            for file, (split, table) in enumerate(tables.items()):
                path_column, *columns = columns_of(table, "Path", *FINDINGS)
                view = table.header.index(_VIEW) if _VIEW in table.header else path_column  # view1_frontal.jpg
                for line, row in table.rows():
                    if self.views == "frontal" and not row[view].strip().lower().endswith(_FRONTAL):
                        counts["lateral"] += 1
                        continue
                    found: dict[str, list[str]] = {"present": [], "absent": [], "unknown": []}
                    for name, column in zip(FINDINGS, columns, strict=True):
                        word = _word(row[column], name, table.where(line))
                        counts[word] += 1
                        found[meaning[word]].append(name)
                    whole = inside(table.filled(line, row, path_column), table.where(line))
                    place, patient = self._place(whole, path, heads), _patient(whole, table.where(line))
                    yield Row(lines.number(file, line), place, found["present"], found["unknown"], (), split, patient)

        data = assemble(
            path,
            rows(),
            lines.where,
            lambda count: f"{' and '.join(table.path.name for table in tables.values())}: {count} observations",
            folder=path,
            images=self.images,
            classes=FINDINGS,
            splits="the names of the files",
            groups="the patients in the paths",
        )
        words = {"uncertain": "-1 (uncertain)", "unmentioned": "empty (not mentioned)"}
        for word, said in words.items():
            if counts[word]:
                are = "is" if counts[word] == 1 else "are"
                data.notes += (f"{counted(counts[word], 'cell')} {are} {said}: read as {meaning[word]}",)
        if counts["lateral"]:
            data.notes += (f"{counted(counts['lateral'], 'photo')} not from the front left out",)
        data.notes += _never_absent(data)
        return data

    def _place(self, name: str, folder: Path, heads: dict[str, bool]) -> str:
        """A path below the folder; the first part of those in the tables is the name of the folder itself."""
        head, _, rest = name.partition("/")
        if head not in heads:
            heads[head] = ((Path(self.images) if self.images else folder) / head).is_dir()
        return rest if rest.startswith(_FOLDERS) and not heads[head] else name


def _has_columns(file: Path) -> bool:
    try:
        return {"Path", *FINDINGS} <= set(TextTable(file).header)
    except DataError:
        return False


def _word(cell: str, name: str, where: str) -> str:
    if (word := _WORDS.get(cell) or _WORDS.get(cell.strip())) is None:
        raise DataError(
            f"{where} has {cell.strip()!r} in column {name!r}, which is not 1, 0, -1 or empty; give the published file"
        )
    return word


def _patient(name: str, where: str) -> str:
    if not (found := re.search("(?:^|/)(patient[0-9]+)/", name)):
        raise DataError(f"{where} has the path {name!r}, which names no patient; give the published file")
    return found[1]


def _never_absent(data: LabelledSet) -> tuple[str, ...]:
    """A note on the labels that no photo for training is known to be without."""
    train = np.flatnonzero(data.split == 0) if data.split is not None else np.arange(len(data))
    counts = data.labels.select(train).counts()
    never = [
        repr(name)
        for name, there, gone in zip(data.classes, counts.present, counts.absent, strict=True)
        if there and not gone
    ]
    if not never:
        return ()
    are = "is" if len(never) == 1 else "are"
    return (
        f"{', '.join(never)} {are} never absent on a photo for training, which teaches to predict "
        f"{'it' if len(never) == 1 else 'them'} always; --reader.unmentioned absent reads empty cells as absent",
    )
