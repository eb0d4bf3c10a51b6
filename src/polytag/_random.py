"""Randomness as a function of numbers we store, never of a global generator."""

import hashlib

import numpy as np


def generator(*numbers: int) -> np.random.Generator:
    """The generator that belongs to these numbers, for example ``(seed, pass, index, draw)``."""
    # Hashed by ourselves: numpy's SeedSequence pads with zeros, so that (5,) and (5, 0) would be alike.
    return np.random.Generator(np.random.Philox(key=_digest(numbers, 16)))


def torch_seed(*numbers: int) -> int:
    """A seed in ``[0, 2**63)`` for ``torch.manual_seed`` that belongs to these numbers, well mixed."""
    return _digest(numbers, 8) >> 1


def _digest(numbers: tuple[int, ...], size: int) -> int:
    text = ",".join(str(int(number)) for number in numbers)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=size).digest(), "little")
