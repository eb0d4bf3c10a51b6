"""Metrics as tables."""

import math
from typing import Any

from polytag._text import printable, table
from polytag.run import Run

HEADLINES = ("mAP", "CF1", "OF1", "CP", "CR", "OP", "OR")


def show_metrics(run: Run) -> None:
    """The headline metrics of a run, a row a split, and where the rest is."""
    metrics = run.metrics
    rows: list[tuple[str, ...]] = [("photos", *HEADLINES)]
    rows += [
        (part, *(number(metrics[part][name]) for name in HEADLINES)) for part in ("val", "test") if part in metrics
    ]
    print(table(rows, frozenset(range(1, len(rows[0])))))
    best = metrics["best"]
    print(f"\nbest epoch {best['epoch']} ({best['weights']} weights); all metrics are in {run.path / 'metrics.json'}")


def number(value: Any) -> str:
    """Four digits, or ``-`` for what is not defined."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def class_table(rows: list[Any]) -> str:
    """A row a class, with its counts and scores."""
    head = ("label", "photos", "AP", "precision", "recall", "F1")
    cells = [(printable(r[0]), *(number(value) for value in r[1:])) for r in rows]
    return table([head, *cells], frozenset(range(1, len(head))))
