"""What a useful calibration promises: taken where it helps on photos that it was not fitted to, and only there."""

import numpy as np
import pytest
from scipy.special import expit

from polytag._random import generator
from polytag.errors import OptionError
from polytag.labels.calibration import fit_calibration
from polytag.metrics.calibrated import calibrated


def photos(slope, offset, items=400, classes=5, seed=0):
    draw = generator(seed)
    logits = draw.normal(0, 2, (items, classes))
    return logits, (draw.random(logits.shape) < expit(slope * logits + offset)).astype(np.int8)


def losses(logits, targets):
    return np.logaddexp(0, np.where(targets == 1, -logits, logits)).mean()


def test_one_that_helps_is_that_of_all_photos_and_its_gain_is_told():
    logits, targets = photos(0.5, -1.5)
    found = calibrated(logits, targets)
    assert found.taken
    whole = fit_calibration(logits, targets)
    np.testing.assert_array_equal(found.calibration.slopes, whole.slopes)
    np.testing.assert_array_equal(found.calibration.offsets, whole.offsets)
    assert found.gain.value == pytest.approx(losses(logits, targets) - losses(found.logits, targets), rel=1e-9)
    fresh, truth = photos(0.5, -1.5, items=4000, seed=1)  # the gain is about what other photos gain
    assert found.gain.value == pytest.approx(losses(fresh, truth) - losses(whole.apply(fresh), truth), rel=0.2)


def test_probabilities_that_come_true_are_left_in_peace():
    logits, targets = photos(1.0, 0.0)
    found = calibrated(logits, targets)
    assert not found.taken
    assert found.calibration is None
    asked = calibrated(logits, targets, always=True)
    assert asked.taken
    assert asked.gain == found.gain


def test_no_photo_is_judged_by_a_fit_to_itself():
    logits, targets = photos(0.5, -1.5, items=20)
    found = calibrated(logits, targets)
    flipped = targets.copy()
    flipped[3] = 1 - flipped[3]
    np.testing.assert_array_equal(calibrated(logits, flipped).logits[3], found.logits[3])
    assert (calibrated(logits, flipped).logits != found.logits).any()


def test_no_photo_is_judged_by_a_fit_to_its_own_cluster():
    logits, targets = photos(0.4, 0.0, items=30)
    clusters = np.repeat(np.arange(30), 10)
    logits, targets = logits[clusters], targets[clusters]  # every photo ten times
    alone, together = calibrated(logits, targets), calibrated(logits, targets, clusters=clusters)
    assert alone.gain.value > together.gain.value
    assert alone.gain.high - alone.gain.low < together.gain.high - together.gain.low


def test_it_is_a_function_of_its_arguments_and_unknown_entries_count_nowhere():
    logits, targets = photos(0.5, -1.5)
    assert calibrated(logits, targets).gain == calibrated(logits, targets).gain
    assert calibrated(logits, targets, seed=1).gain != calibrated(logits, targets).gain
    assert calibrated(logits, targets, shrink=500.0).gain != calibrated(logits, targets).gain
    some = np.where(generator(5).random(targets.shape) < 0.3, -1, targets)
    assert calibrated(logits, some).gain == calibrated(np.where(some == -1, 9.0, logits), some).gain


@pytest.mark.parametrize("items", [2, 3, 5])
def test_a_handful_of_photos_is_enough_for_an_answer(items):
    logits = np.array([[1.0, -1.0], [-1.0, 1.5], [0.5, -2.0], [2.0, 0.1], [0.3, 0.4]])[:items]
    found = calibrated(logits, np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 1]])[:items])
    assert np.isfinite([found.gain.value, found.gain.low, found.gain.high]).all()


def test_what_cannot_be_fitted_is_refused():
    with pytest.raises(OptionError, match=r"^no label is known to be present, or none to be absent"):
        calibrated(np.zeros((4, 2)), np.zeros((4, 2), np.int8))
