"""Time and memory of cutting many labels into groups: ``python benchmarks/partition.py [--classes 10000]``.

Labels with a long tail, of which about ``--pairs`` pairs meet, made here. Both kinds of groups are made from the sparse
matrix of shares; the base is the whole matrix with scikit-learn's ``SpectralClustering``, on fewer labels, for it takes
the square of the memory. Exits with 1 where 10,000 labels take 60 s or 4 GB.
"""

import argparse
import resource
import sys
import time

import numpy as np
from scipy.sparse import coo_array, csr_array
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score

from polytag.labels.affinity import Affinity, Kind
from polytag.labels.partition import cluster

K, BASE = 5, 1500
SECONDS, GIGABYTES = 60, 4
KINDS: tuple[Kind, ...] = ("together", "apart")


def made(classes: int, pairs: int) -> csr_array:
    """Shares of ``classes`` labels in ``K`` worlds, most pairs within one."""
    random = np.random.default_rng(0)
    world = random.integers(0, K, classes)
    members = [np.flatnonzero(world == number) for number in range(K)]
    first = (classes * random.random(3 * pairs) ** 2).astype(np.int64)
    inside = random.random(3 * pairs) < 0.9
    other = random.integers(0, classes, 3 * pairs)
    for number, group in enumerate(members):
        here = np.flatnonzero(inside & (world[first] == number))
        other[here] = random.choice(group, len(here))
    keys = np.unique(np.minimum(first, other) * classes + np.maximum(first, other))
    keys = random.permutation(keys[keys // classes != keys % classes])[:pairs]
    rows, columns = keys // classes, keys % classes
    there, back = random.random((2, len(keys))) * 0.5
    return coo_array(
        (np.concatenate([there, back]), (np.concatenate([rows, columns]), np.concatenate([columns, rows]))),
        (classes, classes),
    ).tocsr()


def main() -> int:
    """Run it; 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=5_000_000)
    args = parser.parse_args()
    small = made(BASE, BASE * 60)
    names = [str(number) for number in range(BASE)]
    start = time.perf_counter()
    ours = cluster(Affinity(small, "together"), names, K)
    middle = time.perf_counter()
    base = SpectralClustering(K, affinity="precomputed", n_init=20, random_state=0)
    theirs = base.fit_predict(Affinity(small, "together").dense())
    print(
        f"{BASE} labels: ours {middle - start:.1f} s with 4 tries, scikit-learn {time.perf_counter() - middle:.1f} s "
        f"with one; adjusted Rand index of the two {adjusted_rand_score(ours.numbers, theirs):.3f}"
    )
    common = made(args.classes, args.pairs)
    print(f"{args.classes} labels, {common.nnz // 2:,} pairs")
    total = 0.0
    for kind in KINDS:
        start = time.perf_counter()
        found = cluster(Affinity(common, kind), [str(number) for number in range(args.classes)], K)
        total += time.perf_counter() - start
        sizes = sorted(map(len, found.groups), reverse=True)
        print(f"  {kind:<9} {time.perf_counter() - start:6.1f} s, normalised cut {found.cut:.3f}, sizes {sizes}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"  both      {total:6.1f} s, peak {peak:.2f} GB")
    return int(total >= SECONDS or peak >= GIGABYTES)


if __name__ == "__main__":
    sys.exit(main())
