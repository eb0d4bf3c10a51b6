"""Who may write to a run folder: one training at a time, into what is new, empty or a run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from polytag._files import PART, locked
from polytag._launch import launch, restarts
from polytag.errors import BusyError, RunError
from polytag.run import CONFIG, FITS, LOCK, PREVIOUS, STATE, Run


@contextmanager
def alone_in(folder: Path, resume: bool, overwrite: bool) -> Iterator[None]:
    """Within this context no other training writes to the folder.

    Raises:
        RunError: as of :func:`check_folder`.
        BusyError: if another one does, or has come and gone meanwhile.
    """
    with locked(folder / LOCK, f"another training is writing to {folder}; let it end, or choose another folder"):
        check_folder(folder, resume, overwrite)
        yield


def has_run(folder: Path) -> bool:
    """Whether a training was begun there."""
    return (folder / CONFIG).exists()


def was_begun_by_this_launch(folder: Path) -> bool:
    """Whether the run there is that of processes which torchrun has started again, after one of them died."""
    if not (restarts() and has_run(folder)):
        return False
    return bool(Run.open(folder).config.get("running", {}).get("launch") == launch())


def has_state(folder: Path) -> bool:
    """Whether a training was saved there, beyond that it began."""
    return (folder / STATE).exists() or (folder / PREVIOUS).exists()


def check_folder(folder: Path, resume: bool, overwrite: bool) -> None:
    """Refuse a run folder that a training must not write to.

    Raises:
        RunError: if there is no training to resume, or something else than a run.
        BusyError: if there is a run that may not be overwritten.
    """
    holds_run = has_run(folder)
    if resume and not holds_run:
        raise RunError(f"{folder} holds no training to resume; start it without --resume")
    if (
        folder.exists()
        and not holds_run
        and not (folder.is_dir() and all(p.name in (LOCK, FITS) or p.suffix == PART for p in folder.iterdir()))
    ):
        raise RunError(f"{folder} holds something else than a run; choose a folder that is new, empty or a run")
    if holds_run and not resume and not overwrite:
        raise BusyError(
            f"{folder} already holds a run; choose another folder, go on with it with --resume, or replace it with "
            "--overwrite"
        )
