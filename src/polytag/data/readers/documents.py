"""Files of JSON that describe photos: which kind one is, which of a folder to read, and which split each is of."""

import json
import mmap
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from polytag.data.labelled_set import SPLITS
from polytag.data.readers.base import split_number
from polytag.errors import DataError

Kind = Literal["coco", "openmmlab", "datumaro", "label_studio", "dor", "none"]

# Words that a document of each kind has in it, wherever they stand. COCO comes after what could be taken for it.
_WORDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("openmmlab", ("data_list", "metainfo")),
    ("datumaro", ("items", "annotations", "label_id")),
    ("coco", ("images", "annotations", "categories")),
    ("label_studio", ("data", "annotations", "result")),
)
_PAIRS = re.compile(rb'"images"\s*:\s*\[\s*\[\s*"(?:[^"\\]|\\.)*"\s*,\s*\[')  # of a photo and a list


def load(file: Path, keep: Callable[[dict[str, Any]], Any] | None = None) -> Any:
    """The content of a JSON file.

    Args:
        file: the file.
        keep: what to keep of each object, as it is met.

    Raises:
        DataError: if it is not JSON.
    """
    try:
        return json.loads(file.read_bytes(), object_hook=keep)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not valid JSON ({error}); export or download it again") from error


def kind_of(file: Path) -> Kind:
    """Which kind of document a file is; "none" where it is another one."""
    if not file.stat().st_size:
        return "none"
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as text:
        if text.find(b'"classes"') >= 0 and _PAIRS.search(text):  # first: its labels may be any words
            return "dor"
        for kind, words in _WORDS:
            if all(text.find(f'"{word}"'.encode()) >= 0 for word in words):
                return kind
        listed = re.match(rb"(?:\xef\xbb\xbf)?\s*\[", text[:64])
        return "label_studio" if listed and text.find(b'"annotation_id"') >= 0 else "none"


def documents(path: Path, kind: Kind) -> list[Path]:
    """What of one kind can be read at ``path``: a file; of a folder, its files, or itself if they are one a split."""
    if path.is_file():
        return [path] if path.suffix.lower() == ".json" and kind_of(path) == kind else []
    files = files_in(path, lambda file: kind_of(file) == kind)
    return [path] if len(files) > 1 and splits_of(files) else files


def files_in(folder: Path, wanted: Callable[[Path], bool]) -> list[Path]:
    """The wanted JSON files in ``annotations/``, else in the folder, else in the folders of its splits."""
    splits = [place for place in folder.iterdir() if split_number(place.name) is not None and place.is_dir()]
    for places in ((folder / "annotations",), (folder,), splits):
        files = (file for place in places for file in place.glob("*.json") if file.is_file())
        if found := sorted(file for file in files if wanted(file)):
            return found
    return []


def parts_of(path: Path, wanted: Callable[[Path], bool], what: str) -> dict[Path, str]:
    """The files to read together at ``path``, and the name of each one's split: itself, or those of a folder.

    The split of a single file is empty.

    Raises:
        DataError: if there is none, or there are several that are not one a split.
    """
    files = files_in(path, wanted) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path} has no {what}; give the folder that has annotations/ in it, or the file")
    if len(files) == 1:
        return {files[0]: ""}
    if (splits := splits_of(files)) is None:
        listed = ", ".join(file.name for file in files)
        raise DataError(f"{path} has {len(files)} annotation files that are not one a split: {listed}; name one")
    return {file: SPLITS[split] for file, split in zip(files, splits, strict=True)}


def splits_of(files: Sequence[Path]) -> list[int] | None:
    """The split of each of several files, by its name or its folder's; None unless each is of another one.

    ``instances_val2017.json`` is 1. A folder says nothing where all of them are in it.
    """
    apart = len({file.parent for file in files}) > 1
    found = []
    for file in files:
        words = (re.findall("[a-z]+", file.stem.lower()), [file.parent.name] if apart else [])
        numbers = [{number for word in part if (number := split_number(word)) is not None} for part in words]
        found += next((list(part) for part in numbers if len(part) == 1), [])
    return found if len(found) == len(set(found)) == len(files) else None


def root_of(path: Path, files: Sequence[Path]) -> Path:
    """The folder that photos are looked for in, where ``files`` were found at ``path``.

    That of the file, the one above ``annotations/``, or ``path`` where each split has its file in a folder of its own.
    """
    folder = files[0].parent
    if path.is_dir() and folder not in (path, path / "annotations"):
        return path
    return folder.parent if folder.name == "annotations" else folder


def entries(file: Path, content: Any, part: str, **keys: type) -> list[dict[str, Any]]:
    """The objects of one list, each with values of these types.

    Raises:
        DataError: if there is no such list, or a value is missing or of another type.
    """
    if not isinstance(content, dict) or not isinstance(content.get(part), list):
        raise DataError(f"{file} has no list {part!r}; export it again")
    for position, entry in enumerate(content[part]):
        for key, kind in keys.items():
            value = entry.get(key) if isinstance(entry, dict) else None
            if not isinstance(value, kind) or (isinstance(value, str) and not value.strip()):
                needs = {int: "a whole number", str: "text", list: "a list"}[kind]
                raise DataError(f"entry {position} of {part!r} in {file} needs {needs} as its {key!r}; correct it")
    found: list[dict[str, Any]] = content[part]
    return found
