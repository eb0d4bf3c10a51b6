"""Time and memory of cutting many labels into groups: ``python benchmarks/partition.py [--classes 10000]``.

Photos whose labels have a long tail and come in worlds, made here, until about ``--pairs`` pairs have met. From these
labels come a suggestion of k and both kinds of groups, as ``--method cpsd`` makes them; the base is the whole matrix
with scikit-learn's ``SpectralClustering``, on fewer labels, for it takes the square of the memory. Exits with 1 if
10,000 labels take 60 s or 4 GB.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score

from polytag.labels import Labels
from polytag.labels.affinity import Affinity, Kind
from polytag.labels.cooccurrence import shares
from polytag.labels.matrix import LabelsBuilder
from polytag.labels.partition import partition_labels, suggest_k

K, BASE = 5, 1500
PER_PHOTO, INSIDE = 8, 0.9  # labels, and the share of them that are of the photo's world
SECONDS, GIGABYTES = 60, 4
KINDS: tuple[Kind, ...] = ("together", "apart")
Done = TypeVar("Done")


def made(classes: int, pairs: int) -> Labels:
    """Labels of as many photos as have about so many pairs of labels; ``K`` worlds."""
    random = np.random.default_rng(0)
    world = random.integers(0, K, classes)
    members = [np.flatnonzero(world == number) for number in range(K)]
    photos = int(1.6 * pairs / (PER_PHOTO * (PER_PHOTO - 1) / 2))  # some pairs meet again
    drawn = (classes * random.random((photos, PER_PHOTO)) ** 1.5).astype(np.int64)
    of_photo = random.integers(0, K, photos)
    inside = random.random((photos, PER_PHOTO)) < INSIDE
    for number, group in enumerate(members):
        here = inside & (of_photo == number)[:, None]
        drawn[here] = group[(len(group) * random.random(int(here.sum())) ** 1.5).astype(np.int64)]
    builder = LabelsBuilder()
    for row in drawn.tolist():
        builder.add(sorted(set(row)))
    return builder.build([str(number) for number in range(classes)])


def timed(work: Callable[[], Done]) -> tuple[Done, float]:
    """What comes out, and the seconds that it took."""
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def main() -> int:
    """Run it; 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=5_000_000)
    args = parser.parse_args()
    small = made(BASE, BASE * 60)
    ours, seconds = timed(lambda: partition_labels(small, K, "together"))
    whole = Affinity(shares(small), "together").dense()
    base = SpectralClustering(K, affinity="precomputed", n_init=20, random_state=0)
    theirs, their_seconds = timed(lambda: base.fit_predict(whole))
    print(
        f"{BASE} labels: ours {seconds:.1f} s with 4 tries, scikit-learn {their_seconds:.1f} s "
        f"with one; adjusted Rand index of the two {adjusted_rand_score(ours.numbers, theirs):.3f}"
    )
    labels = made(args.classes, args.pairs)
    cpu = time.process_time()
    common, total = timed(lambda: shares(labels))
    met = (common.nnz - int((common.diagonal() > 0).sum())) // 2
    print(f"{args.classes} labels of {len(labels):,} photos, {met:,} pairs\n  shares    {total:6.1f} s")
    k, seconds = timed(lambda: suggest_k(labels))
    total += seconds
    print(f"  a k       {seconds:6.1f} s: {k}")
    for kind in KINDS:
        found, seconds = timed(lambda kind=kind: partition_labels(labels, k, kind))  # type: ignore[misc]
        total += seconds
        sizes = sorted(map(len, found.groups), reverse=True)
        print(f"  {kind:<9} {seconds:6.1f} s, normalised cut {found.cut:.3f}, sizes {sizes}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"  all       {total:6.1f} s, {time.process_time() - cpu:.1f} s of CPU, peak {peak:.2f} GB")
    return int(total >= SECONDS or peak >= GIGABYTES)


if __name__ == "__main__":
    sys.exit(main())
