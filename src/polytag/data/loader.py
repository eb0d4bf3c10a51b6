"""Photos to batches: decoded, resized and augmented in threads, ahead of the model that uses them."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from polytag._checks import check_number
from polytag._random import generator
from polytag.data.augment import Augmentation
from polytag.data.labelled_set import LabelledSet
from polytag.data.preprocessing import Preprocessing


class Batch(NamedTuple):
    """What a method is given."""

    images: Tensor  # (batch, 3, height, width), normalised
    targets: Tensor  # (batch, classes): 1 present, 0 absent, -1 unknown
    rows: Tensor  # (batch,), position of each photo in the training set


class Draw(NamedTuple):
    """Which photos make a batch, and the numbers that their augmentation is drawn from."""

    rows: NDArray[np.int64]  # (batch,)
    key: tuple[int, ...] = ()  # of the pass: (seed, pass, ...)
    first: int = 0  # place of the first row in its pass, so that a row drawn twice differs


class Loader:
    """Turns draws into batches of uint8 pixels.

    Args:
        data: the photos and their labels.
        preprocessing: the size of what comes out.
        augmentation: applied to every photo; None for evaluation.
        workers: threads that decode ahead; 0 decodes when asked. The batches do not depend on it.
    """

    def __init__(
        self,
        data: LabelledSet,
        preprocessing: Preprocessing,
        augmentation: Augmentation | None = None,
        workers: int = 2,
    ) -> None:
        check_number("workers", workers, 0, 256)
        self.data = data
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.workers = workers

    def batches(self, draws: Iterable[Draw]) -> Iterator[Batch]:
        """One batch a draw, in order; images are uint8 until :class:`ToDevice` has seen them."""
        if not self.workers:
            yield from map(self._batch, draws)
            return
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="polytag-loader")
        waiting: deque[Future[Batch]] = deque()
        try:
            for draw in draws:
                waiting.append(pool.submit(self._batch, draw))
                if len(waiting) > self.workers + 1:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # also where the consumer leaves early
            pool.shutdown(wait=True, cancel_futures=True)

    def in_order(self, batch_size: int, rows: NDArray[np.int64] | None = None) -> Iterator[Batch]:
        """All photos once, or those of ``rows``, as they stand; the last batch may be smaller."""
        chosen = np.arange(len(self.data)) if rows is None else rows
        return self.batches(Draw(chosen[n : n + batch_size]) for n in range(0, len(chosen), batch_size))

    def _batch(self, draw: Draw) -> Batch:
        pixels = np.stack([self._photo(int(row), draw, place) for place, row in enumerate(draw.rows)])
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2)  # (batch, 3, height, width), channels last in memory
        targets = torch.from_numpy(self.data.labels.dense(draw.rows))  # (batch, classes)
        return Batch(images, targets, torch.from_numpy(draw.rows))

    def _photo(self, row: int, draw: Draw, place: int) -> NDArray[np.uint8]:
        # Evaluation decodes every pixel; training may decode at a reduced scale.
        photo = self.data.images.load(row, None if self.augmentation is None else self.preprocessing.image_size)
        pixels = self.preprocessing.resize(photo)
        if self.augmentation is None:
            return pixels
        return self.augmentation(pixels, generator(*draw.key, row, draw.first + place))


class ToDevice:
    """Moves a batch to a device and normalises its pixels there: a byte a value travels, not four.

    Args:
        device: where to.
        mean, std: of the pixels in ``[0, 1]``, a number a channel.
        channels_last: memory order of the images.
    """

    def __init__(
        self, device: torch.device, mean: Sequence[float], std: Sequence[float], channels_last: bool = True
    ) -> None:
        self.device = device
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        middle, spread = (torch.tensor(values, dtype=torch.float64).view(3, 1, 1) for values in (mean, std))
        # Rounded once, as in Preprocessing.normalize: both give the very same numbers.
        self.scale, self.shift = (x.to(device, torch.float32) for x in (1 / (255 * spread), -middle / spread))

    def __call__(self, batch: Batch) -> Batch:
        """The batch on the device: images normalised, targets as float32."""
        images, targets, rows = (self._move(tensor) for tensor in batch)
        images = images.to(torch.float32, memory_format=self.memory_format).mul_(self.scale).add_(self.shift)
        return Batch(images, targets.to(torch.float32), rows)

    def _move(self, tensor: Tensor) -> Tensor:
        if self.device.type != "cuda":
            return tensor.to(self.device)
        return tensor.pin_memory().to(self.device, non_blocking=True)
