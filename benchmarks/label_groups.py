"""The labels of a data set in groups, as a picture: ``python benchmarks/label_groups.py DATA -k 5 -o groups.svg``.

Cuts the training labels as ``--method cpsd`` does, prints the groups with their normalised cut, and draws the labels on
a circle, a colour for each group.
"""

import argparse
from pathlib import Path

import numpy as np

from polytag._files import write_text
from polytag.data.open import open_data
from polytag.data.splits import three_way
from polytag.labels.affinity import Affinity
from polytag.labels.cooccurrence import shares
from polytag.labels.partition import partition_labels, suggest_k
from polytag.report.label_graph import label_graph_drawing


def main() -> int:
    """Print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("-k", type=int, default=0, help="groups (default: as many as the labels suggest)")
    parser.add_argument("--kind", choices=("together", "apart"), default="together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--out", default="groups.svg")
    args = parser.parse_args()
    labels = three_way(open_data(args.data), args.seed).train.labels
    k = args.k or suggest_k(labels)
    found = partition_labels(labels, k, args.kind, args.seed)
    print(f"{len(labels.classes)} labels in {k} groups, normalised cut {found.cut:.3f}, score {found.score:.3f}")
    for number, group in enumerate(found.groups, start=1):
        print(f"  {number}: {', '.join(labels.classes[column] for column in group)}")
    weights = Affinity(shares(labels), "together").dense()
    write_text(
        Path(args.out), label_graph_drawing(np.asarray(weights), labels.classes, found.groups, "Groups of labels")
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
