"""Randomness as a function of numbers we store, never of a global generator."""

import hashlib

import numpy as np


def generator(*numbers: int) -> np.random.Generator:
    """The generator that belongs to these numbers, for example ``(seed, pass, index, draw)``; each ``>= 0``."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(numbers)))


def torch_seed(*numbers: int) -> int:
    """A seed in ``[0, 2**63)`` for ``torch.manual_seed`` that belongs to these numbers, well mixed."""
    digest = hashlib.blake2b(",".join(map(str, numbers)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
