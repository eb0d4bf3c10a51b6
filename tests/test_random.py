"""What the generators promise: the same numbers give the same randomness, other numbers other randomness."""

import itertools

import numpy as np
import pytest
import torch

from polytag._random import generator, torch_seed

TUPLES = [
    (0,),
    (1,),
    (2,),
    (1, 2),
    (2, 1),
    (0, 1, 2),
    (0, 1, 3),
    (12, 3),
    (1, 23),
    (7, 7, 7, 7),
    (2**40,),
    (5,),
    (5, 0),
    (2**32,),
]


def draws(*numbers):
    return tuple(generator(*numbers).integers(2**62, size=4).tolist())


def test_the_same_numbers_give_the_same_draws():
    assert all(draws(*numbers) == draws(*numbers) for numbers in TUPLES)
    assert all(torch_seed(*numbers) == torch_seed(*numbers) for numbers in TUPLES)


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(TUPLES, 2)))
def test_other_numbers_give_other_draws(one, other):
    assert draws(*one) != draws(*other)
    assert torch_seed(*one) != torch_seed(*other)


def test_the_values_do_not_change_between_versions():
    assert generator(0, 3).integers(1000, size=5).tolist() == [811, 373, 625, 965, 518]
    assert torch_seed(0, 3) == 1501051847469597663


def test_neighbouring_numbers_are_not_alike():
    draws = np.array([generator(0, number).random(1000) for number in range(20)])
    assert np.abs(np.corrcoef(draws) - np.eye(20)).max() < 0.15


def test_no_global_generator_is_touched():
    np_state, torch_state = np.random.get_state()[1].tolist(), torch.get_rng_state()  # noqa: NPY002
    generator(1, 2).random(10)
    torch_seed(1, 2)
    assert np.random.get_state()[1].tolist() == np_state  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_seeds_fit_torch_and_spread_over_its_range():
    seeds = [torch_seed(0, number) for number in range(200)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert 2**60 < min(seeds) + 2**61 < max(seeds)
    torch.Generator().manual_seed(max(seeds))
    assert len(set(seeds)) == 200
