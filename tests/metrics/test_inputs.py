"""What every metric refuses, and in which words."""

import re

import numpy as np
import pytest

from polytag.errors import OptionError
from polytag.metrics import METRICS, average_precision

GOOD = np.zeros((2, 3)), np.array([[1, 0, -1], [0, 1, 1]])


def refused(sentence):
    return pytest.raises(OptionError, match=rf"^{re.escape(sentence)}$")


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_every_metric_refuses_a_score_that_is_not_a_number(metric):
    scores = GOOD[0].copy()
    scores[1, 2] = np.nan
    with refused("scores must not be NaN, got 1, the first at [1, 2]; check what the model was fed"):
        metric(scores, GOOD[1], 0.0)


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_every_metric_refuses_another_shape(metric):
    with refused("scores must have shape (batch, classes), got (3,)"):
        metric(np.zeros(3), np.zeros(3), 0.0)


@pytest.mark.parametrize("strange", [2, -2, 257, 0.5, np.nan])
def test_targets_of_another_value_are_refused(strange):
    targets = np.array([[1, 0, strange], [0, 1, 1]])
    with refused(f"targets must be 1 (present), 0 (absent) or -1 (unknown), got {strange}"):
        average_precision(GOOD[0], targets)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32])
def test_targets_of_another_type_mean_the_same(dtype):
    targets = np.array([[1, 0, 1], [0, 1, 1]])
    scores = np.arange(6.0).reshape(2, 3)
    assert METRICS["lrap"](scores, targets.astype(dtype), 0.0) == METRICS["lrap"](scores, targets.astype(np.int8), 0.0)


def test_a_threshold_of_another_shape_is_refused():
    with refused("threshold must be a number or have shape (3,), got (2,)"):
        METRICS["CP"](*GOOD, np.zeros(2))


def test_a_threshold_that_is_not_a_number_is_refused():
    with refused("threshold must not be NaN; give each class a number, inf where nothing is to be predicted"):
        METRICS["CP"](*GOOD, np.array([0, np.nan, 0]))
