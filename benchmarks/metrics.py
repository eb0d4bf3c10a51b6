"""Speed of mean average precision, beside a plain loop and scikit-learn: ``python benchmarks/metrics.py``.

Every round runs each contender once, so that a noisy neighbour slows all of them; ratios are of medians over rounds.
"""

import argparse
import datetime
import os
import platform
import time
from collections.abc import Callable
from statistics import median

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from polytag.labels import Labels, LabelsBuilder
from polytag.metrics.ap import mean_average_precision

Contenders = dict[str, Callable[[], float]]


def loop(scores: NDArray[np.float32], targets: NDArray[np.int8]) -> float:
    """The usual validation loop: one argsort a class, then cumulative counts. Leaves ties to the sort."""
    values = []
    for c in range(scores.shape[1]):
        hit = targets[np.argsort(scores[:, c])[::-1], c] == 1
        precision = np.cumsum(hit) / np.cumsum(np.ones(len(hit)))
        values.append(np.sum(precision * hit) / (np.sum(hit) + 1e-8))
    return float(np.mean(values))


def sklearn(scores: NDArray[np.float32], targets: NDArray[np.int8]) -> float:
    """scikit-learn's macro average."""
    return float(average_precision_score(targets, scores, average="macro"))


def data(items: int, classes: int, labels_an_item: float) -> tuple[NDArray[np.float32], NDArray[np.int8], Labels]:
    """Random logits, higher where a label is present; classes differ in size; each has a positive and a negative."""
    rng = np.random.default_rng(0)
    share = np.minimum(rng.dirichlet(np.ones(classes)) * labels_an_item, 0.9)
    targets = (rng.random((items, classes), dtype=np.float32) < share).astype(np.int8)
    targets[0], targets[1] = np.arange(classes) % 2, 1 - np.arange(classes) % 2
    scores = rng.standard_normal((items, classes), dtype=np.float32) + 2 * targets
    builder = LabelsBuilder()
    for row in targets:
        builder.add(np.flatnonzero(row).tolist())
    return scores, targets, builder.build([str(c) for c in range(classes)])


def rounds(contenders: Contenders, count: int) -> dict[str, float]:
    """Median seconds of each contender."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(count):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def report(size: str, count: int, labels_an_item: float) -> None:
    """Print one size."""
    items, classes = map(int, size.split("x"))
    scores, targets, labels = data(items, classes, labels_an_item)
    contenders: Contenders = {
        "loop": lambda: loop(scores, targets),
        "scikit-learn": lambda: sklearn(scores, targets),
        "dense": lambda: mean_average_precision(scores, targets),
        "sparse": lambda: mean_average_precision(scores, labels),
    }
    expected = contenders["scikit-learn"]()
    off = max(abs(contenders[name]() - expected) for name in ("dense", "sparse"))
    took = rounds(contenders, count)
    print(f"{size}, {targets.sum() / items:.1f} labels an item, mAP {expected:.6f}, off by {off:.0e} at most")
    for name in ("dense", "sparse"):
        ratios = [f"{took[base] / took[name]:5.1f}x {base}" for base in ("loop", "scikit-learn")]
        print(f"  {name:6} labels {took[name] * 1e3:8.1f} ms, {', '.join(ratios)}")


def main() -> None:
    """Read the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", nargs="+", default=["5000x80", "40000x80"], help="items x classes: 41000x601")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--labels-an-item", type=float, default=2.9)
    arguments = parser.parse_args()
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, numpy {np.__version__}")
    for size in arguments.size:
        report(size, arguments.rounds, arguments.labels_an_item)


if __name__ == "__main__":
    main()
