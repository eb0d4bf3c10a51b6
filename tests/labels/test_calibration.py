"""What a calibration promises: the likeliest slope and offset of each class, drawn to those of all classes."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from polytag._random import generator
from polytag.errors import OptionError
from polytag.labels.calibration import Calibration, fit_calibration

SLOPES, OFFSETS = np.array([0.4, 1.0, 2.5]), np.array([-1.0, 0.5, 0.2])


def photos(items=4000, slopes=SLOPES, offsets=OFFSETS, seed=0):
    """Logits that are right once they are multiplied by the slopes and moved by the offsets."""
    draw = generator(seed)
    logits = draw.normal(0, 2, (items, len(slopes)))
    return logits, (draw.random(logits.shape) < expit(slopes * logits + offsets)).astype(np.int8)


def test_what_was_done_to_the_probabilities_is_found():
    found = fit_calibration(*photos(20_000))
    np.testing.assert_allclose(found.slopes, SLOPES, rtol=0.05)
    np.testing.assert_allclose(found.offsets, OFFSETS, atol=0.06)


def test_without_a_pull_each_class_is_a_logistic_regression():
    logits, targets = photos(500)
    found = fit_calibration(logits, targets, shrink=1e-6)
    for column in range(3):
        own = LogisticRegression(C=np.inf, tol=1e-10).fit(logits[:, [column]], targets[:, column])
        assert found.slopes[column] == pytest.approx(own.coef_[0, 0], rel=1e-4)
        assert found.offsets[column] == pytest.approx(own.intercept_[0], abs=1e-4)


def test_the_pull_is_that_of_the_documented_number_of_positives():
    """By a minimiser that knows nothing of derivatives: the log loss, and the shared fit's curvature a positive."""
    logits, targets = photos(60)

    def loss(line, z, y):
        answer = line[0] * z + line[1]
        return (np.logaddexp(0, answer) - y * answer).sum()

    options = {"method": "Nelder-Mead", "options": {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 4000}}
    shared = minimize(loss, [1, 0], (logits.ravel(), targets.ravel()), **options).x
    p = expit(shared[0] * logits + shared[1]).ravel()
    z = np.stack([logits.ravel(), np.ones(logits.size)])
    curvature = (z * p * (1 - p)) @ z.T / targets.sum()

    def pulled(line, z, y):
        return loss(line, z, y) + 25 * (line - shared) @ curvature @ (line - shared) / 2

    found = fit_calibration(logits, targets, shrink=25.0)
    for column in range(3):
        own = minimize(pulled, shared, (logits[:, column], targets[:, column]), **options).x
        assert (found.slopes[column], found.offsets[column]) == pytest.approx(tuple(own), abs=1e-5)


def test_a_class_of_which_nothing_is_known_has_the_shared_one_and_unknown_entries_count_nowhere():
    logits, targets = photos(300)
    some = np.where(generator(1).random(targets.shape) < 0.3, -1, targets)
    some[:, 1] = -1
    found = fit_calibration(logits, some)
    other = fit_calibration(np.where(some == -1, 77.0, logits), some)
    assert (found.slopes.tolist(), found.offsets.tolist()) == (other.slopes.tolist(), other.offsets.tolist())
    shared = fit_calibration(logits, some, shrink=1e9)
    assert found.slopes[1] == pytest.approx(shared.slopes[0], rel=1e-6)
    assert found.offsets[1] == pytest.approx(shared.offsets[2], abs=1e-6)


def test_a_class_that_would_be_turned_around_has_the_shared_one():
    logits, targets = photos(300)
    logits[:, 0] *= -1
    assert np.corrcoef(logits[:, 0], targets[:, 0])[0, 1] < -0.1  # its own slope would be below 0
    found = fit_calibration(logits, targets)
    assert (found.slopes > 0).all()
    shared = fit_calibration(logits, targets, shrink=1e9)
    assert found.slopes[0] == pytest.approx(shared.slopes[1], rel=1e-6)
    assert found.offsets[0] == pytest.approx(shared.offsets[1], abs=1e-6)
    assert found.slopes[1] != pytest.approx(shared.slopes[1], rel=1e-3)
    calibrated = found.apply(logits)
    assert (np.argsort(calibrated, axis=0) == np.argsort(logits, axis=0)).all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 300.0])
def test_labels_that_logits_tell_apart_and_other_scales_have_finite_answers(scale):
    targets = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 0], [0, 1, 0]], np.int8)
    found = fit_calibration(scale * (2.0 * targets - 1), targets)
    assert np.isfinite([found.slopes, found.offsets]).all()
    assert (found.slopes > 0).all()


def test_it_is_applied_as_it_says():
    assert Calibration(np.array([2.0, 1.0]), np.array([0.0, -1.0])).apply(np.array([[1.0, 3.0]])).tolist() == [
        [2.0, 2.0]
    ]


@pytest.mark.parametrize(
    ("logits", "targets", "options", "sentence"),
    [
        ([[0.0]], [[1, 0]], {}, r"^targets must have the shape of scores"),
        ([[np.inf], [0.0]], [[1], [0]], {}, r"^logits must be finite"),
        ([[1.0], [0.0]], [[1], [1]], {}, r"^no label is known to be present, or none to be absent"),
        ([[1.0], [0.0]], [[-1], [0]], {}, r"^no label is known to be present, or none to be absent"),
        ([[0.0], [1.0]], [[1], [0]], {}, r"^logits are no higher where labels are present"),
        ([[1.0], [0.0]], [[1], [0]], {"shrink": 0.0}, r"^shrink must be between"),
    ],
)
def test_what_cannot_be_fitted_is_refused(logits, targets, options, sentence):
    with pytest.raises(OptionError, match=sentence):
        fit_calibration(np.array(logits), np.array(targets), **options)
