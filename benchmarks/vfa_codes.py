"""What the codes of VFA's VAEs know of the labels as a training goes on: ``python benchmarks/vfa_codes.py RUN...``.

In nats a photo, summed over labels: the loss of the classifiers on codes, beside what the frequencies of the labels
alone would give. Where it is not below that, augmented vectors teach the classifier frequencies and no more. Reads the
``history.csv`` and ``config.json`` of runs, also those in ``benchmarks/records``; a line for each row, the mean over
seeds.
"""

import argparse
import csv
import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SHARES = (0.25, 0.5, 0.75, 1.0)  # of the epochs


def entropy(folder: Path) -> float:
    """Of the labels of the training photos, each by itself."""
    data = json.loads((folder / "config.json").read_text())["data"]
    shares = np.array(data["train_positives"]) / data["photos"]["train"]
    shares = shares[(shares > 0) & (shares < 1)]
    return float(-(shares * np.log(shares) + (1 - shares) * np.log(1 - shares)).sum())


def known(folder: Path) -> NDArray[np.float64] | None:
    """The loss of the classifiers on codes at some epochs ``(shares,)``, summed over labels; None without VAEs."""
    config = json.loads((folder / "config.json").read_text())
    with (folder / "history.csv").open(encoding="utf-8", newline="") as file:
        epochs = list(csv.DictReader(file))
    method = config["training"]["method"]
    weight = method.get("binary", 1.0) if isinstance(method, dict) else 1.0
    if "loss_binary" not in epochs[0] or not weight:
        return None
    chosen = [epochs[max(round(share * len(epochs)), 1) - 1] for share in SHARES]
    return np.array([float(epoch["loss_binary"]) for epoch in chosen]) * len(config["classes"]) / weight


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    rows: dict[tuple[float, str], list[NDArray[np.float64]]] = defaultdict(list)
    for folder in parser.parse_args().runs:
        if (found := known(folder)) is not None:
            rows[round(entropy(folder), 2), re.sub(r"-seed-.*", "", folder.name)].append(found)
    print(
        "nats a photo by frequencies alone, and at" + "".join(f"{share:>8.0%}" for share in SHARES) + " of the epochs"
    )
    for (prior, name), values in rows.items():
        codes = "".join(f"{value:8.2f}" for value in np.mean(values, axis=0))
        print(f"{prior:33.2f}        {codes}  {name}, {len(values)} seeds")


if __name__ == "__main__":
    main()
