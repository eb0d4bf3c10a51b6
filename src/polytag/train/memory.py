"""Memory of the C library that a training on the CPU works in."""

import ctypes
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # names and defaults of glibc's mallopt
DEFAULTS = {M_TRIM_THRESHOLD: 128 * 1024, M_MMAP_MAX: 65536}
KEEPING = {M_TRIM_THRESHOLD: -1, M_MMAP_MAX: 0}  # -1 is for never; the largest number would be 2 GB

_inside = 0  # contexts; one training may hold others


@contextmanager
def kept_memory() -> Iterator[None]:
    """Within this context memory that is freed is kept for the next tensor, and not given back to the system.

    Each activation of a step is as large as the one before, and pages that are fresh from the system cost more than the
    arithmetic on them: up to a quarter of a step's time. Afterwards all is as it was. Where the C library is not glibc,
    nothing changes.
    """
    global _inside
    library = _glibc()
    if library is None:
        yield
        return
    mallopt, malloc_trim = library
    _inside += 1
    for option, value in KEEPING.items():
        mallopt(option, value)
    try:
        yield
    finally:
        _inside -= 1
        if not _inside:
            for option, value in DEFAULTS.items():
                mallopt(option, value)
            malloc_trim(0)


def _glibc() -> tuple[Callable[[int, int], int], Callable[[int], int]] | None:
    """``mallopt`` and ``malloc_trim``, where they exist."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    found = [getattr(library, name, None) for name in ("mallopt", "malloc_trim")]
    return (found[0], found[1]) if found[0] and found[1] else None
