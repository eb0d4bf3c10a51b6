"""What is found twice in a data set, and how long it takes: ``python benchmarks/duplicates.py DATA``.

First the photos of DATA, stage by stage. Then the first ``--subset`` of them beside a search that leaves nothing out:
all pairs, all shifts. Then made-up fingerprints, up to ``--size`` photos, whose points have codes of the photos of DATA
with every tenth bit turned over, mixed at random; every hundredth photo has a copy with every twentieth bit turned.
"""

import argparse
import datetime
import os
import platform
import time
from pathlib import Path

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from polytag.data.duplicates import AGREEMENT, LEAST_OVERLAP, Duplicates, Fingerprints, find_duplicates, fingerprints
from polytag.data.labelled_set import LabelledSet
from polytag.data.open import open_data
from polytag.data.overlaps import lay_over

HOPEFUL = 0.4  # correlation from which the exhaustive search takes a closer look


def select(prints: Fingerprints, rows: NDArray[np.int64]) -> Fingerprints:
    """The fingerprints of some photos, none of them bad."""
    return Fingerprints(
        prints.digests[rows],
        prints.copies[rows],
        prints.codes[rows],
        prints.places[rows],
        prints.points[rows],
        prints.whole[rows],
        prints.sizes[rows],
        [],
    )


