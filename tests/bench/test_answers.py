"""What answers promise: several runs are one model as a Predictor has it, and thresholds come from validation alone."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scored_runs import answers as photos_of
from scored_runs import make_scored

from polytag.bench.answers import answers, thresholds
from polytag.data.open import open_data
from polytag.data.splits import three_way
from polytag.errors import RunError
from polytag.metrics.adapted import adapted_thresholds
from polytag.predictor import Predictor
from polytag.run import Run
from polytag.scores import VAL_SCORES, load_scores

VAL = photos_of(1.0, 80, seed=1)[0] + np.float32(3), photos_of(1.0, 80, seed=1)[1]  # too high for 0.5


def made(folder, *, seed=0, val=VAL, **parts):
    logits, targets = photos_of(1.0)
    noise = photos_of(1.0, seed=10 + seed)[0]
    return Run.open(make_scored(folder, logits + noise, targets, val=val, **parts))


def test_several_runs_answer_with_their_mean_probability(tmp_path):
    runs = [made(tmp_path / str(seed), seed=seed) for seed in range(3)]
    alone = [load_scores(run.path) for run in runs]
    together = answers(runs)
    np.testing.assert_allclose(
        expit(together.logits), np.mean([expit(of.logits.astype(np.float64)) for of in alone], axis=0), atol=1e-6
    )
    assert (together.logits.dtype, together.fingerprint) == (np.float32, "photos")
    np.testing.assert_array_equal(answers(runs[:1]).logits, alone[0].logits)
    assert answers(runs, VAL_SCORES).fingerprint == "photos of validation"


def test_runs_with_photos_are_averaged_as_a_predictor_does(photos, trained, tmp_path):
    runs = [Run.open(trained), Run.open(trained)]
    test = three_way(open_data(photos), Run.open(trained).config["training"]["seed"]).test
    logits, targets = Predictor(*runs, device="cpu", workers=0).evaluate(test).collected()
    found = answers(runs)
    np.testing.assert_array_equal(found.targets, targets)
    np.testing.assert_allclose(found.logits, logits, atol=1e-4)


def test_thresholds_are_those_of_tune_on_the_validation_photos(tmp_path):
    one, other = (made(tmp_path / str(seed), val=(VAL[0] + seed, VAL[1])) for seed in (0, 2))
    expected = logit(adapted_thresholds(expit(VAL[0].astype(np.float64)), VAL[1]).thresholds)
    assert expected.all()  # none is 0, the logit of 0.5
    np.testing.assert_array_equal(thresholds([one]), expected)
    mean = (expit(VAL[0].astype(np.float64)) + expit(VAL[0].astype(np.float64) + 2)) / 2
    np.testing.assert_allclose(thresholds([one, other]), logit(adapted_thresholds(mean, VAL[1]).thresholds), atol=1e-5)


def test_without_the_answers_on_validation_there_are_none(tmp_path):
    one, other = made(tmp_path / "one"), made(tmp_path / "other", val=None)
    assert thresholds([other]) is None
    assert thresholds([one, other]) is None


def test_what_does_not_go_together_is_refused(tmp_path):
    one = made(tmp_path / "one")
    targets = VAL[1].copy()
    targets[3, 1] = -1
    fewer = made(tmp_path / "fewer", val=(VAL[0][1:], VAL[1][1:]))
    relabelled = made(tmp_path / "relabelled", val=(VAL[0], targets))
    for run, what in ((fewer, "validation photos"), (relabelled, "labels of the validation photos")):
        with pytest.raises(RunError) as refused:
            thresholds([one, run])
        assert str(refused.value) == (
            f"{run.path} and {one.path} must have the same {what}, and these differ; train both on the same data, with "
            "its splits marked"
        )
    narrow = made(tmp_path / "narrow", val=(VAL[0][:, :2], VAL[1][:, :2]))
    with pytest.raises(RunError) as refused:
        thresholds([narrow])
    assert str(refused.value) == (
        f"{narrow.path}/scores/val.safetensors is damaged: it has 2 columns for 3 classes; restore it or train again"
    )
    empty = made(tmp_path / "empty", val=(VAL[0], np.zeros_like(VAL[1])))
    with pytest.raises(RunError) as refused:
        thresholds([empty])
    assert str(refused.value) == (
        f"no thresholds can be chosen from {empty.path}/scores/val.safetensors: no class has both a known positive and "
        "a known negative; give other photos"
    )
