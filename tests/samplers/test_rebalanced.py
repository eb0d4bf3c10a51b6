"""What re-balanced passes promise: the paper's probabilities in expectation, as pure functions of seed and pass."""

import numpy as np
import pytest

from polytag.errors import DataError, OptionError
from polytag.labels import Labels
from polytag.samplers.rebalanced import ClassAware, Rebalanced, Repeated
from polytag.samplers.uniform import Uniform

SMALL = Labels.from_dense([[1, 0, 1], [1, 0, 0], [1, 1, 0], [1, 0, 0]], ("a", "b", "c"))
RANDOM = np.random.default_rng(0)
# The first label is on every photo, the last on one; one label is on none, one photo has none, some are unknown.
DENSE = (RANDOM.random((60, 5)) < [1.0, 0.5, 0.1, 0.0, 0.03]).astype(int)
DENSE[3] = 0
DENSE[7, 1] = -1
LARGE = Labels.from_dense(DENSE, tuple("abcde"))


def test_probabilities_are_those_of_the_paper():
    np.testing.assert_allclose(Rebalanced(SMALL).probabilities(), [5 / 12, 1 / 12, 5 / 12, 1 / 12])
    probabilities = Rebalanced(LARGE).probabilities()
    present = DENSE == 1
    counts = present.sum(0)
    kept = counts > 0
    expected = (present[:, kept] / counts[kept]).sum(1) / kept.sum()
    np.testing.assert_allclose(probabilities, expected)
    assert probabilities.sum() == pytest.approx(1)
    assert probabilities[3] == 0


@pytest.mark.parametrize("kind", [Rebalanced, ClassAware])
def test_of_a_single_label_photos_with_and_without_it_come_as_often(kind):
    dense = np.array([[1, 0], [0, 0], [1, 0], [0, 0], [-1, 0], [1, 0]] * 10)
    drawn = np.concatenate([kind(Labels.from_dense(dense, "ab")).draw(0, number) for number in range(40)])
    assert (dense[drawn, 0] == 1).mean() == pytest.approx(0.5, abs=0.06)
    expected = np.select([dense[:, 0] == 1, dense[:, 0] == 0], [0.5 / 30, 0.5 / 20])
    np.testing.assert_allclose(Rebalanced(Labels.from_dense(dense, "ab")).probabilities(), expected)
    assert (kind(Labels.from_dense(np.ones((6, 1)), "a")).draw(0, 0) < 6).all()  # nowhere absent


@pytest.mark.parametrize("kind", [Rebalanced, ClassAware])
def test_draws_are_exact_in_expectation(kind):
    sampler, passes = kind(LARGE), 400
    drawn = np.bincount(np.concatenate([sampler.draw(0, n) for n in range(passes)]), minlength=60) / (passes * 60)
    expected = Rebalanced(LARGE).probabilities()
    spread = np.sqrt(expected * (1 - expected) / (passes * 60))
    # In turns, photos of a label are not drawn independently; both keep to their means.
    assert (np.abs(drawn - expected) <= 5 * spread + 1e-12).all()


def test_in_turns_no_label_is_ahead_by_more_than_one_and_photos_come_three_in_a_row():
    sampler = ClassAware(LARGE, "published")
    rows = sampler.draw(3, 1)
    counts = (DENSE == 1).sum(0)
    kept = np.flatnonzero(counts)
    assert len(rows) == len(sampler) == int(counts.max() * len(kept) / 4)
    rare = int(np.flatnonzero(DENSE[:, kept[-1]] == 1)[0])
    turns = len(rows) / 3 / len(kept)
    if counts[kept[-1]] == 1:  # the only photo of the rarest label comes in each of its turns, three times
        assert (rows == rare).sum() >= 3 * int(turns)


def test_in_turns_every_label_comes_once_a_round_and_its_photos_equally_often():
    sizes = (40, 12, 5, 1)  # photos of each label, one label a photo
    of_photo = np.repeat(np.arange(4), sizes)
    labels = Labels.from_dense(np.eye(4, dtype=np.int8)[of_photo], list("abcd"))
    rows = ClassAware(labels, "published").draw(3, 1)
    assert len(rows) == 40  # 40 photos of the most frequent label, 4 labels, a quarter
    threes = of_photo[rows[:39]].reshape(-1, 3)
    assert (threes == threes[:, :1]).all()
    turns = threes[:, 0]
    for start in range(0, 12, 4):
        assert sorted(turns[start : start + 4]) == [0, 1, 2, 3]
    for label in range(4):
        often = np.bincount(rows[of_photo[rows] == label], minlength=len(of_photo))[of_photo == label]
        assert often.max() - often.min() <= 1


@pytest.mark.parametrize("kind", [Rebalanced, ClassAware, lambda labels: Repeated(Uniform(labels), 25)])
def test_a_pass_is_a_pure_function_of_seed_and_number(kind):
    sampler = kind(LARGE)
    assert np.array_equal(sampler.draw(5, 2), kind(LARGE).draw(5, 2))
    assert not np.array_equal(sampler.draw(5, 2), sampler.draw(5, 3))
    assert not np.array_equal(sampler.draw(5, 2), sampler.draw(6, 2))
    assert sampler.draw(5, 2).shape == (len(sampler),)
    assert sampler.draw(5, 2).dtype == np.int64


@pytest.mark.parametrize("length", [1, 7, 60, 61, 150])
def test_repeated_passes_go_on_where_the_last_one_ended(length):
    inner, sampler = Uniform(LARGE), None
    sampler = Repeated(inner, length)
    whole = np.concatenate([inner.draw(0, n) for n in range(10)])
    cut = np.concatenate([sampler.draw(0, n) for n in range(600 // length)])
    assert np.array_equal(cut, whole[: len(cut)])


@pytest.mark.parametrize(("kind", "length", "expected"), [(Rebalanced, "photos", 4), (ClassAware, "published", 3)])
def test_lengths(kind, length, expected):
    assert len(kind(SMALL, length)) == expected  # 4 photos of the most frequent label, 3 labels, a quarter


def test_what_cannot_be_balanced_is_refused():
    none = Labels.from_dense([[0, 0], [0, -1]], ("a", "b"))
    for kind in (Rebalanced, ClassAware):
        with pytest.raises(DataError) as refusal:
            kind(none)
        assert str(refusal.value) == (
            "no training photo has a label, so there is nothing to balance; give labelled photos"
        )
        with pytest.raises(OptionError, match=r"^length must be one of photos, published, got 'long'$"):
            kind(SMALL, "long")


@pytest.mark.parametrize("default", ["absent", "unknown"])
@pytest.mark.parametrize("kind", [Rebalanced, ClassAware])
def test_where_a_single_label_is_unknown_it_is_not_taken_for_absent(kind, default):
    dense = np.array([[1], [0], [-1], [-1], [-1], [-1]] * 10)
    drawn = kind(Labels.from_dense(dense, "a", default)).draw(0, 0)
    assert set(dense[drawn, 0]) == {0, 1}