def exhaustive(copies: NDArray[np.uint8]) -> set[tuple[int, int]]:
    """Pairs that agree, by the normalised correlation of all pairs at all shifts."""
    photos, side, _ = copies.shape
    grey = copies.astype(np.float32)
    padded = (2 * side, 2 * side)
    fine = scipy.fft.rfft2(grey - gaussian_filter(grey, (0, 3, 3)), padded)  # (photos, 2 side, side + 1)
    power = scipy.fft.rfft2((grey - gaussian_filter(grey, (0, 3, 3))) ** 2, padded)
    ones = scipy.fft.rfft2(np.ones((side, side), np.float32), padded)
    shifts = np.fft.fftfreq(2 * side, 1 / (2 * side)).astype(np.int64)
    width = np.maximum(side - np.abs(shifts), 0)
    allowed = np.outer(width, width) >= LEAST_OVERLAP * side * side
    found = set()
    for row in range(photos - 1):
        others = np.arange(row + 1, photos)
        product = scipy.fft.irfft2(fine[row].conj() * fine[others], padded)
        energy = scipy.fft.irfft2(power[row].conj() * ones, padded) * scipy.fft.irfft2(
            ones.conj() * power[others], padded
        )
        match = np.where(allowed, product / np.sqrt(np.maximum(energy, side**2)), -1).reshape(len(others), -1)
        best = match.argmax(axis=1)
        close = match[np.arange(len(others)), best] >= HOPEFUL
        start = np.stack([shifts[best // (2 * side)], shifts[best % (2 * side)]], axis=1)[close].astype(np.float32)
        first = np.full(int(close.sum()), row)
        layout = lay_over(copies, first, others[close], start, np.zeros(len(first), np.bool_))
        kept = (layout.agreement >= AGREEMENT) & (layout.overlap >= LEAST_OVERLAP)
        found |= {(row, other) for other in others[close][kept].tolist()}
    return found


def made_up(prints: Fingerprints, size: int, rng: np.random.Generator) -> Fingerprints:
    """``size`` photos that only have the statistics of real ones, and a hundredth as many copies of some of them."""
    real = np.flatnonzero(prints.points > 0)
    codes = prints.codes[real][np.arange(prints.codes.shape[1]) < prints.points[real, None]]
    copies = prints.copies[rng.choice(real, size)]
    for start in range(0, size, 1000):
        down, right = rng.integers(0, copies.shape[1], 2)
        copies[start : start + 1000] = np.roll(copies[start : start + 1000], (down, right), (1, 2))
    result = Fingerprints(
        rng.integers(0, 256, (size, prints.digests.shape[1])).astype(np.uint8),
        copies,
        turned(rng.choice(codes, (size, prints.codes.shape[1])), 0.1, rng),
        rng.integers(8, 184, (size, *prints.places.shape[1:])).astype(np.uint8),
        np.full(size, prints.codes.shape[1], np.uint8),
        turned(prints.whole[rng.choice(real, size)], 0.1, rng),
        prints.sizes[rng.choice(real, size)],
        [],
    )
    for name in ("copies", "places", "codes"):
        values = getattr(result, name)
        values[1::100] = values[0::100]
    result.codes[1::100] = turned(result.codes[1::100], 0.05, rng)
    return result


def turned(codes: NDArray[np.uint64], share: float, rng: np.random.Generator) -> NDArray[np.uint64]:
    """Codes with a share of their bits turned over."""
    for bit in range(64):
        codes = codes ^ ((rng.random(codes.shape, np.float32) < share).astype(np.uint64) << np.uint64(bit))
    return codes


def timed_prints(data: LabelledSet, workers: int) -> Fingerprints:
    """Fingerprints, with the time of plain decoding beside."""
    start = time.perf_counter()
    for row in range(len(data)):
        data.images.load(row)
    plain = time.perf_counter() - start
    start = time.perf_counter()
    prints = fingerprints(data.images, workers)
    took = time.perf_counter() - start
    print(
        f"decoding alone, 1 thread {1000 * plain / len(data):.2f} ms a photo; fingerprints, {workers} threads "
        f"{1000 * took / len(data):.2f} ms, {took / plain:.2f}x; {len(prints.bad)} bad"
    )
    return prints


def report(data: LabelledSet, found: Duplicates, shown: int) -> None:
    """Print counts, pairs across splits, and the least certain pairs."""
    pairs = [*found.near, *found.overlapping]
    print(f"  {len(found.same)} groups of equal photos, {len(found.near)} near, {len(found.overlapping)} overlapping")
    if data.split is not None:
        across = sum(bool(data.split[pair.first] != data.split[pair.second]) for pair in pairs)
        across_same = sum(len(set(data.split[list(group)].tolist())) > 1 for group in found.same)
        print(f"  across splits: {across_same} groups, {across} pairs")
    for pair in sorted(pairs, key=lambda pair: pair.agreement)[:shown]:
        names = f"{data.images.name(pair.first)} {data.images.name(pair.second)}"
        print(f"    {names} agreement {pair.agreement:.3f}, overlap {pair.overlap:.2f}{', mirrored' * pair.mirrored}")


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--subset", type=int, default=300)
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--shown", type=int, default=10)
    arguments = parser.parse_args()
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}")
    data = open_data(arguments.data)
    print(f"{arguments.data}: {len(data)} photos")
    prints = timed_prints(data, arguments.workers)
    start = time.perf_counter()
    found = find_duplicates(prints)
    print(f"search {1000 * (time.perf_counter() - start) / len(data):.2f} ms a photo")
    report(data, found, arguments.shown)

    bad = {row for row, _ in prints.bad}
    few = select(prints, np.array([row for row in range(len(data)) if row not in bad][: arguments.subset]))
    start = time.perf_counter()
    every = exhaustive(few.copies)
    middle = time.perf_counter()
    pairs = find_duplicates(few)
    end = time.perf_counter()
    ours = {pair[:2] for pair in (*pairs.near, *pairs.overlapping) if not pair.mirrored}
    print(
        f"first {len(few)} photos: all pairs at all shifts {middle - start:.1f} s, {len(every)} pairs; "
        f"ours {end - middle:.2f} s, {(middle - start) / (end - middle):.0f}x as fast, "
        f"{len(ours & every)} of these pairs and {len(ours - every)} others"
    )

    rng = np.random.default_rng(0)
    for size in (arguments.size // 8, arguments.size // 4, arguments.size // 2, arguments.size):
        many = made_up(prints, size, rng)
        start = time.perf_counter()
        result = find_duplicates(many)
        took = time.perf_counter() - start
        planted = sum(pair.first % 100 == 0 and pair.second == pair.first + 1 for pair in result.near)
        print(
            f"{size:,} made-up photos: {took:.1f} s, {1000 * took / size:.2f} ms a photo, "
            f"{planted} of {len(many.copies[1::100])} copies found, {len(result.near) - planted} other pairs"
        )


if __name__ == "__main__":
    main()
