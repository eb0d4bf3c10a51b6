"""Where the photos of a label file lie, and whether all of them are there."""

import os
import posixpath
import re
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from polytag.data.labelled_set import ImageFiles
from polytag.data.paths import Paths
from polytag.errors import DataError

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"))
IMAGE_SUFFIXES |= {".heic", ".heif", ".hif", ".avif"}  # .hif is what cameras write

Progress: TypeAlias = Callable[[int, int], object]

_THREADS = 16  # folders listed at a time; a network disk takes milliseconds to answer, whoever asks
_AT_ONCE = 5000  # files of a folder between two words on progress

_watcher: ContextVar[Progress | None] = ContextVar("_watcher", default=None)

# What most names do not have: a backslash, an empty, "." or ".." step, a root, a drive, a letter no file name can hold.
_ODD = re.compile(r"\\|//|(?:^|/)\.{1,2}(?:/|$)|^/|^[A-Za-z]:/|\0|[\ud800-\udc7f\udd00-\udfff]")


class MissingPhotosError(DataError):
    """Photos that a file lists are not on the disk.

    Args:
        sentence: the refusal.
        names: all of them.
    """

    def __init__(self, sentence: str, names: Paths) -> None:
        super().__init__(sentence)
        self.names = names


@contextmanager
def watched(progress: Progress) -> Iterator[None]:
    """Within it, every look for photos calls ``progress(seen, total)`` as it goes: files seen, names looked for.

    The calls come from several threads, never two at a time; the last one has ``seen == total``.
    """
    token = _watcher.set(progress)
    try:
        yield
    finally:
        _watcher.reset(token)


def inside(name: str, where: str) -> str:
    """``name`` as a path relative to the data folder, with forward slashes and no detours.

    Raises:
        DataError: if it leaves the data folder, or cannot be the name of a file.
    """
    if not _ODD.search(name):
        return name
    path = posixpath.normpath(name.replace("\\", "/"))
    if path == ".." or path.startswith(("../", "/")) or re.match("[A-Za-z]:/", path):
        raise DataError(f"{where} names {name!r}, which is not inside the data folder; use a path relative to it")
    if path == "." or re.search(r"\0|[\ud800-\udc7f\udd00-\udfff]", path):
        raise DataError(f"{where} names {name!r}, which cannot be the name of a photo; correct it")
    return path


def is_image(name: str) -> bool:
    """Whether a file name ends like a photo's."""
    return posixpath.splitext(name)[1].lower() in IMAGE_SUFFIXES


def find_photos(
    names: Paths, folder: Path, images: str, where: Callable[[int], str], twice: str = "keep one of them"
) -> tuple[ImageFiles, tuple[str, ...]]:
    """The photos called ``names``, all of them seen on the disk, and notes on what was inferred.

    A name without the ending of an image file gets the one that exists. Photos that are not in ``folder`` are looked
    for in its subfolders, and taken from one that has all of them where no other one has any.

    Args:
        names: relative paths, none of them leaving the folder (see :func:`inside`).
        folder: where they are expected.
        images: the folder to use instead; empty for none.
        where: what names photo ``i``, for messages: ``row 2 of labels.csv``.
        twice: what to do about a photo that is listed twice.

    Raises:
        DataError: if a photo is missing or listed twice, or if there are several ways to find it.
    """
    root, notes = (Path(images) if images else folder), []
    if not root.is_dir():
        raise DataError(f"the folder of photos {root} does not exist; name another one with --reader.images")
    found, missing = _completed(root, names, where)
    if len(missing) and len(missing) == len(names) and not images:
        inner = [(sub, *_completed(sub, names, where)) for sub in _subfolders(root)]
        inner = [(sub, whole, lacking) for sub, whole, lacking in inner if len(lacking) < len(names)]
        if len(inner) > 1 and any(not len(lacking) for _, _, lacking in inner):
            listed = ", ".join(f"{sub.name} has {len(names) - len(lacking)}" for sub, _, lacking in inner)
            raise DataError(
                f"several folders below {root} have photos called like the {len(names)} of the file: {listed}; "
                "choose one of them with --reader.images"
            )
        if len(inner) == 1 and not len(inner[0][2]):
            root, found, missing = inner[0]
            notes.append(f"photos are in the subfolder {root.name}")
    if len(missing):
        found, missing = _respelled(root, found, missing)
    if len(missing):
        examples = ", ".join(f"{where(number)} names {names[number]!r}" for number in missing[:3].tolist())
        raise MissingPhotosError(
            f"{len(missing)} of {len(names)} photos are not in {root}: {examples}; "
            "correct the names, or name the folder of the photos with --reader.images",
            names.select(missing),
        )
    _check_listed_once(found, where, twice)
    if found is not names:
        name, changed = next((name, whole) for name, whole in zip(names, found, strict=True) if name != whole)
        done = "completed with their ending" if changed.startswith(name) else "found in another Unicode form"
        notes.append(f"file names {done}, such as {changed!r}")
    return ImageFiles(root, found), tuple(notes)


