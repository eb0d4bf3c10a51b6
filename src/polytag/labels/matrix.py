"""Which labels every item has: present, absent or unknown, stored sparsely."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polytag._checks import check_choice
from polytag.errors import DataError, OptionError

PRESENT, ABSENT, UNKNOWN = 1, 0, -1

Default = Literal["absent", "unknown"]

CHUNK = 2**16  # rows at a time, where a whole dataset would take 8 bytes for each of its letters or labels


def take(
    starts: NDArray[np.int64], values: NDArray[Any], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Some rows of ragged values, where row ``i`` is ``values[starts[i]:starts[i + 1]]``, in the order asked for."""
    lengths = starts[rows + 1] - starts[rows]
    ends = np.concatenate(([0], np.cumsum(lengths)))
    out = np.empty(ends[-1], dtype=values.dtype)
    for first in range(0, len(rows), CHUNK):
        part = slice(first, first + CHUNK)
        begin, end = ends[first], ends[min(first + CHUNK, len(rows))]
        # Position of each kept value: the start of its row, plus how far into its row it is.
        out[begin:end] = values[np.repeat(starts[rows[part]] - ends[:-1][part], lengths[part]) + np.arange(begin, end)]
    return ends, out


def row_positions(rows: ArrayLike, items: int) -> NDArray[np.int64]:
    """Rows as numbers, ``(rows,)``.

    Raises:
        OptionError: if one is not between 0 and ``items - 1``, or ``rows`` is a mask.
    """
    numbers = np.asarray(rows)
    if numbers.dtype == np.bool_:
        raise OptionError("rows must be numbers, got a mask; turn it into numbers with np.flatnonzero")
    numbers = numbers.astype(np.int64)
    if len(numbers) and not (numbers.min() >= 0 and numbers.max() < items):
        strange = numbers[(numbers < 0) | (numbers >= items)][0]
        raise OptionError(f"rows must be between 0 and {items - 1}, got {strange}")
    return numbers


