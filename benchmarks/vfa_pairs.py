"""Which labels come together before and after VFA shuffles them: ``python benchmarks/vfa_pairs.py DATA -o FILE.svg``.

Counts pairs on the training photos, and in what stands for one pass once each batch is shuffled label by label (a
training draws its shuffles after the noise of its VAEs, so others); draws both as shares, one above the other, new
pairs in green.
"""

import argparse
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from polytag import open_data
from polytag.data.splits import three_way
from polytag.methods.vfa import shuffled_pairs
from polytag.report.drawing import WIDTH
from polytag.report.matrix import matrix


def shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Of what has the label of the row, how much has that of the column."""
    return np.asarray(counts / np.maximum(np.diag(counts), 1)[:, None], np.float64)


def stacked(drawings: list[str]) -> str:
    """One drawing above the other."""
    heights = [float(found[1]) if (found := re.search(r'viewBox="0 0 \S+ (\S+)"', each)) else 0.0 for each in drawings]
    tops = np.cumsum([0.0, *heights])
    placed = [
        each.replace("<svg ", f'<svg y="{top:g}" width="{WIDTH}" height="{height:g}" ', 1)
        for each, top, height in zip(drawings, tops[:-1], heights, strict=True)
    ]
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {tops[-1]:g}">{"".join(placed)}</svg>\n'


def main() -> None:
    """Count, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--out", type=Path, help="an SVG file to draw into")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=5, help="new pairs to name")
    args = parser.parse_args()
    labels = three_way(open_data(args.data), args.seed).train.labels
    pairs = shuffled_pairs(labels, args.batch_size, args.seed)
    upper = np.triu_indices(len(labels.classes), 1)
    before, after = pairs.before[upper], pairs.after[upper]
    print(f"{len(labels)} training photos, {len(labels.classes)} labels, {len(before)} pairs, batch {args.batch_size}")
    for name, counts in (("before", before), ("after", after)):
        print(f"  {name:6}: {np.count_nonzero(counts)} pairs come together, {np.count_nonzero(counts >= 5)} 5 times")
    print(f"  new: {len(pairs.new)}; gone: {np.count_nonzero((before > 0) & (after == 0))}")
    for one, other in sorted(pairs.new, key=lambda pair: -pairs.after[pair])[: args.show]:
        print(f"    {labels.classes[one]}, {labels.classes[other]}: {pairs.after[one, other]} times")
    if args.out:
        drawings = [
            matrix(shares(counts), labels.classes, f"Labels that come together, {when} shuffling", new)
            for when, counts, new in (("before", pairs.before, ()), ("after", pairs.after, frozenset(pairs.new)))
        ]
        args.out.write_text(stacked(drawings), encoding="utf-8")


if __name__ == "__main__":
    main()
