"""Which labels every item has: present, absent or unknown, stored sparsely."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polytag._checks import check_choice
from polytag.errors import DataError, OptionError

PRESENT, ABSENT, UNKNOWN = 1, 0, -1

Default = Literal["absent", "unknown"]


class Rows(NamedTuple):
    """A set of columns for each row: row ``i`` has ``columns[starts[i]:starts[i + 1]]``, ascending."""

    starts: NDArray[np.int64]  # (items + 1,)
    columns: NDArray[np.unsignedinteger]  # (entries,)

    def select(self, rows: NDArray[np.int64]) -> "Rows":
        """The same for some rows, in the order asked for."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        # Position of each kept entry: the start of its row, plus how far into its row it is.
        entries = np.repeat(self.starts[rows] - starts[:-1], lengths) + np.arange(starts[-1])
        return Rows(starts, self.columns[entries])

    def row_numbers(self) -> NDArray[np.int64]:
        """The row of each entry, ``(entries,)``."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


class Counts(NamedTuple):
    """How many items have each label present, absent, unknown; each ``(classes,)``."""

    present: NDArray[np.int64]
    absent: NDArray[np.int64]
    unknown: NDArray[np.int64]


class Labels:
    """An ``(items, classes)`` matrix of present (1), absent (0) and unknown (-1); only the rare values are stored.

    Args:
        classes: one name a column; no two alike.
        present: the columns that are present, for each item.
        other: the columns whose value is neither present nor ``default``: the unknown ones where the default is
            absent, the absent ones where the default is unknown.
        default: what an entry is that is listed in neither.

    Raises:
        DataError: if two classes have one name.
        OptionError: if the two sets of rows differ in length.
    """

    def __init__(self, classes: Sequence[str], present: Rows, other: Rows, default: Default = "absent") -> None:
        check_choice("default", default, ("absent", "unknown"))
        self.classes = tuple(classes)
        if len(set(self.classes)) < len(self.classes):
            twice = next(name for name in self.classes if self.classes.count(name) > 1)
            raise DataError(f"the class {twice!r} is listed twice; give each class a name of its own")
        if len(present.starts) != len(other.starts):
            raise OptionError(f"present has {len(present.starts) - 1} rows and other has {len(other.starts) - 1}")
        self.present = present
        self.other = other
        self.default: Default = default

    @classmethod
    def from_names(
        cls,
        present: Iterable[Iterable[str]],
        classes: Sequence[str] | None = None,
        other: Iterable[Iterable[str]] | None = None,
        default: Default = "absent",
    ) -> "Labels":
        """Labels from lists of names, one list an item; classes are sorted by name unless given.

        Raises:
            DataError: if a name is not among ``classes``.
        """
        lists = [list(names) for names in present]
        others = [list(names) for names in other] if other is not None else [[] for _ in lists]
        found = {name for names in (*lists, *others) for name in names}
        chosen = tuple(sorted(found)) if classes is None else tuple(classes)
        if strange := sorted(found.difference(chosen)):
            raise DataError(f"the label {strange[0]!r} is not among the {len(chosen)} classes; add it or correct it")
        number = {name: column for column, name in enumerate(chosen)}
        builder = LabelsBuilder(default)
        for names, rest in zip(lists, others, strict=True):
            builder.add([number[name] for name in names], [number[name] for name in rest])
        return builder.build(chosen)

    @classmethod
    def from_dense(cls, matrix: ArrayLike, classes: Sequence[str], default: Default = "absent") -> "Labels":
        """Labels from an ``(items, classes)`` matrix of 1, 0 and -1.

        Raises:
            DataError: if a value is none of these, or the shape does not fit ``classes``.
        """
        dense = np.asarray(matrix)
        if dense.ndim != 2 or dense.shape[1] != len(classes):
            raise DataError(f"labels must have shape (items, {len(classes)}), got {dense.shape}")
        if not np.isin(dense, (PRESENT, ABSENT, UNKNOWN)).all():
            strange = dense[~np.isin(dense, (PRESENT, ABSENT, UNKNOWN))].flat[0]
            raise DataError(f"labels must be 1 (present), 0 (absent) or -1 (unknown), got {strange}")
        rare = UNKNOWN if default == "absent" else ABSENT
        return cls(classes, _rows_of(dense == PRESENT), _rows_of(dense == rare), default)

    def __len__(self) -> int:
        return len(self.present.starts) - 1

    @property
    def shape(self) -> tuple[int, int]:
        """``(items, classes)``."""
        return len(self), len(self.classes)

    def dense(self, rows: ArrayLike | None = None) -> NDArray[np.int8]:
        """The matrix, or some rows of it in the order asked for, ``(rows, classes)`` of 1, 0 and -1."""
        chosen = self if rows is None else self.select(rows)
        fill, rare = (ABSENT, UNKNOWN) if self.default == "absent" else (UNKNOWN, ABSENT)
        out = np.full(chosen.shape, fill, dtype=np.int8)
        out[chosen.other.row_numbers(), chosen.other.columns] = rare
        out[chosen.present.row_numbers(), chosen.present.columns] = PRESENT
        return out

    def select(self, rows: ArrayLike) -> "Labels":
        """The labels of some items, in the order asked for; an item may be asked for twice."""
        numbers = np.asarray(rows, dtype=np.int64)
        return Labels(self.classes, self.present.select(numbers), self.other.select(numbers), self.default)

    def names(self, row: int) -> tuple[str, ...]:
        """The labels that are present on one item."""
        columns = self.present.columns[self.present.starts[row] : self.present.starts[row + 1]]
        return tuple(self.classes[column] for column in columns)

    def counts(self) -> Counts:
        """How many items have each label present, absent and unknown."""
        present, rare = (np.bincount(r.columns, minlength=len(self.classes)) for r in (self.present, self.other))
        rest = len(self) - present - rare
        absent, unknown = (rest, rare) if self.default == "absent" else (rare, rest)
        return Counts(present, absent, unknown)

    def with_classes(self, classes: Sequence[str]) -> "Labels":
        """The same items under another list of classes: reordered, some left out, new ones unknown everywhere.

        Raises:
            DataError: if a new class would have to be stored as unknown for over 10 million entries.
        """
        position = {name: column for column, name in enumerate(classes)}
        moved = np.array([position.get(name, -1) for name in self.classes], dtype=np.int64)
        present, other = _renumber(self.present, moved), _renumber(self.other, moved)
        new = [column for name, column in position.items() if name not in set(self.classes)]
        if new and self.default == "absent":
            if len(new) * len(self) > 10_000_000:
                raise DataError(f"{len(new)} classes are not in this data, which is too much to mark as unknown")
            rows = np.concatenate([other.row_numbers(), np.repeat(np.arange(len(self)), len(new))])
            other = _sorted_rows(rows, np.concatenate([other.columns, np.tile(new, len(self))]), len(self))
        return Labels(classes, present, other, self.default)


class LabelsBuilder:
    """Collects labels item by item, in a few bytes an entry.

    Args:
        default: what an entry is that is never listed.
    """

    def __init__(self, default: Default = "absent") -> None:
        self.default: Default = default
        self._starts, self._columns = (array("q", [0]), array("q", [0])), (array("I"), array("I"))

    def __len__(self) -> int:
        return len(self._starts[0]) - 1

    def add(self, present: Iterable[int], other: Iterable[int] = ()) -> None:
        """One more item: its present columns, and those that are neither present nor ``default``."""
        marked = set(present)
        for starts, columns, values in zip(self._starts, self._columns, (marked, set(other) - marked), strict=True):
            columns.extend(sorted(values))
            starts.append(len(columns))

    def build(self, classes: Sequence[str]) -> Labels:
        """The labels; the numbers that were added are positions in ``classes``."""
        present, other = (
            Rows(np.frombuffer(starts, np.int64), np.frombuffer(columns, np.uint32).astype(_column_type(len(classes))))
            for starts, columns in zip(self._starts, self._columns, strict=True)
        )
        return Labels(classes, present, other, self.default)


def _column_type(classes: int) -> type[np.unsignedinteger]:
    return np.uint16 if classes <= 2**16 else np.uint32


def _rows_of(mask: NDArray[np.bool_]) -> Rows:
    starts = np.concatenate(([0], np.cumsum(mask.sum(axis=1))))
    return Rows(starts, np.nonzero(mask)[1].astype(_column_type(mask.shape[1])))


def _sorted_rows(rows: NDArray[np.int64], columns: NDArray[np.integer], items: int) -> Rows:
    order = np.lexsort((columns, rows))
    starts = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=items))))
    return Rows(starts, columns[order].astype(_column_type(int(columns.max(initial=0)) + 1)))


def _renumber(rows: Rows, moved: NDArray[np.int64]) -> Rows:
    columns = moved[rows.columns]
    kept = columns >= 0
    return _sorted_rows(rows.row_numbers()[kept], columns[kept], len(rows.starts) - 1)
