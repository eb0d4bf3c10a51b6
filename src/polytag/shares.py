"""How the photos of a step are divided: among processes, and into parts where memory does not hold them at once."""

import gc
from collections.abc import Mapping
from typing import Any

import torch
from accelerate.utils.memory import should_reduce_batch_size

from polytag._text import counted
from polytag.errors import OptionError, PolytagError


def fitting(batch_size: int, photos: int, unit: int) -> int:
    """Photos a step: what was asked for, or what there is.

    Args:
        batch_size: as asked for.
        photos: in the training set.
        unit: shares of equal size, one for each part of a step in each process.

    Raises:
        OptionError: if ``batch_size`` cannot be divided into them.
    """
    if batch_size % unit:
        raise OptionError(
            f"batch_size {batch_size} cannot be split into {unit} equal shares, one for each part of a step in each "
            f"process; choose a multiple of {unit}"
        )
    return min(batch_size, max(photos // unit * unit, unit))


def parts_of(began: Mapping[str, Any], batch_size: int, size: int) -> int:
    """The parts with which a run goes on in ``size`` processes: none holds more photos at a time than when it began.

    Args:
        began: ``running`` of its config.
        batch_size: photos a step.
        size: processes.
    """
    shares = began.get("accumulate", 1) * began.get("processes", 1)
    return next((n for n in range(1, batch_size + 1) if n * size >= shares and batch_size % (n * size) == 0), 1)


def parts_after(error: RuntimeError, batch_size: int, parts: int, size: int) -> int:
    """Into how many parts to divide a step after an error, if that was for want of memory.

    Args:
        error: of the training.
        batch_size: photos a step.
        parts: of a step, so far.
        size: processes.

    Raises:
        OptionError: if no smaller part can be had, or there are several processes, which must begin again together.
        RuntimeError: the error itself, if it is another one.
    """
    if isinstance(error, PolytagError) or not should_reduce_batch_size(error):
        raise error
    more = next((n for n in range(2 * parts, batch_size // size + 1) if batch_size % (n * size) == 0), None)
    if more is None:
        raise OptionError(
            f"out of memory with {counted(batch_size // (parts * size), 'photo')} at a time; choose a smaller "
            "image_size, backbone or batch_size"
        ) from error
    if size > 1:
        raise OptionError(f"out of memory; start all processes again with --accumulate {more} --resume") from error
    return more


def release_memory() -> None:
    """Give memory that nothing uses any more back to the device."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
