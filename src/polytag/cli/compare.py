"""`polytag compare`."""

import csv
import io
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from polytag._text import counted, csv_cell, printable, table, without_nan
from polytag.cli.parser import Parser
from polytag.compare import Comparison, compare
from polytag.metrics.bootstrap import MEASURES, Difference
from polytag.report.lettering import fitted

COVERS = "The intervals cover resampled test photos, not the noise of training seeds."
_WIDTH = 80  # of a terminal


def main(words: list[str]) -> int:
    """Print how far runs are from the first one."""
    args = _parser().parse_args(words)
    comparison = compare(args.run, draws=args.draws, seed=args.seed)
    sys.stdout.write(FORMATS[args.format](comparison))
    return 0


def as_table(comparison: Comparison) -> str:
    """For a person, in percent: the runs below each other, metric by metric."""
    cells: list[tuple[str, ...]] = [("metric", "value", "difference", "95% interval", "verdict")]
    for metric in MEASURES:
        for run in comparison.runs:
            value = _percent(run.metrics[metric])
            cells.append((metric, value, *_moved(run.differences[metric] if run.differences else None)))
    room = _WIDTH - 2 - max(map(len, table(cells).split("\n")))
    names = _names([run.path for run in comparison.runs], room) * len(MEASURES)
    rows = [(name, *row) for name, row in zip(("run", *names), cells, strict=True)]
    photos, labels = counted(comparison.photos, "test photo"), counted(len(comparison.classes), "label")
    together = f"\nPhotos of one of the {comparison.groups} groups are drawn together." if comparison.groups else ""
    first = f"{photos}, {labels}; values in percent, differences to the first run"
    return f"{first}\n\n{table(rows, frozenset((2, 3, 4)))}\n\n{COVERS}{together}\n"


def as_csv(comparison: Comparison) -> str:
    """A row for each run and metric; numbers from 0 to 1, empty where undefined; the base has no difference."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("run", "metric", "value", "difference", "low", "high", "verdict"))
    for path, metrics, differences in comparison.runs:
        for metric, value in metrics.items():
            cells = without_nan([value, *differences.get(metric, (None, None, None, "base"))])
            writer.writerow((csv_cell(printable(str(path))), metric, *cells))  # None is written as an empty cell
    return text.getvalue()


def as_json(comparison: Comparison) -> str:
    """One object with all there is; numbers from 0 to 1, null where undefined."""
    runs = [
        {
            "run": str(path),
            "metrics": metrics,
            "differences": {metric: moved._asdict() for metric, moved in differences.items()},
        }
        for path, metrics, differences in comparison.runs
    ]
    values = {**comparison._asdict(), "covers": COVERS, "runs": runs}
    return json.dumps(without_nan(values), indent=2) + "\n"


FORMATS = {"table": as_table, "csv": as_csv, "json": as_json}


def _moved(difference: Difference | None) -> tuple[str, str, str]:
    if difference is None:
        return "", "", "base"
    value, low, high, verdict = difference
    ends = "-" if math.isnan(low) else f"{100 * low:+.2f} to {100 * high:+.2f}"
    return "-" if math.isnan(value) else f"{100 * value:+.2f}", ends, verdict


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{100 * value:.2f}"


def _names(paths: Sequence[Path], room: int) -> list[str]:
    """Of runs: their folders' own names where paths are too long and these differ, without their middle if need be."""
    names, ends = ([printable(text) for text in texts] for texts in (map(str, paths), (path.name for path in paths)))
    if max(map(len, names)) > room and len(set(ends)) == len(set(names)):
        names = ends
    return [fitted(name, room) for name in names]


def _parser() -> Parser:
    parser = Parser(
        prog="polytag compare",
        description="Runs on the same test photos, and whether their differences are more than the luck of these.",
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", nargs="+", help="run folders, two or more; the first is the base")
    parser.add_argument("--draws", type=int, metavar="N", default=1000, help="resamples (default: 1000)")
    parser.add_argument("--seed", type=int, metavar="N", default=0, help="of the resamples (default: 0)")
    parser.add_argument("--format", choices=FORMATS, default="table", help="(default: table)")
    return parser
