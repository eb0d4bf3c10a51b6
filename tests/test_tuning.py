"""What tuning and calibrating from Python promise beyond the command line: a head of one's own, and both together."""

import numpy as np
import pytest
from fit_toys import training
from scipy.special import expit
from toys import tiny_set

from polytag.errors import RunError
from polytag.heads.linear import Linear
from polytag.labels.thresholds import best_thresholds
from polytag.predictor import Predictor
from polytag.run import Run
from polytag.tuning import calibrate, tune


def test_a_run_with_a_head_of_ones_own_is_tuned_and_calibrated_with_it(tmp_path):
    def head(channels, classes):
        return Linear(channels, classes, pooling="max")

    run = training(tmp_path / "run", head=head, epochs=1).finish()
    assert len(tune(run, tiny_set(40), always=True, head=head).thresholds) == 4
    assert calibrate(run, tiny_set(40), always=True, head=head).calibrated.calibration is not None
    with pytest.raises(RunError, match="was trained with a head of your own"):
        tune(run, tiny_set(40))


def test_thresholds_that_are_chosen_after_a_calibration_are_of_calibrated_probabilities(tmp_path):
    run, data = training(tmp_path / "run", epochs=1).finish(), tiny_set(40)
    logits, targets = Predictor(run, workers=0).logits(data), data.labels.dense()
    calibrate(run, data, always=True)
    calibrated = Run.open(run.path)
    tune(calibrated, data, "precision", 0.3, shrink=1.0)
    probabilities = expit(calibrated.calibration.apply(logits))
    expected = best_thresholds(probabilities, targets, "precision", 0.3, 1.0)
    np.testing.assert_allclose(Run.open(run.path).thresholds, expected, atol=1e-6)
    plainly = best_thresholds(expit(logits), targets, "precision", 0.3, 1.0)
    assert np.abs(expected - plainly).max() > 0.01
