"""Labels in a table with one row a photo and one column a label: 1, 0, and nothing or -1 where nobody knows."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from polytag._checks import check_choice
from polytag._text import counted
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import TABLES, Reader, split_number
from polytag.data.readers.columns import SPLIT_COLUMNS, listed, named, optional_column, photo_column, tables
from polytag.data.readers.rows import Row, assemble
from polytag.data.readers.text import TextTable
from polytag.errors import DataError

PARTS = "_classes.csv"  # of each split's folder, as Roboflow exports them

State = Literal["unknown", "present", "absent"]
Said = State | Literal["auto"]
_SAID = {"": "empty", "nan": "empty", "na": "empty", "-1": "-1", "-1.0": "-1"}  # what a cell is in a note


class OneHot(Reader):
    """A table with a column of file names and a column for each label: 1 or true is present, 0 or false absent.

    A folder may have one a split, as Roboflow exports them: ``train/_classes.csv``. Classes are the columns, in order;
    columns without a name, such as the numbers of rows that pandas writes, are none.

    Args:
        filename: the column of file names; by default one with a usual name, or the only one with image names in it.
        ignore: columns that are no labels; may be given several times.
        blank: what an empty cell, or one with nan or NA, says of its label; "auto" is unknown, and a table in which no
            label would be absent on any photo is refused.
        negative: what -1 says; "auto" likewise.
        split: the column with train, val or test; by default ``split`` if there is one.
        group_by: the column whose value photos must share to stay in one split; by default none.
        images: the folder of the photos; by default that of the table.
        encoding: of the text; by default UTF-8, or UTF-16 where a byte order mark says so.
    """

    rank = TABLES
    looks_for: ClassVar[str] = "a .csv with a column of 0 and 1 for each label"

    def __init__(
        self,
        filename: str = "",
        ignore: tuple[str, ...] = (),
        blank: Said = "auto",
        negative: Said = "auto",
        split: str = "",
        group_by: str = "",
        images: str = "",
        encoding: str = "",
    ) -> None:
        for name, value in (("blank", blank), ("negative", negative)):
            check_choice(name, value, ("auto", "unknown", "present", "absent"))
        self.filename = filename
        self.ignore = ignore
        self.blank: Said = blank
        self.negative: Said = negative
        self.split = split
        self.group_by = group_by
        self.images = images
        self.encoding = encoding

    def candidates(self, path: Path) -> list[Path]:
        """A table with such columns; of a folder, its tables of this kind, or itself if each split has its own."""
        if path.is_dir() and _parts(path):
            return [path]
        return tables(path, "one_hot", self.encoding, self.filename)

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the table."""
        parts = _parts(path) if path.is_dir() else {"": path}
        if not parts:
            raise DataError(f"{path} has no {PARTS} in train, valid or test; name the table")
        opened = {name: TextTable(file, self.encoding) for name, file in parts.items()}
        first = next(iter(opened.values()))
        columns = {name: self._columns(table) for name, table in opened.items()}
        classes = [first.header[c] for c in columns[next(iter(opened))]]
        for name, table in opened.items():
            if [table.header[c] for c in columns[name]] != classes:
                raise DataError(f"{table.path} and {first.path} differ in their columns of labels; give both the same")
        lines: list[tuple[str, int]] = []  # of each photo: its table and its line
        unknown: Counter[str] = Counter()  # cells, by what they are

        def rows() -> Iterator[Row]:
            for name, table in opened.items():
                for row in self._rows(table, columns[name], name, unknown):
                    lines.append((name, row.line))
                    yield row._replace(line=len(lines) - 1)

        def where(number: int) -> str:
            name, line = lines[number]
            return f"row {line} of {name}/{PARTS}" if name else first.where(line)

        split = optional_column(first, self.split, SPLIT_COLUMNS)
        of_column = f"column {first.header[split]!r}" if split is not None else ""
        file = f"{', '.join(parts)}: {PARTS} in each" if path.is_dir() else path.name
        data = assemble(
            path,
            rows(),
            where,
            lambda count: f"{file}: photos and {count} columns of labels",
            folder=path if path.is_dir() else None,
            images=self.images,
            classes=classes,
            splits="the names of the folders" if path.is_dir() else of_column,
            groups=f"column {self.group_by!r}" if self.group_by else "",
            more=[*dict.fromkeys(note for table in opened.values() for note in table.text.notes)],
        )
        for said, option, chosen in (("-1", "negative", self.negative), ("empty", "blank", self.blank)):
            if chosen == "auto" and unknown[said] and not data.labels.counts().absent.any():
                raise DataError(
                    f"{path} has cells that are 1 and {said}, and none that says absent; "
                    f"choose --reader.{option} absent, or unknown where nobody looked"
                )
        data.notes += tuple(
            f"{counted(count, 'cell')} {'is' if count == 1 else 'are'} {said}: read as unknown"
            for said, count in sorted(unknown.items())
        )
        return data

    def _columns(self, table: TextTable) -> list[int]:
        """Those of labels; all others must be ignored by name."""
        named(table, filename=self.filename, split=self.split, group_by=self.group_by)
        if missing := [name for name in self.ignore if name not in table.header]:
            raise DataError(
                f"{table.path} has no column {missing[0]!r}; it has {listed(table.header)}; correct --reader.ignore"
            )
        split, group = optional_column(table, self.split, SPLIT_COLUMNS), optional_column(table, self.group_by)
        others = {photo_column(table, self.filename), split, group, *map(table.header.index, self.ignore)}
        found = [column for column, name in enumerate(table.header) if name and column not in others]
        if not found:
            raise DataError(
                f"{table.path} has no column of labels; it has {listed(table.header)}; add one for each label"
            )
        return found

    def _rows(self, table: TextTable, columns: list[int], part: str, unknown: Counter[str]) -> Iterator[Row]:
        photos = photo_column(table, self.filename)
        split, group = optional_column(table, self.split, SPLIT_COLUMNS), optional_column(table, self.group_by)
        blank, negative = (_meant(said) for said in (self.blank, self.negative))
        meaning = {"1": "present", "0": "absent", "-1": negative, "": blank, "nan": blank}
        meaning |= {f"{number}.0": meaning[number] for number in ("1", "0", "-1")}
        meaning |= {"true": "present", "false": "absent", "na": blank}
        for line, row in table.rows():
            found: dict[str, list[str]] = {"present": [], "absent": [], "unknown": []}
            for column in columns:
                cell = row[column]
                state = meaning.get(cell) or meaning.get(cell.strip().lower())
                if state is None:
                    raise DataError(
                        f"{table.where(line)} has {cell.strip()!r} in column {table.header[column]!r}, which is not "
                        f"1, 0, -1 or empty; leave the column out with --reader.ignore {table.header[column]!r}"
                    )
                found[state].append(table.header[column])
                if state == "unknown":
                    unknown[_SAID[cell.strip().lower()]] += 1
            name = table.filled(line, row, photos)
            yield Row(
                line,
                f"{part}/{name}" if part else name,
                found["present"],
                found["unknown"],
                split=part or (row[split] if split is not None else ""),
                group=table.filled(line, row, group) if group is not None else "",
            )


def _meant(said: Said) -> State:
    return "unknown" if said == "auto" else said


def _parts(folder: Path) -> dict[str, Path]:
    """The tables of a folder that has one a split, by the name of the split's folder."""
    inner = sorted(place for place in folder.iterdir() if place.is_dir() and split_number(place.name) is not None)
    found = {place.name: place / PARTS for place in inner if (place / PARTS).is_file()}
    return dict(sorted(found.items(), key=lambda item: split_number(item[0]) or 0))
