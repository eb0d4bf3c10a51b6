"""What the ranking metrics promise: scikit-learn's values, ties included, over known entries."""

import numpy as np
import pytest
from sklearn.metrics import coverage_error as sklearn_coverage
from sklearn.metrics import label_ranking_average_precision_score as sklearn_lrap
from sklearn.metrics import label_ranking_loss as sklearn_ranking_loss

from polytag.metrics import METRICS, ranking

ORACLES = {"ranking_loss": sklearn_ranking_loss, "coverage_error": sklearn_coverage, "lrap": sklearn_lrap}


def test_numbers_worked_by_hand():
    scores, targets = np.array([[4.0, 3, 2, 2]]), np.array([[0, 1, 0, 1]])
    # The present label at 3 has one absent above; the one at 2 has one above and one beside it.
    assert METRICS["ranking_loss"](scores, targets, 0.0) == 3 / 4
    assert METRICS["coverage_error"](scores, targets, 0.0) == 4
    assert METRICS["lrap"](scores, targets, 0.0) == (1 / 2 + 2 / 4) / 2


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_scikit_learn_with_many_ties_and_with_items_that_have_no_or_every_label(tied, name, dtype, monkeypatch):
    monkeypatch.setattr(ranking, "_CHUNK", 700)  # several pieces, the last one shorter
    scores, targets = tied
    expected = ORACLES[name](targets, scores)
    assert METRICS[name](scores.astype(dtype), targets, 0.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ORACLES)
def test_only_known_entries_are_ranked_and_items_without_one_are_left_out(masked, name):
    scores, targets = masked
    items = [(s[t >= 0][np.newaxis], t[t >= 0][np.newaxis]) for s, t in zip(scores[1:], targets[1:], strict=True)]
    expected = np.mean([ORACLES[name](t, s) for s, t in items])
    assert METRICS[name](scores, targets, 0.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("name", "value"), [("ranking_loss", 0.0), ("coverage_error", 0.0), ("lrap", 1.0)])
def test_an_item_with_nothing_present_counts_as_scikit_learn_has_it(name, value):
    assert METRICS[name](np.ones((2, 3)), np.zeros((2, 3)), 0.0) == value


@pytest.mark.parametrize("name", ORACLES)
def test_nothing_known_has_no_value(name):
    assert np.isnan(METRICS[name](np.ones((2, 2)), np.full((2, 2), -1), 0.0))