class Rows(NamedTuple):
    """A set of columns for each row: row ``i`` has ``columns[starts[i]:starts[i + 1]]``, ascending."""

    starts: NDArray[np.int64]  # (items + 1,)
    columns: NDArray[np.unsignedinteger]  # (entries,)

    def select(self, rows: NDArray[np.int64]) -> "Rows":
        """The same for some rows, in the order asked for."""
        return Rows(*take(self.starts, self.columns, rows))

    def counts(self, classes: int) -> NDArray[np.int64]:
        """How many rows have each column, ``(classes,)``."""
        counts = np.zeros(classes, dtype=np.int64)
        for first in range(0, len(self.columns), CHUNK):
            counts += np.bincount(self.columns[first : first + CHUNK], minlength=classes)
        return counts

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
        OptionError: if the two sets of rows differ in length, or ``default`` is neither absent nor unknown.
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
            DataError: if a name is not among ``classes``, an item is one name in place of a list of names, or
                ``other`` is not of the length of ``present``.
        """
        lists = [_listed(names) for names in present]
        others = [_listed(names) for names in other] if other is not None else [[] for _ in lists]
        if len(others) != len(lists):
            raise DataError(f"present has {len(lists)} items and other has {len(others)}; give a list for each item")
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
        present, other = self.present, self.other
        if rows is not None:
            numbers = row_positions(rows, len(self))
            present, other = present.select(numbers), other.select(numbers)
        fill, rare = (ABSENT, UNKNOWN) if self.default == "absent" else (UNKNOWN, ABSENT)
        out = np.full((len(present.starts) - 1, len(self.classes)), fill, dtype=np.int8)
        out[other.row_numbers(), other.columns] = rare
        out[present.row_numbers(), present.columns] = PRESENT
        return out

    def select(self, rows: ArrayLike) -> "Labels":
        """The labels of some items, in the order asked for; an item may be asked for twice."""
        numbers = row_positions(rows, len(self))
        return Labels(self.classes, self.present.select(numbers), self.other.select(numbers), self.default)

    def names(self, row: int) -> tuple[str, ...]:
        """The labels that are present on one item."""
        row = range(len(self))[row]
        columns = self.present.columns[self.present.starts[row] : self.present.starts[row + 1]]
        return tuple(self.classes[column] for column in columns)

    def counts(self) -> Counts:
        """How many items have each label present, absent and unknown."""
        present, rare = (rows.counts(len(self.classes)) for rows in (self.present, self.other))
        rest = len(self) - present - rare
        absent, unknown = (rest, rare) if self.default == "absent" else (rare, rest)
        return Counts(present, absent, unknown)

    def with_classes(self, classes: Sequence[str]) -> "Labels":
        """The same items under another list of classes: reordered, some left out, new ones unknown everywhere.

        Raises:
            DataError: if a new class would have to be stored as unknown for over 10 million entries.
        """
        if tuple(classes) == self.classes:
            return self
        position, known = {name: column for column, name in enumerate(classes)}, set(self.classes)
        moved = np.array([position.get(name, -1) for name in self.classes], dtype=np.int64)
        new = [column for name, column in position.items() if name not in known and self.default == "absent"]
        if len(new) * len(self) > 10_000_000:
            raise DataError(
                f"{len(new)} of the {len(classes)} classes are not in this data, which is too much to mark as unknown "
                f"on {len(self)} items; leave them out or read the data with the default unknown"
            )
        present, other = (
            _moved(rows, moved, added, len(classes)) for rows, added in ((self.present, []), (self.other, new))
        )
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
        rest = set(other)
        self._columns[0].extend(sorted(marked))
        self._columns[1].extend(sorted(rest - marked) if rest else ())
        for starts, columns in zip(self._starts, self._columns, strict=True):
            starts.append(len(columns))

    def build(self, classes: Sequence[str]) -> Labels:
        """The labels; the numbers that were added are positions in ``classes``.

        Raises:
            DataError: if a number is not a position in ``classes``.
        """
        highest = max(
            (int(np.frombuffer(columns, np.uint32).max()) for columns in self._columns if columns), default=-1
        )
        if highest >= len(classes):
            raise DataError(f"label number {highest} is not among the {len(classes)} classes; count them from 0")
        present, other = (
            Rows(np.array(starts, np.int64), np.array(columns, column_type(len(classes))))
            for starts, columns in zip(self._starts, self._columns, strict=True)
        )
        return Labels(classes, present, other, self.default)


def column_type(classes: int) -> type[np.unsignedinteger]:
    """The smallest type that holds the position of every class."""
    return np.uint16 if classes <= 2**16 else np.uint32


def _rows_of(mask: NDArray[np.bool_]) -> Rows:
    starts = np.concatenate(([0], np.cumsum(mask.sum(axis=1))))
    return Rows(starts, np.nonzero(mask)[1].astype(column_type(mask.shape[1])))


def _listed(names: Iterable[str]) -> list[str]:
    if isinstance(names, str):
        raise DataError(f"each item needs a list of label names, got the text {names!r}; write [{names!r}]")
    return list(names)


def _moved(rows: Rows, moved: NDArray[np.int64], added: list[int], classes: int) -> Rows:
    """Each column ``c`` as ``moved[c]``, left out if that is negative, and ``added`` in every row."""
    items, columns = len(rows.starts) - 1, moved[rows.columns]
    kept = columns >= 0
    numbers = np.concatenate([rows.row_numbers()[kept], np.repeat(np.arange(items), len(added))])
    columns = np.concatenate([columns[kept], np.tile(np.array(added, dtype=np.int64), items)])
    order = np.lexsort((columns, numbers))
    starts = np.concatenate(([0], np.cumsum(np.bincount(numbers, minlength=items))))
    return Rows(starts, columns[order].astype(column_type(classes)))
