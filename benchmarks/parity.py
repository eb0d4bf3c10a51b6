"""Ours against numbers that the papers' public code gave: ``python benchmarks/parity.py GOLDEN``.

GOLDEN is a folder of such numbers (npz files); nothing of it is part of this project. Prints the largest difference of
each check.
"""

import argparse
import datetime
from pathlib import Path
from typing import Any

import numpy as np

from polytag.labels.cooccurrence import label_graph

TOLERANCE = 1e-6  # public code adds 1e-6 to the sums of columns


def label_graphs(golden: Any) -> float:
    """ML-GCN's matrices from published counts, both thresholds, all cases."""
    worst = 0.0
    for key in golden.files:
        case, _, rest = key.partition(".")
        if not (rest.startswith("tau") and rest.endswith(".adj_f64")):
            continue
        shares = golden[f"{case}.counts"] / golden[f"{case}.nums"][:, None]
        found = label_graph(shares, int(rest[3:5]) / 100)
        worst = max(worst, float(np.abs(found - golden[key]).max()))
    return worst


CHECKS = {"mlgcn.npz": ("label graphs of ML-GCN", label_graphs)}


def main() -> int:
    """Run every check whose numbers are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golden", type=Path, metavar="GOLDEN")
    folder = parser.parse_args().golden
    print(datetime.date.today())
    failed = 0
    for name, (what, check) in CHECKS.items():
        worst = check(np.load(folder / name, allow_pickle=False))
        failed += worst > TOLERANCE
        print(f"  {what}: largest difference {worst:.1e}, {'equal' if worst <= TOLERANCE else 'NOT equal'}")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
