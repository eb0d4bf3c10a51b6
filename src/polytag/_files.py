"""Writing files so that a crash, a kill or a full disk never leaves half of one."""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from polytag.errors import BusyError, RunError

PART = ".part"  # what a file that is not finished ends in
MEGA = 10**6
# What shared and older file systems answer where folders cannot be flushed; the file itself has been.
_UNSYNCED = (errno.EINVAL, errno.EBADF, errno.ENOSYS, errno.ENOTSUP, errno.EACCES)


def write_atomic(path: Path, write: Callable[[Path], object], size: int = 0) -> None:
    """Let ``write`` fill a temporary file beside ``path``, flush it to the disk and rename it into place.

    A link is followed, and a file that was there keeps its mode. A pipe or a device is written to as it is.

    Args:
        path: the file.
        write: called with the temporary file.
        size: bytes that will be written, where that is known: they are asked for before anything is.

    Raises:
        RunError: if the file cannot be written; what stood at ``path`` before is kept.
    """
    place = path.resolve() if path.is_symlink() else path
    start = place.name[:40]  # a name may be as long as the system allows
    temporary = place.with_name(f".{start}.{os.getpid()}{PART}")
    try:
        if place.exists() and not place.is_file() and not place.is_dir():
            write(place)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        if size > (free := shutil.disk_usage(place.parent).free):
            raise OSError(None, f"it takes {-(-size // MEGA):,} MB and {free // MEGA:,} MB are free")
        write(temporary)
        _flush(temporary)
        if place.is_file():
            shutil.copymode(place, temporary)
        os.replace(temporary, place)
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else error.strerror
        kept = "; the previous one is kept" if path.exists() else ""
        raise RunError(f"cannot write {path}: {reason or error}{kept}; make room or choose another folder") from error
    finally:
        with contextlib.suppress(OSError):  # where it could not even be made
            temporary.unlink()
    try:
        _flush(place.parent)  # the new name, too, is on the disk
    except OSError as error:
        if error.errno not in _UNSYNCED:
            raise


def remove_unfinished(folder: Path) -> None:
    """Delete what :func:`write_atomic` left in a folder when its process was killed; nobody may be writing there.

    Raises:
        RunError: if it cannot be deleted.
    """
    try:
        for rest in folder.glob(f".*{PART}"):
            rest.unlink()
    except OSError as error:
        raise RunError(
            f"cannot delete {error.filename}: {error.strerror}; delete it, or choose another folder"
        ) from error


def write_text(path: Path, text: str) -> None:
    """:func:`write_atomic` of UTF-8 text."""
    write_atomic(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


@contextlib.contextmanager
def locked(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock file; the lock goes with the process, however that ends.

    Raises:
        BusyError: ``refusal``, if another process holds it.
        RunError: if the file cannot be written, or its file system has no locks.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}; make room or choose another folder") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(refusal) from error
        except OSError as error:
            raise RunError(
                f"cannot lock {path}: {error.strerror}; choose a folder on a file system with locks"
            ) from error
        yield


def is_locked(path: Path) -> bool:
    """Whether another process holds a lock file."""
    if not path.exists():
        return False
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
