"""Speed of reading a JPEG at a model's size, beside plain Pillow, on one core: ``python benchmarks/decode.py``.

The photos are noise with about the spectrum of photos, made here. Every round reads all of them with each contender
once, so that a noisy neighbour slows every one; ratios are of medians over rounds.
"""

import argparse
import datetime
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image

from polytag.data.pixels import open_image
from polytag.data.preprocessing import Preprocessing

SIZES = ((500, 375), (1024, 768), (2000, 1500))
TARGET = Preprocessing((224, 224), interpolation="bilinear")


def plain(path: Path) -> NDArray[np.uint8]:
    """Pillow: everything decoded, then resized."""
    with Image.open(path) as image:
        small = image.convert("RGB").resize(TARGET.image_size[::-1], Image.Resampling.BILINEAR)
    return np.array(small)


def evaluation(path: Path) -> NDArray[np.uint8]:
    """Ours, as evaluation reads a photo."""
    return TARGET.resize(open_image(path))


def training(path: Path) -> NDArray[np.uint8]:
    """Ours, as training may read it: a JPEG at a reduced scale."""
    return TARGET.resize(open_image(path, at_least=TARGET.image_size))


CONTENDERS: dict[str, Callable[[Path], NDArray[np.uint8]]] = {
    "plain": plain,
    "evaluation": evaluation,
    "training": training,
}


def photo(seed: int, width: int, height: int) -> Image.Image:
    """Noise whose amplitude falls with its frequency, as in photos, and a little grain."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (3, 6, 12, 25, 50, 100, 200):
        noise = rng.normal(0, 70 / cells**0.5, (cells, cells, 3)).astype(np.float32)
        layers = (Image.fromarray(noise[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(3))
        total += np.stack([np.asarray(layer) for layer in layers], axis=-1)
    total += rng.normal(0, 3, total.shape).astype(np.float32)
    return Image.fromarray((total + 128).clip(0, 255).astype(np.uint8))


def report(folder: Path, width: int, height: int, rounds: int) -> None:
    """Print one size of photo."""
    paths = [folder / f"{width}-{number}.jpg" for number in range(4)]
    for number, path in enumerate(paths):
        photo(number, width, height).save(path, quality=90)
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(rounds):
        for name, read in CONTENDERS.items():
            start = time.perf_counter()
            for path in paths:
                read(path)
            seconds[name].append((time.perf_counter() - start) / len(paths))
    took = {name: median(values) for name, values in seconds.items()}
    error = np.mean([np.square(training(path).astype(float) - plain(path)).mean() for path in paths])
    likeness = f"{10 * np.log10(255**2 / error):.0f} dB from" if error else "equal to"
    size = sum(path.stat().st_size for path in paths) / len(paths) / 1000
    print(f"{width}x{height}, {size:.0f} kB: plain {1 / took['plain']:.0f} photos/s, training {likeness} plain")
    for name in ("evaluation", "training"):
        print(f"  {name:10} {took['plain'] / took[name]:5.2f}x plain")


def main() -> None:
    """Read the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    print(
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, Pillow {PIL.__version__}; to 224 x 224, one thread"
    )
    with tempfile.TemporaryDirectory() as folder:
        for width, height in SIZES:
            report(Path(folder), width, height, arguments.rounds)


if __name__ == "__main__":
    main()
