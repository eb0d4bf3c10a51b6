"""What an axis promises: round numbers that hold all values, and places along them."""

import random
import re

import pytest

from polytag.errors import OptionError
from polytag.report.axes import MOST_LOG_STEPS, MOST_STEPS, axis


def numbers(made):
    return [made.text(tick) for tick in made.ticks]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([24.3, 25.6], ["24.0", "24.5", "25.0", "25.5", "26.0"]),
        ([0.0, 100.0], ["0", "20", "40", "60", "80", "100"]),
        ([-1.12, 0.0, 2.19], ["-2", "-1", "0", "1", "2", "3"]),
        ([1200.0, 5100.0], ["1000", "2000", "3000", "4000", "5000", "6000"]),
        ([0.3, 0.4], ["0.30", "0.32", "0.34", "0.36", "0.38", "0.40"]),  # 0.3 / 0.02 is a little under 15
        ([0.0], ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]),  # nothing is below 0 where no value is
    ],
)
def test_ticks_are_round_and_told_apart(values, texts):
    assert numbers(axis(values, 0, 1)) == texts


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([3.0, 60.0], ["2", "5", "10", "20", "50", "100"]),
        ([0.0583, 17.58], ["0.05", "0.1", "0.2", "0.5", "1", "2", "5", "10", "20"]),
        ([2.0], ["2", "5"]),
        ([0.002, 900.0], ["0.001", "0.01", "0.1", "1", "10", "100", "1000"]),
    ],
)
def test_logarithmic_ticks_are_one_two_and_five_or_powers_of_ten(values, texts):
    assert numbers(axis(values, 0, 1, log=True)) == texts


def test_a_value_has_its_place_between_the_ends():
    across, up = axis([0.0, 10.0], 50, 250), axis([0.0, 10.0], 300, 100)
    assert [across.at(value) for value in (0, 2.5, 10)] == [50, 100, 250]
    assert [up.at(value) for value in (0, 2.5, 10)] == [300, 250, 100]
    tenfold = axis([1.0, 100.0], 0, 200, log=True)
    assert [tenfold.at(value) for value in (1, 10, 100)] == [0, 100, 200]


def test_small_differences_are_not_blown_up():
    low, *_, high = axis([1.0, 1.001], 0, 1, least=0.2).ticks
    assert high - low >= 0.2
    assert low <= 1.0005 - 0.1
    assert high >= 1.0005 + 0.1


def test_any_values_are_held_by_few_ticks():
    random.seed(0)
    for _ in range(2000):
        low = random.choice((-1, 1)) * 10 ** random.uniform(-6, 6)
        high = low + 10 ** random.uniform(-6, 6)
        ticks = axis([low, high], 0, 1).ticks
        assert ticks[0] <= low + 1e-9 * (high - low)
        assert ticks[-1] >= high - 1e-9 * (high - low)
        assert 2 <= len(ticks) <= MOST_STEPS + 1
        ticks = axis([abs(low), 1e3 * abs(low)], 0, 1, log=True).ticks
        assert ticks[0] <= abs(low) < 1e3 * abs(low) <= ticks[-1]
        assert 2 <= len(ticks) <= MOST_LOG_STEPS + 1


def test_without_a_value_there_is_no_axis():
    with pytest.raises(OptionError, match=rf"^{re.escape('an axis needs at least one value, got none')}$"):
        axis([], 0, 1)
