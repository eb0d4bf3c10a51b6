"""Randomness as a function of numbers we store, never of a global generator."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def generator(*numbers: int) -> np.random.Generator:
    """The generator that belongs to these numbers, for example ``(seed, pass, index, draw)``."""
    # Hashed by ourselves: numpy's SeedSequence pads with zeros, so that (5,) and (5, 0) would be alike.
    return np.random.Generator(np.random.Philox(key=_digest(numbers, 16)))


def torch_seed(*numbers: int) -> int:
    """A seed in ``[0, 2**63)`` for ``torch.manual_seed`` that belongs to these numbers, well mixed."""
    return _digest(numbers, 8) >> 1


@contextmanager
def drawn_from(seed: int, device: "torch.device | None" = None) -> Iterator[None]:
    """What torch draws within, on the CPU and on a GPU if it is one, follows ``seed``; generators are as before then.

    ``torch.manual_seed`` would seed the generators of all other GPUs as well, which are the caller's.
    """
    import torch  # slow, and not needed by whoever asks for help

    gpus = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(gpus):
        torch.default_generator.manual_seed(seed)
        for gpu in gpus:
            with torch.cuda.device(gpu):
                torch.cuda.manual_seed(seed)
        yield


def _digest(numbers: tuple[int, ...], size: int) -> int:
    text = ",".join(str(int(number)) for number in numbers)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest(), "little")
