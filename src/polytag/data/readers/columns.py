"""Which column of a table holds what, and which kind of table that makes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from polytag.data.readers.photos import is_image
from polytag.data.readers.text import SUFFIXES, TextTable
from polytag.errors import DataError

# In the order of preference; compared in lower case with "_" for spaces.
FILE_COLUMNS = (
    *("filename", "file_name", "image_path", "img_path", "file_path", "filepath", "path"),
    *("image_name", "image_index", "image", "img", "file", "photo"),
)
ID_COLUMNS = ("image_id", "imageid", "id")  # only where no other column has file names in it
LABEL_COLUMNS = (
    *("labels", "label", "tags", "tag", "targets", "target", "finding_labels"),
    *("classes", "class", "categories", "category", "labelname", "label_name"),
)
SPLIT_COLUMNS = ("split",)
CONFIDENCE_COLUMNS = ("confidence",)
MARKS = ("1", "0", "-1", "1.0", "0.0", "-1.0", "true", "false", "", "nan", "na")  # in lower case
USES = ("train", "training", "validation", "test", "unassigned", "")  # of Vertex, in lower case

Dialect = Literal["table", "one_hot", "long", "vertex", "none"]


def dialect(file: Path, encoding: str = "", filename: str = "", labels: str = "") -> Dialect:
    """Which kind of table a file is, by its header and its first rows.

    "vertex" has no header and begins with a photo in a bucket or the word of a use; "long" has a column of confidences
    beside the columns of photos and labels; "one_hot" has columns of 0, 1, -1 or nothing and none of labels; "table" is
    any other with a column of photos, and "none" has none.

    Args:
        file: the table.
        encoding: of its text; empty to infer.
        filename: the column of photos that the user names; empty to infer.
        labels: the column of labels that the user names; empty to infer.

    Raises:
        DataError: if it cannot be read as a table.
    """
    table = TextTable(file, encoding)
    if begins_like_vertex(table.header):
        return "vertex"
    names, photos = table.header, _chosen_or(table.header, filename, file_column(table.header, table.sample))
    if photos is None:
        return "none"
    tags = labels in names if labels else usual(names, LABEL_COLUMNS) is not None
    if tags:
        return "long" if usual(names, CONFIDENCE_COLUMNS) is not None else "table"
    rest = [c for c in range(len(names)) if names[c] and c not in (photos, usual(names, SPLIT_COLUMNS))]
    marked = [c for c in rest if all(is_mark(row[c]) for row in table.sample if len(row) > c)]
    return "one_hot" if table.sample and 2 * len(marked) > len(rest) else "table"


def tables(path: Path, kind: Dialect, encoding: str = "", filename: str = "", labels: str = "") -> list[Path]:
    """The tables of one kind: ``path`` itself, or those in it if it is a folder."""
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
    allowed = SUFFIXES if path.is_file() else SUFFIXES[:2]
    found = []
    for file in files:
        if file.suffix.lower() in allowed:
            try:
                if dialect(file, encoding, filename, labels) == kind:
                    found.append(file)
            except DataError:
                continue  # read for its message where nothing else is found
    return found


def is_mark(cell: str) -> bool:
    """Whether a cell says present, absent or unknown."""
    return cell.strip().lower() in MARKS


def begins_like_vertex(first: Sequence[str]) -> bool:
    """Whether a first row is that of a table of Vertex: a photo in a bucket, or the word of a use and a photo."""
    cells = [cell.strip() for cell in first[:2]]
    if cells[0].startswith("gs://"):
        return True
    return len(cells) > 1 and cells[0].lower() in USES and (cells[1].startswith("gs://") or is_image(cells[1]))


def named(table: TextTable, **chosen: str) -> None:
    """Check the header, and the columns that the user names.

    Raises:
        DataError: if one is not there, two have one name, or the header is a photo.
    """
    names, source = table.header, table.path
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise DataError(f"{source} has two columns called {twice[0]!r}; rename one of them")
    for option, name in chosen.items():
        if name and name not in names:
            flag = option.replace("_", "-")
            raise DataError(f"{source} has no column {name!r}; it has {listed(table.header)}; correct --reader.{flag}")
    if any(is_image(name) for name in names):
        raise DataError(f"{source} begins with a photo; its first line must name the columns, such as filename,labels")


def photo_column(table: TextTable, chosen: str) -> int:
    """The column of file names: the one named, else one found.

    Raises:
        DataError: if there is none.
    """
    found = _chosen_or(table.header, chosen, file_column(table.header, table.sample))
    if found is None:
        raise DataError(
            f"{table.path} has no column of file names; it has {listed(table.header)}; "
            "name the column with --reader.filename"
        )
    return found


def label_column(table: TextTable, chosen: str, photos: int) -> int:
    """The column of labels: the one named, else the only one with a usual name.

    Raises:
        DataError: if there is none, or several.
    """
    if chosen:
        return table.header.index(chosen)
    found = [c for c, name in enumerate(table.header) if _plain(name) in LABEL_COLUMNS and c != photos]
    if len(found) > 1:
        both = " and ".join(repr(table.header[column]) for column in found)
        raise DataError(f"{table.path} has several columns of labels, {both}; choose one with --reader.labels")
    if not found:
        marks = next((name for c, name in enumerate(table.header) if name and c != photos and _marked(table, c)), None)
        other = (
            f", or use --reader one_hot if columns such as {marks!r} are labels, and --reader.ignore" if marks else ""
        )
        raise DataError(
            f"{table.path} has no column of labels; it has {listed(table.header)}; "
            f"name the column with --reader.labels{other}"
        )
    return found[0]


def one_of_marks(table: TextTable, labels: int, photos: int) -> str:
    """A further column of marks where that of labels has marks, too; empty where there is none."""
    skipped = ("", table.header[photos], table.header[labels])
    others = (name for column, name in enumerate(table.header) if name not in skipped and _marked(table, column))
    return next(others, "") if _marked(table, labels) else ""


def _marked(table: TextTable, column: int) -> bool:
    cells = [row[column] for row in table.sample if len(row) > column]
    return all(map(is_mark, cells)) and any(cell.strip() for cell in cells)


def optional_column(table: TextTable, chosen: str, names: Sequence[str] = ()) -> int | None:
    """A column that need not be there: the one named, else the first with a usual name."""
    return table.header.index(chosen) if chosen else usual(table.header, names)


def file_column(header: Sequence[str], sample: Sequence[Sequence[str]]) -> int | None:
    """The column of file names: by its usual name, else the only one with image names in it, else one of ids."""
    if (named := usual(header, FILE_COLUMNS)) is not None:
        return named
    with_images = [
        column
        for column in range(len(header))
        if sample and all(len(row) > column and is_image(row[column].strip()) for row in sample)
    ]
    return with_images[0] if len(with_images) == 1 else usual(header, ID_COLUMNS)


def usual(header: Sequence[str], names: Sequence[str]) -> int | None:
    """The first column with one of these names, in the order of preference."""
    plain = [_plain(name) for name in header]
    return next((plain.index(name) for name in names if name in plain), None)


def listed(names: Sequence[str]) -> str:
    """The names of columns or keys, for messages."""
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(map(repr, names[:20])) + more


def broken_tables(folder: Path) -> list[Path]:
    """Files in a folder that end like tables and cannot be read as such."""
    found = []
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() in SUFFIXES[:2] and file.is_file():
            try:
                TextTable(file)
            except DataError:
                found.append(file)
    return found


def _chosen_or(header: Sequence[str], chosen: str, found: int | None) -> int | None:
    if not chosen:
        return found
    return header.index(chosen) if chosen in header else None


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_")
