"""What the uniform sampler promises: every photo once a pass, in an order that is any with the same chance."""

import numpy as np

from polytag.labels import Labels
from polytag.samplers.uniform import Uniform


def labels(items):
    return Labels.from_dense(np.ones((items, 1)), "a")


def test_every_row_comes_once_a_pass():
    sampler = Uniform(labels(50))
    assert len(sampler) == 50
    for number in range(3):
        assert sorted(sampler.draw(0, number)) == list(range(50))


def test_every_order_comes_equally_often():
    sampler = Uniform(labels(3))
    orders, counts = np.unique(
        [sampler.draw(seed, n) for seed in range(60) for n in range(10)], axis=0, return_counts=True
    )
    assert len(orders) == 6
    assert (np.abs(counts - 100) < 5 * np.sqrt(600 * 1 / 6 * 5 / 6)).all()


def test_no_labels_are_looked_at():
    other = Labels.from_dense(np.zeros((50, 1)), "a")
    assert Uniform(labels(50)).draw(3, 1).tolist() == Uniform(other).draw(3, 1).tolist()


def test_without_rows_there_is_nothing_to_draw():
    sampler = Uniform(labels(0))
    assert (len(sampler), sampler.draw(0, 0).tolist()) == (0, [])
