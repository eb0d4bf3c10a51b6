"""What the feed promises: the photos of a step depend on the step alone, not on how they are dealt out."""

import itertools
import threading

import numpy as np
import pytest
import torch
from toys import PREPROCESSING, Rare, tiny_set

from polytag.data.augment.flip import Flip
from polytag.data.loader import Loader, ToDevice
from polytag.errors import OptionError
from polytag.samplers.uniform import Uniform
from polytag.train.feed import Feed

DATA = tiny_set(40)
TO_DEVICE = ToDevice(torch.device("cpu"), PREPROCESSING.mean, PREPROCESSING.std)


def feed(batch_size=8, accumulate=1, rank=0, world=1, workers=0, items=40):
    data = DATA.select(range(items))
    samplers = (Uniform(data.labels), Rare(data.labels))  # passes of 40 and of 90
    return Feed(Loader(data, PREPROCESSING, Flip(), workers), samplers, batch_size, 5, accumulate, rank, world)


def dealt(feeds, first, last):
    """For each step and each sampler: rows and images as one step sees them, put together from all feeds."""
    steps = []
    for everyone in zip(*(f.steps(first, last, TO_DEVICE) for f in feeds), strict=True):
        micro_batches = [everyone[rank][micro] for micro in range(feeds[0].accumulate) for rank in range(len(feeds))]
        steps.append(
            [
                (torch.cat([b.rows for b in batches]).tolist(), torch.cat([b.images for b in batches]))
                for batches in zip(*micro_batches, strict=True)
            ]
        )
    return steps


def test_a_step_takes_the_next_rows_of_each_sampler_and_each_pass_is_drawn_anew():
    built = feed()
    uniform, rare = ([rows for rows, _ in stream] for stream in zip(*dealt([built], 0, 23), strict=True))
    assert len(built) == 5
    for number in range(4):
        assert sum(uniform[5 * number : 5 * number + 5], []) == built.samplers[0].draw(5, number).tolist()
    for number in range(2):  # 11 steps a pass; the last two rows fill no batch
        assert sum(rare[11 * number : 11 * number + 11], []) == built.samplers[1].draw(5, number)[:88].tolist()


@pytest.mark.parametrize(("accumulate", "world"), [(2, 1), (1, 2), (2, 2), (1, 8)])
def test_micro_batches_and_processes_share_the_photos_of_one_step(accumulate, world):
    whole = dealt([feed()], 0, 12)
    shared = dealt([feed(accumulate=accumulate, rank=rank, world=world) for rank in range(world)], 0, 12)
    for one, other in zip(whole, shared, strict=True):
        for (rows, images), (same_rows, same_images) in zip(one, other, strict=True):
            assert rows == same_rows
            assert torch.equal(images, same_images)  # the augmentation too is that of the place in the pass


def test_a_feed_may_begin_at_any_step():
    whole = dealt([feed()], 0, 13)
    for first in (1, 5, 11, 12):
        tail = dealt([feed()], first, 13)
        for one, other in zip(whole[first:], tail, strict=True):
            assert [rows for rows, _ in one] == [rows for rows, _ in other]
            assert all(torch.equal(a, b) for (_, a), (_, b) in zip(one, other, strict=True))
    assert dealt([feed()], 13, 13) == []


def test_a_photo_that_stands_at_the_same_place_is_augmented_differently_by_pass_and_by_sampler():
    class Same(Uniform):
        def draw(self, seed, number):
            return np.arange(len(self))

    built = feed(batch_size=40)
    built.samplers = (Same(DATA.labels), Same(DATA.labels))
    looks = [images.numpy().tobytes() for step in dealt([built], 0, 3) for _, images in step]
    assert len(set(looks)) == 6


def test_leaving_early_leaves_no_threads():
    steps = feed(workers=2).steps(0, 1000, TO_DEVICE)
    assert len(list(itertools.islice(steps, 3))) == 3
    assert any(thread.name.startswith("polytag-loader") for thread in threading.enumerate())
    steps.close()
    assert not any(thread.name.startswith("polytag-loader") for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"accumulate": 0}, "accumulate must be at least 1, got 0"),
        (
            {"batch_size": 12, "accumulate": 2, "world": 4},
            "a batch of 12 cannot be split evenly over 4 processes with 2 micro-batches each; "
            "choose a batch size that they divide",
        ),
        ({"items": 7}, "a pass draws 7 photos, fewer than the batch size of 8; choose a smaller one"),
        ({"batch_size": 41}, "a pass draws 40 photos, fewer than the batch size of 41; choose a smaller one"),
    ],
)
def test_what_cannot_be_dealt_out_is_refused(options, sentence):
    with pytest.raises(OptionError) as error:
        feed(**options)
    assert str(error.value) == sentence


def test_a_batch_may_be_the_whole_pass():
    assert len(feed(batch_size=40)) == 1