def _completed(root: Path, names: Paths, where: Callable[[int], str]) -> tuple[Paths, NDArray[np.int64]]:
    """``names`` with endings added where that finds a photo, and the numbers of those that are still not found."""
    with _counted(len(names)) as count:
        listed, suffixes = _listing(root, sorted({name.rpartition("/")[0] for name in names}), count)
    missing = np.flatnonzero(~_among(names, listed))
    bare = np.array([number for number in missing if suffixes and not is_image(names[int(number)])], np.int64)
    if not len(bare):
        return names, missing
    short = names.select(bare)
    fits = np.stack([_among((name + suffix for name in short), listed) for suffix in suffixes])  # (suffixes, bare)
    if (several := np.flatnonzero(fits.sum(axis=0) > 1)).size:
        number = int(bare[several[0]])
        both = " and ".join(names[number] + suffixes[choice] for choice in np.flatnonzero(fits[:, several[0]]))
        raise DataError(f"{where(number)} names {names[number]!r}, which fits {both}; write the whole file name")
    if not fits.any():
        return names, missing
    ending = np.full(len(names), -1, np.int8)  # position in suffixes
    ending[bare[fits.any(axis=0)]] = fits.argmax(axis=0)[fits.any(axis=0)]
    whole = Paths(name + (suffixes[choice] if choice >= 0 else "") for name, choice in zip(names, ending, strict=True))
    return whole, missing[ending[missing] < 0]


def _respelled(root: Path, names: Paths, missing: NDArray[np.int64]) -> tuple[Paths, NDArray[np.int64]]:
    """Names as the disk spells them, where it has another Unicode form of them, as on macOS; and what is missing."""
    wanted = {unicodedata.normalize("NFC", names[n]): n for n in missing.tolist() if not names[n].isascii()}
    spelled: dict[int, str] = {}
    for folder in {names[number].rpartition("/")[0] for number in wanted.values()}:
        if (root / folder).is_dir():
            for entry in os.scandir(root / folder):
                path = f"{folder}/{entry.name}" if folder else entry.name
                if (key := unicodedata.normalize("NFC", path)) in wanted:
                    spelled[wanted[key]] = path
    if not spelled:
        return names, missing
    found = Paths(spelled.get(number, name) for number, name in enumerate(names))
    return found, np.array([number for number in missing.tolist() if number not in spelled], np.int64)


@contextmanager
def _counted(total: int) -> Iterator[Callable[[int], None]]:
    """What adds up the files that were seen and passes them on to who watches."""
    watcher, lock, seen = _watcher.get(), Lock(), 0

    def count(files: int) -> None:
        nonlocal seen
        with lock:
            seen = max(min(seen + files, total - 1), 0)  # a folder may have more files than were looked for
            if watcher is not None:
                watcher(seen, total)

    yield count
    if watcher is not None:
        watcher(total, total)


def _listing(root: Path, folders: Sequence[str], count: Callable[[int], None]) -> tuple[NDArray[np.int64], list[str]]:
    """Sorted hashes of the paths of all files in some folders below ``root``, and the endings of images among them."""
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            parts = list(pool.map(lambda folder: _listed(root, folder, count), folders))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    endings = set[str]().union(*(found for _, found in parts))
    hashes = np.concatenate([np.array(found, np.int64) for found, _ in parts])
    return np.sort(hashes), sorted(ending for ending in endings if ending.lower() in IMAGE_SUFFIXES)


def _listed(root: Path, folder: str, count: Callable[[int], None]) -> tuple["array[int]", set[str]]:
    """Hashes of the paths of the files in one folder, and their endings; none where there is no such folder.

    A listing answers for all of them: asking for each file would take minutes on a network disk.
    """
    hashes, endings = array("q"), set[str]()
    try:
        with os.scandir(root / folder) as entries:
            files = (entry.name for entry in entries if entry.is_file())
            while here := list(islice(files, _AT_ONCE)):
                hashes.extend(map(hash, map(f"{folder}/".__add__, here) if folder else here))
                endings.update(name[name.rfind(".") :] for name in here)
                count(len(here))
    except (FileNotFoundError, NotADirectoryError):
        return hashes, endings  # its photos are then missing, and named as such
    except OSError as error:
        raise DataError(f"cannot look into {root / folder}: {error.strerror}; make it readable") from error
    return hashes, endings


def _hashes(names: Iterable[str]) -> NDArray[np.int64]:
    # 8 bytes a name, where a set of 10 million strings takes over a gigabyte.
    return np.fromiter(map(hash, names), np.int64)


def _among(names: Iterable[str], listed: NDArray[np.int64]) -> NDArray[np.bool_]:
    hashes = _hashes(names)
    if not len(listed):
        return np.zeros(len(hashes), np.bool_)
    found: NDArray[np.bool_] = listed[np.searchsorted(listed[:-1], hashes)] == hashes
    return found


def _subfolders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _check_listed_once(names: Paths, where: Callable[[int], str], twice: str) -> None:
    hashes = _hashes(names)
    order = np.argsort(hashes, kind="stable")
    again = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]]) + 1
    for place in again[np.argsort(order[again])].tolist():  # in the order of the file, whatever the hashes are
        first, second = int(order[place - 1]), int(order[place])
        if names[first] == names[second]:
            raise DataError(f"{names[first]!r} is listed twice, by {where(first)} and by {where(second)}; {twice}")
