"""What keeping memory promises: freed memory stays within the context, goes afterwards, and contexts may nest."""

import sys
from pathlib import Path

import numpy as np
import pytest
from freed import give_back

from polytag.train import memory
from polytag.train.memory import DEFAULTS, KEEPING, kept_memory


def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024


@pytest.mark.skipif(sys.platform != "linux" or memory._glibc() is None, reason="the C library is not glibc")
@pytest.mark.parametrize("size", [200_000_000, 2_300_000_000], ids=["0.2 GB", "more than an int can say"])
def test_freed_memory_is_kept_within_and_given_back_afterwards(size):
    give_back()  # what other tests have freed would hold the block
    with kept_memory():
        before = resident()
        block = np.ones(size, np.uint8)
        del block
        assert resident() > before + 0.9 * size
    assert resident() < before + 0.5 * size


@pytest.fixture
def calls(monkeypatch):
    made = []
    library = (lambda option, value: made.append((option, value)), lambda pad: made.append("trim"))
    monkeypatch.setattr(memory, "_glibc", lambda: library)
    return made


def test_the_outermost_context_restores_what_was(calls):
    with kept_memory():
        with kept_memory():
            pass
        assert calls == [*KEEPING.items()] * 2
        calls.clear()
    assert calls == [*DEFAULTS.items(), "trim"]


def test_an_error_restores_it_too(calls):
    with pytest.raises(ValueError, match="within"), kept_memory():
        raise ValueError("within")
    assert calls == [*KEEPING.items(), *DEFAULTS.items(), "trim"]


def test_where_the_c_library_is_another_one_nothing_is_done(monkeypatch):
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    with kept_memory():
        assert memory._inside == 0
