"""What every reader of label files is, and what they share: names of labels, names of splits."""

import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from polytag.data.labelled_set import SPLITS, UNSPLIT, Images, LabelledSet
from polytag.errors import DataError
from polytag.labels import Labels, LabelsBuilder
from polytag.labels.matrix import Rows

SPLIT_WORDS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}

ROWS_AT_ONCE = 100_000

# Ranks: what a folder is searched for, first to last. Two files to read of one rank are a refusal.
OFFICIAL, TABLES, DOCUMENTS, PASCAL, FOLDERS = range(5)


class Reader(ABC):
    """One format of labels on the disk. Options are the constructor's named arguments; subclasses are final.

    Attributes:
        rank: when a folder is searched for it.
        looks_for: what it can read, as a message lists it.
    """

    rank: ClassVar[int]
    looks_for: ClassVar[str]

    @abstractmethod
    def candidates(self, path: Path) -> list[Path]:
        """What it could read at ``path``, a file or a folder to search: each can be given to :meth:`read`."""

    @abstractmethod
    def read(self, path: Path) -> LabelledSet:
        """The photos and their labels; ``notes`` say what was inferred.

        Raises:
            DataError: if the labels cannot be used, or a photo is not there.
        """


def label_name(text: str, where: str) -> str:
    """``text`` as the name of a label: stripped, in Unicode's composed form (NFC).

    Raises:
        DataError: if it has a control character (a line break, an escape) or half a surrogate pair.
    """
    name = unicodedata.normalize("NFC", text.strip())
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise DataError(f"{where} has the label {name!r}, with a control character in it; remove that character")
    return name


def split_number(word: str) -> int | None:
    """The position in ``SPLITS`` that a word means (``Validation`` is 1); None for any other word."""
    return next((number for number, name in enumerate(SPLITS) if word.lower() in SPLIT_WORDS[name]), None)


def split_note(split: NDArray[np.int8], source: str) -> str:
    """How many photos each split has: ``splits from ...: 1241 train, 328 val, 527 test``."""
    parts = [f"{(split == number).sum()} {name}" for number, name in enumerate(SPLITS) if (split == number).any()]
    if (split == UNSPLIT).any():
        parts.append(f"{(split == UNSPLIT).sum()} in none")
    return f"splits from {source}: {', '.join(parts)}"


def sorted_labels(builder: LabelsBuilder, names: Sequence[str]) -> Labels:
    """The labels of ``builder``, whose numbers are positions in ``names``, with the classes sorted by name."""
    labels = builder.build(names)
    classes = sorted(names)
    position = {name: column for column, name in enumerate(classes)}
    moved = np.array([position[name] for name in names], dtype=labels.present.columns.dtype)
    return Labels(classes, _moved(labels.present, moved), _moved(labels.other, moved), labels.default)


def _moved(rows: Rows, moved: NDArray[np.unsignedinteger]) -> Rows:
    columns = np.empty_like(rows.columns)
    for first in range(0, len(rows.starts) - 1, ROWS_AT_ONCE):  # all at once would take gigabytes
        starts = rows.starts[first : first + ROWS_AT_ONCE + 1]
        part = moved[rows.columns[starts[0] : starts[-1]]]
        order = np.lexsort((part, np.repeat(np.arange(len(starts) - 1), np.diff(starts))))
        columns[starts[0] : starts[-1]] = part[order]
    return Rows(rows.starts, columns)


def labelled_set(
    source: Path,
    images: Images,
    labels: Labels,
    split: NDArray[np.int8] | None,
    groups: NDArray[np.int64] | None,
    notes: Sequence[str],
) -> LabelledSet:
    """What a reader returns: the set, with a note on labels that look alike.

    Raises:
        DataError: if no photo has any label.
    """
    if not len(labels.present.columns):
        raise DataError(f"{source} has {len(labels)} photos and no label on any of them; check where it has its labels")
    first: dict[str, str] = {}
    alike = [
        f"labels {first[name.casefold()]!r} and {name!r} differ only by case and are kept apart"
        for name in labels.classes
        if first.setdefault(name.casefold(), name) != name
    ]
    return LabelledSet(images, labels, split, groups, [*notes, *alike])
