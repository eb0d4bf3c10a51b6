"""Small suites to read, and runs whose table is worked by hand."""

import numpy as np
import pytest
from scored_runs import make_scored
from suite_toys import PLAIN, TABLES_BELOW, TOP
from table_toys import DATA

from polytag.bench.suite import read_suite


@pytest.fixture
def suite(tmp_path):
    """Writes a suite and reads it."""

    def read(rows=PLAIN, top=TOP, tables=TABLES_BELOW, protocol="fast"):
        path = tmp_path / "small.toml"
        path.write_text(f"{top}\n{tables}\n{rows}", encoding="utf-8")
        return read_suite(path, protocol)

    return read


@pytest.fixture
def worked(tmp_path):
    """Two seeds of one row on four photos: the first has average precisions 5/6, 1 and 1/2, the second is perfect."""
    targets = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 0], [0, 0, 1]], dtype=np.int8)
    first = np.tile(np.array([[2.0], [1], [-1], [-2]]), 3)
    seeds = [first, 2.0 * targets - 1]
    return [make_scored(tmp_path / str(n), logits, targets, data=DATA) for n, logits in enumerate(seeds)]
