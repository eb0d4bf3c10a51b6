"""What ``--method collaborative`` has learned to add to logits: ``python benchmarks/compensation.py RUN -o FILE.svg``.

Figure 4 of the LTML paper: means and deviations for present and for absent labels, from frequent labels to rare ones.
Prints how they go along with the number of photos (Spearman's rank correlation), for each branch that has its own.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from polytag._files import write_text
from polytag.errors import PolytagError
from polytag.report.compensation import compensation_drawing
from polytag.run import STATE, Run
from polytag.train.state import load_tree


def main() -> int:
    """Print and draw; 1 where the run has no compensation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=Path("compensation.svg"))
    args = parser.parse_args()
    try:
        run = Run.open(args.run)
        kept = load_tree(args.run / STATE)["train"]["method"]
    except PolytagError as error:
        print(error)
        return 1
    counts = run.config["data"]["train_positives"]
    branches = sorted({key.split(".")[1] for key in kept if key.startswith("compensations.")})
    if not branches:
        print(f"{args.run} has learned no compensation; train it with --method collaborative")
        return 1
    for branch in branches:
        means, deviations = (
            kept[f"compensations.{branch}.{name}"].double().numpy().reshape(2, -1) for name in ("means", "deviations")
        )
        for row, state in enumerate(("present", "absent")):
            along = [float(spearmanr(values, counts).statistic) for values in (np.abs(means[row]), deviations[row])]
            found = f"mean {means[row].mean():+.3f}, deviation {deviations[row].mean():.3f}"
            ranks = f"rank correlation with photos: |mean| {along[0]:+.2f}, deviation {along[1]:+.2f}"
            print(f"branch {branch}, {state} labels: {found}; {ranks}")
        out = args.out if len(branches) == 1 else args.out.with_stem(f"{args.out.stem}-{branch}")
        write_text(out, compensation_drawing(means, deviations, run.classes, counts))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
