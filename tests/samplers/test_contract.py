"""What every sampler promises: rows of its labels, as many as it says, as a function of seed and pass alone."""

import inspect

import numpy as np
import pytest

from polytag.errors import DataError
from polytag.labels import Labels
from polytag.samplers import SAMPLERS, Sampler
from polytag.samplers.uniform import Uniform

LABELS = {
    "all known": Labels.from_dense([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 0, 0]], "abc"),
    "some unknown": Labels.from_dense([[1, -1, 0], [-1, 1, -1], [0, 0, 1], [-1, -1, -1], [0, 0, 0]], "abc"),
    "unlisted unknown": Labels.from_dense([[1, -1], [-1, 1], [0, -1], [-1, -1]], "ab", default="unknown"),
    "a class that never comes": Labels.from_dense([[1, 0], [0, 0], [1, 0]], "ab"),
    "no labels at all": Labels.from_dense(np.zeros((4, 2)), "ab"),
    "one photo": Labels.from_dense([[1, 0]], "ab"),
}


@pytest.fixture(params=SAMPLERS)
def build(request):
    return SAMPLERS[request.param]


def test_is_built_from_the_labels_and_named_typed_defaulted_options(build):
    assert issubclass(build, Sampler)
    first, *options = inspect.signature(build).parameters.values()
    assert (first.name, first.default) == ("labels", first.empty)
    for option in options:
        assert option.kind is option.POSITIONAL_OR_KEYWORD
        assert option.default is not option.empty
        assert option.annotation is not option.empty


@pytest.mark.parametrize("kind", LABELS)
def test_draws_as_many_rows_as_it_says_and_only_rows_that_there_are(build, kind):
    if kind == "no labels at all" and build is not Uniform:  # which weigh photos by their labels
        with pytest.raises(DataError, match=r"^no training photo has a label"):
            build(LABELS[kind])
        return
    sampler = build(LABELS[kind])
    for number in range(5):
        rows = sampler.draw(0, number)
        assert (rows.dtype, rows.shape) == (np.int64, (len(sampler),))
        assert ((rows >= 0) & (rows < len(LABELS[kind]))).all()
        assert rows.flags.writeable  # torch warns of others
    assert len(sampler) >= 1


def test_is_a_function_of_seed_and_pass_whatever_was_drawn_before(build):
    labels = LABELS["all known"]
    asked = [(seed, number) for seed in (0, 7, 2**40) for number in (0, 1, 5)]
    sampler = build(labels)
    forwards = [sampler.draw(*numbers).tolist() for numbers in asked]
    backwards = [sampler.draw(*numbers).tolist() for numbers in reversed(asked)]
    assert backwards[::-1] == forwards == [build(labels).draw(*numbers).tolist() for numbers in asked]


def test_other_seeds_and_passes_draw_otherwise(build):
    sampler = build(Labels.from_dense(np.tile(LABELS["all known"].dense(), (20, 1)), "abc"))
    draws = {tuple(sampler.draw(seed, number)) for seed in range(4) for number in range(4)}
    assert len(draws) == 16


def test_what_it_gave_may_be_changed_without_effect(build):
    sampler = build(LABELS["all known"])
    rows = sampler.draw(0, 0)
    expected = rows.copy()
    rows[:] = 0
    assert sampler.draw(0, 0).tolist() == expected.tolist()
