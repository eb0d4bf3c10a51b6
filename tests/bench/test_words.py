"""What numbers in words promise: so many digits, signs, units, and a dash for what is not defined."""

from math import nan

import pytest

from polytag.bench.words import amount, duration, figures, interval, percent, points, spread, time_unit
from polytag.metrics.bootstrap import Difference


def test_percent_has_two_decimals():
    assert [percent(value) for value in (0.24331, 1, 0, -0.00001, nan)] == ["24.33", "100.00", "0.00", "0.00", "-"]


def test_a_deviation_stands_behind_its_mean_where_there_is_one():
    assert spread(0.2433, 0.0073) == "24.33 ± 0.73"
    assert spread(0.2433, nan) == "24.33"
    assert spread(nan, 0.1) == "-"


def test_points_have_a_sign_and_an_interval_has_two():
    assert [points(value) for value in (0.0125, -0.0125, -0.000001, nan)] == ["+1.25", "-1.25", "+0.00", "-"]
    assert interval(Difference(0.0125, 0.0031, 0.022, "up")) == "[+0.31, +2.20]"
    assert interval(Difference(0.0125, nan, nan, "not resolved")) == "-"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.05833, "0.0583"),
        (4.126, "4.13"),
        (98.76, "98.8"),
        (1523.4, "1523"),
        (123456.7, "123457"),
        (nan, "-"),
    ],
)
def test_three_figures_count(value, text):
    assert figures(value) == text


def test_other_figures_may_count():
    assert [figures(value, 2) for value in (1.234, 0.0432, 12.3)] == ["1.2", "0.043", "12"]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (912, "912"), (1000, "1.00 k"), (850_123, "850 k"), (4_203_312, "4.20 M"), (7_000_000_000, "7.00 G")],
)
def test_amounts_have_a_unit(count, text):
    assert amount(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (9.96, "10 s"),
        (45.04, "45 s"),
        (100, "1.7 min"),
        (733.4, "12 min"),
        (9000, "2.5 h"),
        (1e6, "278 h"),
        (nan, "-"),
    ],
)
def test_durations_have_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


def test_a_unit_is_so_many_seconds():
    assert [time_unit(seconds) for seconds in (99, 100, 5999, 6000)] == [
        (1, "s"),
        (60, "min"),
        (60, "min"),
        (3600, "h"),
    ]
