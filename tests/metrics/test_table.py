"""What every entry of METRICS promises: one signature, its range, and no look at what is unknown."""

import numpy as np
import pytest

from polytag.labels import Labels
from polytag.metrics import METRICS

every_metric = pytest.mark.parametrize("name", METRICS)


@every_metric
def test_is_finite_and_in_its_range_on_ordinary_data(masked, name):
    value = METRICS[name](*masked, 0.0)
    assert type(value) is float
    assert 0 <= value <= (20 if name == "coverage_error" else 1)


@every_metric
def test_does_not_look_at_scores_of_unknown_entries(masked, name):
    scores, targets = masked
    others = np.where(targets == -1, np.random.default_rng(3).normal(0, 9, scores.shape), scores).astype(np.float32)
    assert METRICS[name](scores, targets, 0.5) == METRICS[name](others, targets, 0.5)


@every_metric
def test_takes_sparse_labels_and_float64_scores_for_the_same_value(masked, name):
    scores, targets = masked
    labels = Labels.from_dense(targets, [str(c) for c in range(20)], "unknown")
    assert METRICS[name](scores.astype(np.float64), labels, 0.5) == METRICS[name](scores, targets, 0.5)


@every_metric
def test_scores_that_are_right_everywhere_are_worth_the_most(name):
    targets = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    losses = ("hamming_loss", "ranking_loss", "brier", "ECE")
    best = 3.0 if name == "coverage_error" else float(name not in losses)
    assert METRICS[name](4000.0 * targets - 2000, targets, 0.0) == best


@every_metric
def test_nothing_known_has_no_value(name):
    assert np.isnan(METRICS[name](np.ones((3, 4)), np.full((3, 4), -1), 0.0))
