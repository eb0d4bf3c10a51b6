"""What thresholds of half of the photos are worth on the other half: ``python benchmarks/thresholds.py RUN ...``.

The answers that each run or record has kept on validation and test photos, or on test photos alone where it has no
others, are split in halves twenty times; thresholds are chosen on one half as `polytag tune` does by default, or
`--always`, and judged on the other, against 0.5. Prints the mean change of CF1 and OF1 and its 5% quantile, in points.
"""

import argparse
import datetime
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from scipy.special import expit, logit

from polytag._random import generator
from polytag.metrics import METRICS
from polytag.metrics.adapted import adapted_thresholds
from polytag.scores import load_scores

SPLITS, WORST = 20, -0.5  # points that the 5% quantile of CF1, which thresholds are chosen by, may lose
VAL = "scores/val.safetensors"


def answers(run: Path) -> tuple[NDArray[np.float32], NDArray[np.int8], str]:
    """Logits and targets of a run's photos, and which photos these are."""
    logits, targets = load_scores(run)[:2]
    if not (run / VAL).exists():
        return logits, targets, "test alone"
    val = load_file(run / VAL)
    return np.concatenate([val["logits"], logits]), np.concatenate([val["targets"], targets]), "val and test"


def arguments(description: str | None) -> argparse.Namespace:
    """What was typed, after a line that says when and how."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--shrink", type=float, default=10.0)
    parser.add_argument("--always", action="store_true", help="take what was chosen even where it is not found to help")
    args = parser.parse_args()
    print(f"{datetime.date.today()}, {platform.machine()}, {SPLITS} splits, shrink {args.shrink:g}")
    return args


def main() -> None:
    """Read the command line and print."""
    args = arguments(__doc__)
    changes: dict[str, list[float]] = {"CF1": [], "OF1": []}
    for run in args.runs:
        logits, targets, photos = answers(run)
        own: dict[str, list[float]] = {"CF1": [], "OF1": []}
        taken = 0
        for split in range(SPLITS):
            order = generator(split).permutation(len(logits))
            chosen_on, judged_on = np.array_split(order, 2)
            probabilities = expit(logits[chosen_on].astype(np.float64))
            adapted = adapted_thresholds(probabilities, targets[chosen_on], args.shrink, always=args.always)
            limits, taken = logit(adapted.thresholds), taken + adapted.taken
            for name, values in own.items():
                before, after = (METRICS[name](logits[judged_on], targets[judged_on], cut) for cut in (0.0, limits))
                values.append(100 * (after - before))
        means = ", ".join(f"{name} {np.mean(values):+.2f}" for name, values in own.items())
        print(f"  {run.name}, {len(logits)} photos of {photos}: {means}; taken {taken} times")
        for name, values in own.items():
            changes[name] += values
    for name, values in changes.items():
        mean, low = np.mean(values), np.quantile(values, 0.05)
        verdict = "" if name == "OF1" else ": fine" if mean >= 0 and low >= WORST else ": NOT fine"
        print(f"{name}: mean change {mean:+.2f}, 5% quantile {low:+.2f}{verdict}")


if __name__ == "__main__":
    main()
