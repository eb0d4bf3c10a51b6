"""When a training ends early: the rule of the AAM paper's public code, worked by hand."""

import pytest

from polytag.errors import OptionError
from polytag.train.stopping import Stopping


def waits(scores, patience=2, rising=0):
    """The wait after each score, up to the one that ends it."""
    stopping, found = Stopping(patience), []
    for number, score in enumerate(scores):
        stopping.observe(score, number < rising)
        found.append(stopping.waited)
        if stopping.done:
            break
    return found


def test_the_first_score_is_better_than_nothing():
    stopping = Stopping()
    stopping.observe(0.5, False)
    assert (stopping.smoothed, stopping.waited, stopping.done) == (pytest.approx(0.4), 0, False)


def test_a_score_below_the_best_but_above_the_smoothed_ones_counts_as_better():
    assert waits([0.5, 0.45, 0.5]) == [0, 0, 0]  # smoothed: 0.4, 0.44, 0.488


def test_it_ends_after_so_many_that_are_not_better_in_a_row():
    assert waits([0.5, 0.3, 0.6, 0.3, 0.2, 0.9]) == [0, 1, 0, 1, 2]
    assert waits([0.5, 0.3, 0.6, 0.3, 0.2, 0.9], patience=3) == [0, 1, 0, 1, 2, 0]


def test_while_the_rate_rises_nothing_is_waited_for():
    assert waits([0.5, 0.1, 0.1, 0.1, 0.1], rising=3) == [0, 0, 0, 1, 2]


def test_a_score_that_is_the_smoothed_one_to_four_decimals_is_not_better():
    stopping = Stopping(1)
    stopping.smoothed = 0.5
    stopping.observe(0.50004, False)
    assert stopping.done


def test_nothing_is_better_than_1():
    assert waits([0.99996, 0.5]) == [0]


def test_it_goes_on_from_what_it_has_saved():
    first = Stopping(3)
    for score in (0.6, 0.2, 0.1):
        first.observe(score, False)
    second = Stopping(3)
    second.load_state_dict(first.state_dict())
    assert (second.smoothed, second.waited, second.done) == (first.smoothed, 2, False)
    second.observe(0.1, False)
    assert second.done


def test_a_patience_of_none_is_refused():
    with pytest.raises(OptionError, match=r"^patience must be between 1 and 1e\+06, got 0$"):
        Stopping(0)
