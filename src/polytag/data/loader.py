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
from polytag.data.augment.base import Augmentation, Crop, Example, Mix
from polytag.data.augment.crops import Whole
from polytag.data.augment.mixes import Unmixed
from polytag.data.labelled_set import LabelledSet
from polytag.data.preprocessing import Preprocessing


class Batch(NamedTuple):
    """What a method is given."""

    images: Tensor  # (batch, 3, height, width), normalised
    targets: Tensor  # (batch, classes): 1 present, 0 absent, -1 unknown; between 0 and 1 where photos are mixed
    rows: Tensor  # (batch,), position of each photo in the training set


class Draw(NamedTuple):
    """Which photos make a batch, and the numbers that their augmentation is drawn from."""

    rows: NDArray[np.int64]  # (batch,)
    key: tuple[int, ...] = ()  # of the pass: (seed, pass, ...)
    first: int = 0  # place of the first row in its pass, so that a row drawn twice differs
    others: NDArray[np.int64] | None = None  # of the pass, one of which a photo may be mixed with; these by default


class Loader:
    """Turns draws into batches of uint8 pixels.

    Args:
        data: the photos and their labels.
        preprocessing: the size of what comes out.
        augmentation: applied to every photo; None for evaluation.
        workers: threads that decode ahead; 0 decodes when asked. The batches do not depend on it.
        crop: the part of a photo that is resized; all of it by default.
        mix: makes one photo of two.
    """

    def __init__(
        self,
        data: LabelledSet,
        preprocessing: Preprocessing,
        augmentation: Augmentation | None = None,
        workers: int = 2,
        crop: Crop | None = None,
        mix: Mix | None = None,
    ) -> None:
        check_number("workers", workers, 0, 256)
        self.data = data
        self.preprocessing = preprocessing
        self.augmentation = augmentation
        self.workers = workers
        self.crop = None if isinstance(crop, Whole) else crop
        self.mix = None if isinstance(mix, Unmixed) else mix

    @property
    def changes(self) -> bool:
        """Whether a photo may look different in another pass."""
        return bool(self.augmentation or self.crop or self.mix)

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
        if self.mix is None:
            pixels = np.stack([self._photo(int(row), self._random(draw, n)) for n, row in enumerate(draw.rows)])
            targets = self.data.labels.dense(draw.rows)  # (batch, classes)
        else:
            examples = [self._mixed(self.mix, draw, n) for n in range(len(draw.rows))]
            pixels, targets = (np.stack(parts) for parts in zip(*examples, strict=True))
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2)  # (batch, 3, height, width), channels last in memory
        return Batch(images, torch.from_numpy(targets), torch.from_numpy(draw.rows))

    def _random(self, draw: Draw, place: int) -> np.random.Generator:
        """What the photo at this place of a batch is augmented by."""
        return generator(*draw.key, int(draw.rows[place]), draw.first + place)

    def _photo(self, row: int, random: np.random.Generator) -> NDArray[np.uint8]:
        if not self.changes:  # evaluation, which decodes every pixel
            return self.preprocessing.resize(self.data.images.load(row))
        height, width = self.preprocessing.image_size
        # Half of a photo is sharp, too, where it is decoded at a reduced scale.
        spare = 2 if self.crop and self.crop.enlarges else 1
        photo = self.data.images.load(row, (spare * height, spare * width))
        if self.crop:
            aspect = self.data.images.aspect(row) or photo.shape[1] / photo.shape[0]
            pixels = self.crop(photo, aspect, self.preprocessing.resize, random)
        else:
            pixels = self.preprocessing.resize(photo)
        return self.augmentation(pixels, random) if self.augmentation else pixels

    def _mixed(self, mix: Mix, draw: Draw, place: int) -> Example:
        """One photo of the batch, mixed with another one of its pass, whichever process has that."""
        random = self._random(draw, place)

        def example(row: int) -> Example:
            targets = self.data.labels.dense(np.array([row]))[0].astype(np.float32)  # (classes,)
            return Example(self._photo(row, random), targets)

        others = draw.rows if draw.others is None else draw.others
        return mix(example(int(draw.rows[place])), lambda: example(int(random.choice(others))), random)


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
