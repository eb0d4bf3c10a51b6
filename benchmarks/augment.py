"""RandAugment beside torchvision's: ``OMP_NUM_THREADS=1 python benchmarks/augment.py``.

Photos of 224 x 224, one core, from an array to an array: polytag's operations, and those of torchvision v2 on a Pillow
photo. Both draw two of their operations; polytag's applies each half the time, as public multi-label code does, so it
is also timed applying both always.
"""

import datetime
import platform
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import v2

from polytag._random import generator
from polytag.data.augment.randaugment import RandAugment

SIDE, PHOTOS, ROUNDS = 224, 200, 9
TARGET = 1.0  # times torchvision, with the same number of operations applied


def photos() -> list[NDArray[np.uint8]]:
    """Smooth colours with some noise on them."""
    random = generator(0)
    small = random.integers(0, 256, (PHOTOS, 8, 8, 3), dtype=np.uint8)
    large = [np.asarray(Image.fromarray(photo).resize((SIDE, SIDE))) for photo in small]
    return [np.clip(photo + random.integers(-9, 10, photo.shape), 0, 255).astype(np.uint8) for photo in large]


def main() -> None:
    """Time all in turns and print photos a second."""
    torch.set_num_threads(1)
    images = photos()
    theirs = v2.RandAugment()
    half, always = RandAugment(), RandAugment(probability=1.0)
    contenders: dict[str, Callable[[int, NDArray[np.uint8]], object]] = {
        "torchvision v2 on Pillow": lambda n, image: np.array(theirs(Image.fromarray(image))),
        "polytag, both applied": lambda n, image: always(image, generator(0, n)),
        "polytag, each half the time": lambda n, image: half(image, generator(0, n)),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(ROUNDS):
        for name, augment in contenders.items():
            start = time.perf_counter()
            for n, image in enumerate(images):
                augment(number * PHOTOS + n, image)
            seconds[name].append(time.perf_counter() - start)
    print(
        f"{datetime.date.today()}, {platform.machine()}, one thread, torchvision {torchvision.__version__}, {SIDE} px"
    )
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    base = medians["torchvision v2 on Pillow"]
    for name, value in medians.items():
        print(f"  {name:28} {PHOTOS / value:6.0f} img/s  {base / value:.2f}x")
    reached = base / medians["polytag, both applied"] >= TARGET
    print(f"  target of {TARGET:g}x with both applied: {'reached' if reached else 'missed'}")


if __name__ == "__main__":
    main()
