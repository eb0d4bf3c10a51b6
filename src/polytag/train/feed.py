"""Which photos every step of every process sees: a function of the step, so there is no position to save."""

from collections.abc import Iterator

import numpy as np

from polytag._checks import check_number
from polytag.data.loader import Batch, Draw, Loader, ToDevice
from polytag.errors import OptionError
from polytag.samplers import Sampler


class Feed:
    """The batches of a training, from any step on.

    A step takes the next ``batch_size`` rows of each sampler, whatever the number of processes and micro-batches;
    each process takes its slice of them. Rows at the end of a pass that do not fill a batch are left out.

    Args:
        loader: of the training photos.
        samplers: one for each batch that the method takes; the first one defines the epoch.
        batch_size: photos a step, over all processes and micro-batches.
        seed: of the orders and the augmentation.
        accumulate: micro-batches that a step is split into.
        rank, world: this process and how many there are.

    Raises:
        OptionError: if a batch cannot be filled or split.
    """

    def __init__(
        self,
        loader: Loader,
        samplers: tuple[Sampler, ...],
        batch_size: int,
        seed: int,
        accumulate: int = 1,
        rank: int = 0,
        world: int = 1,
    ) -> None:
        check_number("batch_size", batch_size, 1, float("inf"))
        check_number("accumulate", accumulate, 1, float("inf"))
        if batch_size % (accumulate * world):
            raise OptionError(
                f"a batch of {batch_size} cannot be split evenly over {world} processes with {accumulate} "
                "micro-batches each; choose a batch size that they divide"
            )
        if (shortest := min(map(len, samplers))) < batch_size:
            raise OptionError(
                f"a pass draws {shortest} photos, fewer than the batch size of {batch_size}; choose a smaller one"
            )
        self.loader = loader
        self.samplers = samplers
        self.batch_size = batch_size
        self.seed = seed
        self.accumulate = accumulate
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        """Steps in an epoch."""
        return len(self.samplers[0]) // self.batch_size

    def steps(self, first: int, last: int, to_device: ToDevice) -> Iterator[list[tuple[Batch, ...]]]:
        """For each step from ``first`` up to ``last``: its micro-batches, each with one batch a sampler."""
        streams = [self.loader.batches(self._draws(number, first, last)) for number in range(len(self.samplers))]
        try:
            for _ in range(first, last):
                yield [tuple(to_device(next(stream)) for stream in streams) for _ in range(self.accumulate)]
        finally:
            for stream in streams:
                stream.close()  # type: ignore[attr-defined]

    def _draws(self, stream: int, first: int, last: int) -> Iterator[Draw]:
        sampler = self.samplers[stream]
        per_pass = len(sampler) // self.batch_size
        share = self.batch_size // (self.accumulate * self.world)
        drawn, rows = -1, np.empty(0, np.int64)
        for step in range(first, last):
            number, place = divmod(step, per_pass)
            if number != drawn:
                drawn, rows = number, sampler.draw(self.seed, number)
            for micro in range(self.accumulate):
                start = place * self.batch_size + (micro * self.world + self.rank) * share
                yield Draw(rows[start : start + share], (self.seed, stream, number), start, rows)
