"""Suites for a table, and runs of any skill on the same photos."""

from scored_runs import answers, make_scored

from polytag._random import generator
from polytag.bench.types import Cost, Row, Suite

DATA = {"train_positives": [100, 20, 19]}
COST = Cost(1.5, 1000, 0.25, 3.5, 200.0)


def suite(*rows, seeds=2):
    """The first row is the baseline."""
    return Suite(
        "small", "A small suite", "photos", tuple(Row(name, {}) for name in rows), rows[0], tuple(range(seeds)), "fast"
    )


def run(folder, skill=1.0, noise=0, **options):
    """A run on the same 60 photos as all others; the higher the skill, the better it is."""
    _, targets = answers(0)
    logits = skill * (2 * targets - 1.0) + generator(noise).normal(size=targets.shape)
    return make_scored(folder, logits, targets, **({"data": DATA} | options))
