"""What the seeds can resolve: a difference that is found four times of five, smaller where there are more of them."""

import numpy as np
import pytest
from scipy import stats

from polytag._random import generator
from polytag.bench.table import detectable
from polytag.metrics.bootstrap import MEASURES, Measured, difference_of_measured


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
def test_a_t_test_finds_the_detectable_difference_four_times_of_five(seeds):
    random = generator(0, seeds)
    ours, theirs = random.normal(0, 0.01, (2, 40_000, seeds))
    pairs = ours + detectable(0.01, seeds) - theirs  # (tables, seeds)
    low = pairs.mean(axis=1) - stats.t.ppf(0.975, seeds - 1) * pairs.std(axis=1, ddof=1) / np.sqrt(seeds)
    assert (low > 0).mean() == pytest.approx(0.8, abs=5 * np.sqrt(0.8 * 0.2 / 40_000))


def test_the_verdict_of_a_table_finds_it_as_often_where_photos_bring_no_luck():
    random, seeds, found = generator(0), 3, 0

    def measured(values):
        return [Measured(dict.fromkeys(MEASURES, v), dict.fromkeys(MEASURES, np.full(100, v))) for v in values]

    for _ in range(1000):
        ours, theirs = random.normal(0.5, 0.01, (2, seeds))
        moved = difference_of_measured(measured(ours + detectable(0.01, seeds)), measured(theirs))
        found += moved["mAP"].verdict == "up"
    assert found / 1000 == pytest.approx(0.8, abs=0.05)


def test_the_detectable_difference_follows_the_deviation_and_falls_with_the_seeds():
    assert detectable(0.02, 5) == pytest.approx(2 * detectable(0.01, 5))
    values = [detectable(1.0, seeds) for seeds in (2, 3, 5, 10, 1000)]
    assert values == sorted(values, reverse=True)
    normal = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert values[-1] == pytest.approx(normal * np.sqrt(2 / 1000), rel=0.003)
    assert detectable(0.0, 3) == 0.0
