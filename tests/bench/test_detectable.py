"""What the seeds can resolve: a difference that is found four times of five, smaller where there are more of them."""

import numpy as np
import pytest
from scipy import stats

from polytag._random import generator
from polytag.bench.table import detectable
from polytag.metrics.bootstrap import MEASURES, Measured, difference_of_measured, reach

NAN = float("nan")


def photos_and_seeds(random, tables, seeds, photos, deviation):
    """Estimated differences of rows that are alike, and what is estimated of both variances."""
    pairs = random.normal(0, deviation, (tables, seeds)) - random.normal(0, deviation, (tables, seeds))
    luck = random.normal(0, np.sqrt(photos), tables)
    return pairs.mean(axis=1) + luck, pairs.var(axis=1, ddof=1) / seeds


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
@pytest.mark.parametrize("photos", [0.0, 1e-5, 1e-3])
def test_verdicts_find_the_detectable_difference_four_times_of_five(seeds, photos):
    found, noise = photos_and_seeds(generator(0, seeds), 40_000, seeds, photos, 0.01)
    found += detectable(photos, 2 * 0.01**2 / seeds, seeds)
    up = found - reach(photos, noise, seeds) > 0
    assert up.mean() == pytest.approx(0.8, abs=0.012)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.5, 1.0, 10.0])  # photos' variance in those of the seeds' mean
def test_rows_that_are_alike_are_told_apart_once_in_twenty_at_most(seeds, share):
    photos = share * 2 * 0.01**2 / seeds
    found, noise = photos_and_seeds(generator(1, seeds), 40_000, seeds, photos, 0.01)
    called = (abs(found) > reach(photos, noise, seeds)).mean()
    assert 0.01 < called < 0.055
    if not share:
        assert called == pytest.approx(0.05, abs=0.005)


def test_the_verdict_of_a_table_finds_it_as_often_where_photos_bring_no_luck():
    random, seeds, found = generator(0), 3, 0

    def measured(values):
        return [Measured(dict.fromkeys(MEASURES, v), dict.fromkeys(MEASURES, np.full(100, v))) for v in values]

    for _ in range(1000):
        ours, theirs = random.normal(0.5, 0.01, (2, seeds))
        moved = difference_of_measured(measured(ours + detectable(0.0, 2e-4 / seeds, seeds)), measured(theirs))
        found += moved["mAP"].verdict == "up"
    assert found / 1000 == pytest.approx(0.8, abs=0.05)


def test_the_detectable_difference_follows_the_deviation_and_falls_with_the_seeds():
    assert detectable(0.04, 0.08, 5) == pytest.approx(2 * detectable(0.01, 0.02, 5))
    values = [detectable(0.0, 2 / seeds, seeds) for seeds in (2, 3, 5, 10, 1000)]
    assert values == sorted(values, reverse=True)
    normal = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert values[-1] == pytest.approx(normal * np.sqrt(2 / 1000), rel=0.003)
    assert detectable(1.0, 0.0, 3) == pytest.approx(normal)  # of photos alone
    assert detectable(0.0, 0.0, 3) == 0.0
    assert np.isnan([detectable(1.0, 1.0, 1), detectable(NAN, 1.0, 3), detectable(1.0, NAN, 3)]).all()
