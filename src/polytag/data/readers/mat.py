"""What MATLAB's files hold, checked: structs, lists of texts and matrices, as SciPy reads them."""

import zlib
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from struct import unpack_from
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from polytag.errors import DataError

_HDF5 = b"\x89HDF\r\n\x1a\n"  # at the start, or after the 512 bytes that MATLAB writes before it
_COMPRESSED = 15  # kind of an element


class Mat:
    """The variables of one file.

    Args:
        path: the file.
        names: the variables that it must have.

    Raises:
        DataError: if it cannot be read, or one of them is missing.
    """

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self.path = path
        content = path.read_bytes()
        if _HDF5 in (content[:8], content[512:520]):
            raise DataError(f"{path} is in MATLAB's format 7.3 (HDF5), which is not read; save it again with -v7")
        try:
            _check(content)
            self._variables: dict[str, Any] = loadmat(BytesIO(content), variable_names=names)
        except Exception as error:  # whatever SciPy's parser stumbles over
            raise DataError(f"{path} cannot be read as a MATLAB file; download it again") from error
        for name in names:
            if name not in self._variables:
                raise self.odd(f"it has no variable {name}")

    def __getitem__(self, name: str) -> Any:
        """A variable."""
        return self._variables[name]

    def odd(self, what: str) -> DataError:
        """The refusal of a file that is laid out in another way."""
        return DataError(f"{self.path} is not laid out as it was published: {what}; give the published file")

    def struct(self, value: Any, fields: int, what: str) -> list[Any]:
        """The fields of a struct, in their order; there must be ``fields`` or more."""
        single = _inner(value)
        found = single.dtype.names or () if isinstance(single, np.void) else ()
        if len(found) < fields:
            raise self.odd(f"{what} must be a struct with {fields} fields, got {len(found)}")
        return [single[name] for name in found]

    def cell(self, value: Any, what: str) -> list[Any]:
        """The elements of a cell array."""
        if not isinstance(value, np.ndarray) or value.dtype != np.object_:
            raise self.odd(f"{what} must be a cell array")
        return list(value.ravel())

    def texts(self, value: Any, what: str) -> list[str]:
        """The texts in a cell array."""
        found = [_inner(each) for each in self.cell(value, what)]
        if odd := [number for number, each in enumerate(found, start=1) if not isinstance(each, str)]:
            raise self.odd(f"{what} must be texts, and number {odd[0]} is none")
        return [str(each) for each in found]

    def matrix(self, value: Any, what: str) -> NDArray[Any]:
        """Numbers, ``(rows, columns)``."""
        if not isinstance(value, np.ndarray) or value.ndim != 2 or value.dtype.kind not in "biuf":
            raise self.odd(f"{what} must be a matrix of numbers")
        return value


def _check(content: bytes) -> None:
    """Raise some exception if a compressed variable is damaged, over which SciPy's parser might crash Python."""
    place, order = 128, "<" if content[126:128] == b"IM" else ">"
    while place < len(content):
        kind, size = unpack_from(f"{order}II", content, place)
        if kind == _COMPRESSED:
            zlib.decompress(content[place + 8 : place + 8 + size])  # has a checksum
        place += 8 + size


def _inner(value: Any) -> Any:
    """What is inside of arrays of one element; an empty text is an array of none."""
    while isinstance(value, np.ndarray) and value.size == 1:
        value = value.flat[0]
    return "" if isinstance(value, np.ndarray) and value.size == 0 and value.dtype.kind == "U" else value
