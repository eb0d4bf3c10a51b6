"""Photos beside a list of what their files held once: damage that decodes without a complaint is found, too."""

import functools
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polytag._text import counted
from polytag.data.labelled_set import ImageFiles, LabelledSet
from polytag.data.paths import Paths
from polytag.errors import DataError
from polytag.labels.matrix import row_positions

_LINE = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)")  # as sha256sum writes it; \ where names have \ or line ends
_ESCAPED = {r"\\": "\\", r"\n": "\n", r"\r": "\r"}


class CheckedFiles(ImageFiles):
    """Photos in files whose content is compared with a digest each time it is read.

    Args:
        root: the folder.
        names: paths relative to ``root``.
        digests: ``(items, 32)`` of uint8, SHA-256 of each file.
    """

    def __init__(self, root: Path, names: Paths, digests: NDArray[np.uint8]) -> None:
        super().__init__(root, names)
        self.digests = digests

    def load(self, index: int, at_least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The photo, read from its file.

        Raises:
            DataError: if the file is not what it was, or cannot be read.
        """
        pixels = super().load(index, at_least)  # refuses what is no photo, or too large, in its own words
        with (self.root / self.name(index)).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        if digest != self.digests[index].tobytes():
            raise DataError(f"{self.root / self.name(index)} is not the file that the manifest lists: another SHA-256")
        return pixels

    def select(self, rows: ArrayLike) -> "CheckedFiles":
        """Some of them, in the order asked for."""
        numbers = row_positions(rows, len(self))
        return CheckedFiles(self.root, self.names.select(numbers), self.digests[numbers])


def with_manifest(data: LabelledSet, manifest: Path | str) -> LabelledSet:
    """The same data, with every photo compared with a manifest whenever it is read.

    Args:
        data: photos in files, and labels.
        manifest: what ``sha256sum`` prints: a digest and a name on each line. Names start from the manifest's folder;
            those of files that are no photos of ``data`` are left alone.

    Raises:
        DataError: if the manifest cannot be read or misses a photo, or photos are in memory.
    """
    images, path = data.images, Path(manifest)
    if not isinstance(images, ImageFiles):
        raise DataError("photos in memory have no files that a manifest could list; leave it away")
    listed = read_manifest(path)
    found = [listed.get(place) for place in _places(images.root, images.names)]
    if missing := [index for index, digest in enumerate(found) if digest is None]:
        raise DataError(
            f"{path} misses {counted(len(missing), 'photo')} of {len(images):,}, such as {images.name(missing[0])!r}; "
            "run sha256sum again, or put the manifest where its names start"
        )
    digests = np.frombuffer(b"".join(digest for digest in found if digest), np.uint8).reshape(-1, 32)
    notes = [*data.notes, f"every photo is compared with {path.name} when it is read"]
    checked = CheckedFiles(images.root, images.names, digests)
    return LabelledSet(checked, data.labels, data.split, data.groups, notes, data.settled)


def _places(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """Where files are, whichever links lead to their folders."""
    real = functools.cache(os.path.realpath)
    for name in names:
        above, last = os.path.split(os.path.join(folder, name))
        yield os.path.join(real(above), last)


def read_manifest(path: Path) -> dict[str, bytes]:
    """Digests by absolute path.

    Raises:
        DataError: if the file cannot be read, a line is not as ``sha256sum`` writes it, or two lines contradict.
    """
    try:
        with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            lines = [_parsed(line.rstrip("\r\n"), number, path) for number, line in enumerate(file, 1) if line.strip()]
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; name another file") from error
    digests: dict[str, bytes] = {}
    for (name, digest), place in zip(lines, _places(path.parent, (name for name, _ in lines)), strict=True):
        if digests.setdefault(place, digest) != digest:
            raise DataError(f"{path} lists {name!r} twice, with different digests; remove one of the lines")
    return digests


def _parsed(line: str, number: int, path: Path) -> tuple[str, bytes]:
    if (match := _LINE.fullmatch(line)) is None:
        raise DataError(f"line {number} of {path} must be a SHA-256 of 64 digits and a name, as sha256sum writes it")
    escaped, digits, name = match.groups()
    if escaped:
        name = re.sub(r"\\[\\nr]", lambda found: _ESCAPED[found[0]], name)
    return name, bytes.fromhex(digits)
