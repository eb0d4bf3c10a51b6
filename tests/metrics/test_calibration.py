"""What the metrics of probabilities promise: numbers that others compute alike, and 0 where probabilities come true."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import brier_score_loss

from polytag.metrics import METRICS


def test_brier_is_that_of_scikit_learn(masked):
    scores, targets = masked
    known = targets != -1
    expected = brier_score_loss(targets[known], expit(scores[known].astype(np.float64)))
    assert METRICS["brier"](scores, targets, 0.0) == pytest.approx(expected, rel=1e-12)


def test_ece_is_the_mean_distance_in_bins_by_a_loop(masked):
    scores, targets = masked
    known = targets != -1
    p, y = expit(scores[known].astype(np.float64)), targets[known]
    expected = 0.0
    for number in range(15):
        inside = (p >= number / 15) & (p < (number + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(p[inside].mean() - y[inside].mean())
    assert METRICS["ECE"](scores, targets, 0.0) == pytest.approx(expected, rel=1e-9)


def test_by_hand():
    scores = logit(np.array([[0.9, 0.9], [0.9, 0.9], [0.1, 0.1]]))
    targets = np.array([[1, 1], [1, 0], [0, -1]])
    assert METRICS["ECE"](scores, targets, 0.0) == pytest.approx((4 * 0.15 + 0.1) / 5)
    assert METRICS["brier"](scores, targets, 0.0) == pytest.approx((3 * 0.01 + 0.81 + 0.01) / 5)


def test_the_ends_of_the_range_are_in_the_last_and_the_first_bin():
    assert METRICS["ECE"](np.array([[1000.0, -1000.0]]), np.array([[0, 1]]), 0.0) == 1.0
