"""What adapted thresholds promise: taken where they help on photos that they were not chosen on, and only there."""

import numpy as np
import pytest
from scipy.special import expit

from polytag._random import generator
from polytag.errors import OptionError
from polytag.labels.thresholds import best_thresholds
from polytag.metrics import METRICS
from polytag.metrics.adapted import adapted_thresholds


def photos(shift, skill=2.0, items=300, classes=6, seed=0):
    """Probabilities that suit a threshold of 0.5 but for a shift of their logits, and targets."""
    draw = generator(seed)
    targets = (draw.random((items, classes)) < 0.4).astype(np.int8)
    return expit(skill * (2 * targets - 1) + draw.normal(size=targets.shape) + shift), targets


def test_thresholds_that_help_are_those_of_all_photos_and_their_gain_is_told():
    scores, targets = photos(shift=2.0)
    found = adapted_thresholds(scores, targets)
    assert found.taken
    np.testing.assert_array_equal(found.thresholds, best_thresholds(scores, targets))
    assert (found.thresholds > 0.6).all()
    assert found.gain.verdict == "up"
    fresh, truth = photos(shift=2.0, seed=1)  # the gain is about what other photos gain
    gained = METRICS["CF1"](fresh, truth, found.thresholds) - METRICS["CF1"](fresh, truth, 0.5)
    assert found.gain.value == pytest.approx(gained, abs=0.03)


def test_scores_that_suit_one_half_are_left_in_peace():
    scores, targets = photos(shift=0.0)
    found = adapted_thresholds(scores, targets)
    assert not found.taken
    np.testing.assert_array_equal(found.thresholds, np.full(6, 0.5))
    asked = adapted_thresholds(scores, targets, always=True)
    assert asked.taken
    np.testing.assert_array_equal(asked.thresholds, best_thresholds(scores, targets))
    assert asked.gain == found.gain


def test_luck_on_the_photos_that_they_were_chosen_on_does_not_count():
    """Of scores that know nothing thresholds look fine where they were chosen and nowhere else."""
    draw = generator(3)
    targets = (draw.random((120, 20)) < 0.15).astype(np.int8)
    scores = expit(draw.normal(size=targets.shape) + 6)  # everything is above one half, which F1 can but lose by luck
    chosen = best_thresholds(scores, targets, shrink=0.0)
    inside = METRICS["CF1"](scores, targets, chosen) - METRICS["CF1"](scores, targets, 0.5)
    found = adapted_thresholds(scores, targets, shrink=0.0)
    assert inside > 0.02
    assert found.gain.value < inside / 4
    assert not found.taken


def test_it_is_a_function_of_its_arguments_and_its_options_reach_the_choice():
    scores, targets = photos(shift=1.0)
    assert adapted_thresholds(scores, targets).gain == adapted_thresholds(scores, targets).gain
    assert adapted_thresholds(scores, targets, seed=1).gain != adapted_thresholds(scores, targets).gain
    found = adapted_thresholds(scores, targets, shrink=0.0, grid=0.05, always=True)
    np.testing.assert_array_equal(found.thresholds, best_thresholds(scores, targets, shrink=0.0, grid=0.05))


def test_no_photo_is_judged_at_thresholds_of_its_own_cluster():
    scores, targets = photos(shift=0.0, skill=0.3, items=40)
    clusters = np.repeat(np.arange(40), 8)
    scores, targets = scores[clusters], targets[clusters]  # every photo eight times
    alone, together = adapted_thresholds(scores, targets), adapted_thresholds(scores, targets, clusters=clusters)
    assert alone.gain.value > together.gain.value + 0.02
    assert alone.gain.high - alone.gain.low < together.gain.high - together.gain.low


def test_unknown_entries_count_nowhere():
    scores, targets = photos(shift=2.0)
    blank = generator(5).random(targets.shape) < 0.3
    one = adapted_thresholds(scores, np.where(blank, -1, targets))
    other = adapted_thresholds(np.where(blank, 0.123, scores), np.where(blank, -1, targets))
    assert (one.gain, one.thresholds.tolist()) == (other.gain, other.thresholds.tolist())


@pytest.mark.parametrize("items", [2, 3, 5, 7])
def test_a_handful_of_photos_is_enough_for_an_answer(items):
    targets = np.array([[1, 0], [0, 1], *[[0, 0]] * 5], np.int8)[:items]
    found = adapted_thresholds(np.linspace(0.2, 0.7, 2 * items).reshape(items, 2), targets)
    assert ((found.thresholds >= 0) & (found.thresholds < 1)).all()
    assert found.gain.value >= 0
    assert found.gain.value == 0 or items > 2  # with two there are no others to choose on


def test_scores_of_0_and_1_are_no_accident():
    scores, targets = photos(shift=2.0)
    sure = np.where(targets == 1, 1.0, scores.round(1))
    assert np.isfinite(adapted_thresholds(sure, targets).gain.value)


def test_what_cannot_be_chosen_on_is_refused():
    with pytest.raises(OptionError, match=r"^no class has both a known positive and a known negative"):
        adapted_thresholds(np.full((4, 2), 0.3), np.zeros((4, 2), np.int8))
    with pytest.raises(OptionError, match=r"^shrink must be between 0 and "):
        adapted_thresholds(*photos(0.0), shrink=-1.0)
