"""Are all photos there? ``find_photos`` beside asking for each file: ``python benchmarks/paths.py [--photos 1000000]``.

Makes a tree of empty files, a thousand a folder, looks at it both ways in turns, and removes it. What the system still
knows of the tree from making it serves both alike. A network disk takes its time for every question: ``--wait 5`` makes
each listing of a folder, and each question of the base for a file, take so many milliseconds more; then try few photos.
"""

import argparse
import datetime
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar
from unittest.mock import patch

from polytag.data.paths import Paths
from polytag.data.readers.photos import find_photos

FOLDER = 1000
T = TypeVar("T")


def peak() -> float:
    """The largest resident set of this process so far, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def slowed(function: Callable[..., T], wait: float) -> Callable[..., T]:
    """The same, after ``wait`` seconds."""

    def slow(*args: object) -> T:
        time.sleep(wait)
        return function(*args)

    return slow if wait else function


def make(root: Path, photos: int) -> Paths:
    """Empty files below ``root``, and their names."""
    for first in range(0, photos, FOLDER):
        folder = root / f"{first // FOLDER:05}"
        folder.mkdir()
        for number in range(first, min(first + FOLDER, photos)):
            os.close(os.open(folder / f"{number:09}.jpg", os.O_CREAT | os.O_WRONLY))
    return Paths(f"{number // FOLDER:05}/{number:09}.jpg" for number in range(photos))


def listed(names: Paths, root: Path) -> None:
    """Ours: a listing of each folder."""
    find_photos(names, root, "", lambda number: f"row {number}")


def asked(names: Paths, root: Path) -> None:
    """The base: a question for each photo."""
    if not all(os.path.isfile(os.path.join(root, name)) for name in names):
        raise SystemExit("a photo is missing")


def seconds(check: Callable[[Paths, Path], None], names: Paths, root: Path) -> tuple[float, float]:
    """How long one look takes, by the clock and in this process: on a busy machine the latter says more."""
    clock, cpu = time.perf_counter(), time.process_time()
    check(names, root)
    return time.perf_counter() - clock, time.process_time() - cpu


def main() -> None:
    """Make the tree, look at it and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=1_000_000)
    parser.add_argument("--wait", type=float, default=0, help="milliseconds that the disk takes to answer (default: 0)")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="polytag-paths-") as folder:
        root = Path(folder)
        names = make(root, args.photos)
        before = peak()
        took: dict[str, list[tuple[float, float]]] = {"find_photos": [], "isfile": []}
        with (
            patch.object(os, "scandir", slowed(os.scandir, args.wait / 1000)),
            patch.object(os.path, "isfile", slowed(os.path.isfile, args.wait / 1000)),
        ):
            for turn in range(args.rounds):
                took["find_photos"].append(seconds(listed, names, root))
                if turn == 0:
                    ours = peak()
                took["isfile"].append(seconds(asked, names, root))
    print(
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{args.photos:,} photos, {FOLDER:,} a folder, in {tempfile.gettempdir()}, "
        f"{args.wait:g} ms a question, median of {args.rounds}"
    )
    base = [median(values) for values in zip(*took["isfile"], strict=True)]
    for name, each in took.items():
        clock, cpu = (median(values) for values in zip(*each, strict=True))
        print(f"  {name:12} {clock:6.2f} s  {base[0] / clock:5.2f}x  {cpu:6.2f} s of CPU  {base[1] / cpu:5.2f}x")
    print(f"  peak memory  {before:.0f} MB with the names read, {ours:.0f} MB after find_photos")


if __name__ == "__main__":
    main()
