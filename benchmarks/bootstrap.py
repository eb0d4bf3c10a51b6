"""Speed of resampling mAP over photos, beside computing it anew on the rows of each resample.

``python benchmarks/bootstrap.py``. The base is timed on a few resamples and scaled; both run in turns, and the ratio is
of medians over rounds.
"""

import argparse
import datetime
import os
import platform
import time
from statistics import median

import numpy as np
from numpy.typing import NDArray

from polytag.metrics.ap import mean_average_precision
from polytag.metrics.bootstrap import photo_counts, resampled


def anew(scores: NDArray[np.float32], targets: NDArray[np.int8], draws: int) -> NDArray[np.float64]:
    """The same by definition: the rows of each resample, and their mAP."""
    values = []
    for draw in range(draws):
        rows = np.repeat(np.arange(len(scores)), photo_counts(len(scores), 0, draw))
        values.append(mean_average_precision(scores[rows], targets[rows]))
    return np.array(values)


def data(items: int, classes: int, labels_an_item: float) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Random logits, higher where a label is present; classes differ in size."""
    rng = np.random.default_rng(0)
    share = np.minimum(rng.dirichlet(np.ones(classes)) * labels_an_item, 0.9)
    targets = (rng.random((items, classes), dtype=np.float32) < share).astype(np.int8)
    return rng.standard_normal((items, classes), dtype=np.float32) + 2 * targets, targets


def report(size: str, draws: int, base_draws: int, rounds: int) -> None:
    """Print one size."""
    items, classes = map(int, size.split("x"))
    scores, targets = data(items, classes, 2.9)
    took: dict[str, list[float]] = {"resampled": [], "anew": []}
    for _ in range(rounds):
        start = time.perf_counter()
        values = resampled(scores, targets, draws)["mAP"]
        middle = time.perf_counter()
        expected = anew(scores, targets, base_draws)
        end = time.perf_counter()
        took["resampled"].append(middle - start)
        took["anew"].append((end - middle) * draws / base_draws)
    off = np.abs(values[:base_draws] - expected).max()
    ours, base = (median(seconds) for seconds in took.values())
    print(f"{size}, {draws} resamples of mAP, CF1 and OF1 in {ours:.2f} s; mAP is off by {off:.0e} at most")
    print(f"  anew, mAP alone: {base:.2f} s, scaled from {base_draws} resamples: {base / ours:.1f}x")


def main() -> None:
    """Read the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", nargs="+", default=["5000x80"], help="items x classes: 41000x601")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--base-draws", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}")
    for size in arguments.size:
        report(size, arguments.draws, arguments.base_draws, arguments.rounds)


if __name__ == "__main__":
    main()
