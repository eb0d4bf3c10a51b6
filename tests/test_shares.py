"""What dividing a step promises: equal shares, no larger than memory holds, or a sentence."""

import pytest
import torch

from polytag.errors import OptionError, RunError
from polytag.shares import fitting, parts_after, parts_of

AGAIN = "out of memory; start all processes again with --accumulate 2 --resume"
FULL = "CUDA out of memory. Tried to allocate 2.00 GiB."


def test_a_batch_shrinks_to_the_photos_in_equal_shares():
    assert [fitting(8, photos, 4) for photos in (100, 7, 2)] == [8, 4, 4]


def test_shares_that_are_not_equal_are_refused():
    with pytest.raises(OptionError) as refusal:
        fitting(8, 100, 3)
    assert str(refusal.value) == (
        "batch_size 8 cannot be split into 3 equal shares, one for each part of a step in each process; "
        "choose a multiple of 3"
    )


@pytest.mark.parametrize(
    ("began", "size", "parts"),
    [
        ({}, 1, 1),
        ({"accumulate": 4, "processes": 1}, 1, 4),
        ({"accumulate": 4, "processes": 1}, 2, 2),
        ({"accumulate": 8, "processes": 1}, 2, 4),
        ({"accumulate": 1, "processes": 4}, 1, 4),
        ({"accumulate": 3, "processes": 1}, 1, 4),
    ],
)
def test_a_run_moved_to_other_processes_keeps_the_photos_that_one_holds_at_a_time(began, size, parts):
    assert parts_of(began, 8, size) == parts


def test_where_memory_runs_out_there_are_twice_as_many_parts():
    full = torch.OutOfMemoryError(FULL)
    assert [parts_after(full, 8, parts, 1) for parts in (1, 2, 4)] == [2, 4, 8]
    assert parts_after(full, 12, 2, 1) == 4
    assert parts_after(full, 9, 1, 1) == 3
    assert parts_after(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), 8, 1, 1) == 2


@pytest.mark.parametrize(
    ("error", "parts", "size", "kind", "sentence"),
    [
        (
            RuntimeError(FULL),
            8,
            1,
            OptionError,
            "out of memory with 1 photo at a time; choose a smaller image_size, backbone or batch_size",
        ),
        (
            RuntimeError(FULL),
            1,
            2,
            OptionError,
            "out of memory; start all processes again with --accumulate 2 --resume",
        ),
        (RuntimeError("shapes differ"), 1, 1, RuntimeError, "shapes differ"),
        (RunError("the disk is full"), 1, 1, RunError, "the disk is full"),
    ],
)
def test_other_errors_go_on_and_what_cannot_be_divided_is_refused(error, parts, size, kind, sentence):
    with pytest.raises(kind) as raised:
        parts_after(error, 8, parts, size)
    assert str(raised.value) == sentence
