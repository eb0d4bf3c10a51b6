"""Time and memory of reading a large table of labels: ``python benchmarks/reading.py [--rows 2000000]``.

Two tables with the same labels, 5 a photo out of 600: one row a photo, and one row a label with confidences, a third of
them 0, as in Open Images. The photos are there as empty files, since a reader looks for each. Beside it a plain loop:
``csv.DictReader`` into a dict of lists and ``os.path.isfile`` for each photo. Each reading is a process of its own, so
that its peak memory is its own; ratios are of that process' time and of what it adds to the memory of its imports.
"""

import argparse
import csv
import multiprocessing
import multiprocessing.connection
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from polytag.data.readers import Long, Table

CLASSES, LABELS = 600, 5
PER_FOLDER = 1000


def make(folder: Path, rows: int) -> int:
    """Write the two tables and the photos; how many photos."""
    random = np.random.default_rng(0)
    photos = rows // LABELS
    for first in range(0, photos, PER_FOLDER):
        (folder / f"{first // PER_FOLDER:05d}").mkdir()
        for number in range(first, min(first + PER_FOLDER, photos)):
            os.close(os.open(folder / name_of(number), os.O_CREAT))
    with (folder / "table.csv").open("w") as table, (folder / "long.csv").open("w") as long:
        table.write("filename,labels\n")
        long.write("ImageID,Source,LabelName,Confidence\n")
        for number in range(photos):
            labels = random.choice(CLASSES, LABELS, replace=False).tolist()
            table.write(f"{name_of(number)},{';'.join(f'label {label}' for label in labels)}\n")
            long.writelines(f"{name_of(number)},verification,label {n},{int(n % 3 > 0)}\n" for n in labels)
    return photos


def name_of(number: int) -> str:
    """The name of a photo."""
    return f"{number // PER_FOLDER:05d}/{number:08d}.jpg"


def plain(file: Path) -> int:
    """What one writes without a library."""
    found: dict[str, list[str]] = {}
    with file.open(newline="") as opened:
        for row in csv.DictReader(opened):
            if "labels" in row:
                found[row["filename"]] = row["labels"].split(";")
            else:
                found.setdefault(row["ImageID"], []).append(f"{row['LabelName']}={row['Confidence']}")
    return sum(os.path.isfile(file.parent / name) for name in found)


def ours(file: Path) -> int:
    """As ``open_data`` reads it."""
    return len((Long() if file.stem == "long" else Table()).read(file))


def measured(read: Callable[[Path], int], file: Path) -> tuple[float, float, int]:
    """Seconds, added peak memory in MB, and photos."""

    def run(pipe: "multiprocessing.connection.Connection") -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        photos = read(file)
        seconds = time.perf_counter() - start
        pipe.send((seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, photos))

    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=run, args=(there,))
    process.start()
    result: tuple[float, float, int] = here.recv()
    process.join()
    return result


def main() -> int:
    """Run it; 1 where a reading misses photos."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the long table")
    rows = parser.parse_args().rows
    folder = Path(tempfile.mkdtemp(prefix="polytag-reading-"))
    missed = 0
    try:
        photos = make(folder, rows)
        print(f"{photos:,} photos, {CLASSES} labels, {LABELS} a photo; the long table has {photos * LABELS:,} rows")
        for name in ("table", "long"):
            (base, base_memory, _), (seconds, memory, found) = (
                measured(r, folder / f"{name}.csv") for r in (plain, ours)
            )
            missed += found != photos
            print(
                f"{name:<6} plain loop {base:6.1f} s {base_memory:6.0f} MB   ours {seconds:6.1f} s {memory:6.0f} MB   "
                f"{base / seconds:.2f}x as fast, {base_memory / max(memory, 1):.1f}x less memory"
            )
    finally:
        shutil.rmtree(folder)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
