"""What a calibration on half of the photos is worth on the other half: ``python benchmarks/calibration.py RUN ...``.

The answers that each run or record has kept are split in halves twenty times, as `benchmarks/thresholds.py` does; a
calibration is fitted to one half as `polytag calibrate` does by default, or `--always`, and judged on the other. Prints
the mean ECE and Brier score before and after, in points, and the 95% quantile of what the latter loses.
"""

import numpy as np
from thresholds import SPLITS, answers, arguments

from polytag._random import generator
from polytag.metrics import METRICS
from polytag.metrics.calibrated import calibrated

MEASURES = ("ECE", "brier")


def main() -> None:
    """Read the command line and print."""
    args = arguments(__doc__)
    found = np.zeros((len(args.runs), SPLITS, len(MEASURES), 2))
    for number, run in enumerate(args.runs):
        logits, targets, photos = answers(run)
        taken = 0
        for split in range(SPLITS):
            fitted_to, judged_on = np.array_split(generator(split).permutation(len(logits)), 2)
            fit = calibrated(logits[fitted_to], targets[fitted_to], args.shrink, args.always).calibration
            plain, truth, taken = logits[judged_on], targets[judged_on], taken + (fit is not None)
            moved = fit.apply(plain) if fit else plain
            for place, name in enumerate(MEASURES):
                found[number, split, place] = [100 * METRICS[name](one, truth, 0.0) for one in (plain, moved)]
        print(f"  {run.name}, {len(logits)} photos of {photos}: {told(found[number])}; taken {taken} times")
    print(told(found.reshape(-1, len(MEASURES), 2)))
    worst = np.quantile(found[:, :, 1, 1] - found[:, :, 1, 0], 0.95)
    print(f"95% quantile of the change of the Brier score: {worst:+.3f}")


def told(values: np.ndarray) -> str:
    """Means before and after of ``(splits, measures, 2)``."""
    means = values.mean(axis=0)
    return ", ".join(f"{name} {b:.2f} -> {a:.2f}" for name, (b, a) in zip(MEASURES, means, strict=True))


if __name__ == "__main__":
    main()
