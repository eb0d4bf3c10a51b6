"""What thresholds of half of the test photos are worth on the other half: ``python benchmarks/thresholds.py RUN ...``.

Each run's kept answers are split in halves twenty times; thresholds are chosen on one half as `polytag tune` does by
default and judged on the other, against 0.5. Prints the mean change of CF1 and OF1 and its 5% quantile, in points.
"""

import argparse
import datetime
import platform
from pathlib import Path

import numpy as np
from scipy.special import expit, logit

from polytag._random import generator
from polytag.labels.thresholds import best_thresholds
from polytag.metrics import METRICS
from polytag.scores import load_scores

SPLITS, WORST = 20, -0.5  # points that the 5% quantile may lose


def main() -> None:
    """Read the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--shrink", type=float, default=10.0)
    args = parser.parse_args()
    print(f"{datetime.date.today()}, {platform.machine()}, {SPLITS} splits, shrink {args.shrink:g}")
    changes: dict[str, list[float]] = {"CF1": [], "OF1": []}
    for run in args.runs:
        logits, targets, _ = load_scores(run)
        own: dict[str, list[float]] = {"CF1": [], "OF1": []}
        for split in range(SPLITS):
            order = generator(split).permutation(len(logits))
            chosen_on, judged_on = np.array_split(order, 2)
            limits = logit(
                best_thresholds(expit(logits[chosen_on].astype(np.float64)), targets[chosen_on], shrink=args.shrink)
            )
            for name, values in own.items():
                before, after = (METRICS[name](logits[judged_on], targets[judged_on], cut) for cut in (0.0, limits))
                values.append(100 * (after - before))
        print(f"  {run.name}: " + ", ".join(f"{name} {np.mean(values):+.2f}" for name, values in own.items()))
        for name, values in own.items():
            changes[name] += values
    for name, values in changes.items():
        mean, low = np.mean(values), np.quantile(values, 0.05)
        verdict = "fine" if mean >= 0 and low >= WORST else "NOT fine"
        print(f"{name}: mean change {mean:+.2f}, 5% quantile {low:+.2f}: {verdict}")


if __name__ == "__main__":
    main()
