"""Peak memory and speed of a large set of labels and paths: ``python benchmarks/labels_memory.py [--items 10000000]``.

Items are made up one at a time, as a reader would find them, and go into a ``LabelsBuilder`` and ``Paths``; then come a
batch, the counts, and a selection of a tenth. Exits with 1 where the peak is 2 GB or more.
"""

import argparse
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from polytag.data.paths import Paths
from polytag.labels import LabelsBuilder

CLASSES, LABELS_PER_ITEM, BATCH, LIMIT = 10_000, 5, 256, 2e9


def peak() -> int:
    """The largest resident set of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long the block took, and the peak after it."""
    start = time.perf_counter()
    yield
    print(f"{what:<36} {time.perf_counter() - start:9.3f} s   peak {peak() / 1e9:.2f} GB", flush=True)


def found(builder: LabelsBuilder, items: int) -> Iterator[str]:
    """The name of each item; its labels go to ``builder`` on the way. A long tail: class ``c`` falls as ``1 / c``."""
    random = np.random.default_rng(0)
    for first in range(0, items, 10_000):
        tail = CLASSES ** random.random((min(10_000, items - first), LABELS_PER_ITEM)) - 1
        for number, columns in enumerate(tail.astype(int).tolist(), start=first):
            builder.add(columns)
            yield f"folder/{number // 1000:04d}/{number:09d}.jpg"


def main() -> int:
    """Run it; 0 if the peak stays under the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000_000)
    items = parser.parse_args().items
    builder = LabelsBuilder()
    print(f"{items:,} items, {CLASSES:,} classes, {LABELS_PER_ITEM} labels an item; at the start {peak() / 1e9:.2f} GB")
    with timed("reading names and labels"):
        paths = Paths(found(builder, items))
    with timed("building"):
        labels = builder.build([f"class {number}" for number in range(CLASSES)])
    rows = np.random.default_rng(1).integers(items, size=(20, BATCH))
    with timed(f"20 batches of {BATCH}, made dense"):
        for batch in rows:
            labels.dense(batch)
    with timed("counts"):
        labels.counts()
    with timed("a tenth of both, selected"):
        tenth = np.arange(0, items, 10)
        labels.select(tenth), paths.select(tenth)
    print(f"{paths[items - 1]}: {', '.join(labels.names(items - 1))}")
    return int(peak() >= LIMIT)


if __name__ == "__main__":
    sys.exit(main())
