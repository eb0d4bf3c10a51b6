"""What `stratify` promises: alike parts, whole groups, every class everywhere where that can be, the rest listed."""

import itertools

import numpy as np
import pytest

from polytag.errors import DataError, OptionError
from polytag.labels import Labels
from polytag.labels.stratify import stratify

THREE = (0.8, 0.1, 0.1)


def long_tailed(items, classes, seed=0, rarest=0.003, commonest=0.3):
    """Labels that come independently, each class at its own rate."""
    random = np.random.default_rng(seed)
    rates = np.geomspace(rarest, commonest, classes)
    return of_matrix(random.random((items, classes)) < rates)


def of_matrix(matrix):
    matrix = np.asarray(matrix, dtype=int)
    return Labels.from_dense(matrix, [f"c{column}" for column in range(matrix.shape[1])])


def units_held(labels, groups, part, parts):
    """How many units of each class are in each part, counted the slow way, ``(classes, parts)``."""
    held = np.zeros((len(labels.classes), parts), dtype=int)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        held[labels.dense(rows).max(axis=0) == 1, part[rows[0]]] += 1
    return held


def fewest_empty(matrix, parts):
    """The fewest (class, part) pairs without an item over every split that leaves no part empty."""
    with_items = np.column_stack([matrix, np.ones(len(matrix), dtype=int)])
    splits = np.array(list(itertools.product(range(parts), repeat=len(matrix))))
    held = np.einsum("sip,ic->scp", splits[:, :, None] == np.arange(parts), with_items)
    return (held == 0).sum(axis=(1, 2)).min()


@pytest.mark.parametrize("shares", [THREE, (9, 1), (1, 1, 1, 1, 1)])
def test_parts_have_their_shares_of_items_and_of_every_class_that_is_not_rare(shares):
    labels = long_tailed(2000, 50)
    part, _ = stratify(labels, shares, seed=0)
    wanted = np.array(shares) / sum(shares)
    assert len(part) == 2000
    np.testing.assert_allclose(np.bincount(part) / 2000, wanted, atol=0.01)
    dense, counts = labels.dense(), labels.counts().present
    held = np.array([dense[part == side].sum(axis=0) for side in range(len(shares))])
    assert np.abs(held - wanted[:, None] * counts).mean() < 0.8  # items; by chance, 2 to 3.5


def test_parts_are_more_alike_than_those_of_a_random_split():
    labels = long_tailed(1000, 30)
    dense, counts = labels.dense(), labels.counts().present

    def deviation(part):
        held = np.array([dense[part == side].sum(axis=0) for side in range(3)])
        return np.abs(held - np.array(THREE)[:, None] * counts).mean()

    by_chance = [deviation(np.random.default_rng(seed).choice(3, 1000, p=THREE)) for seed in range(20)]
    stratified = [deviation(stratify(labels, THREE, seed).part) for seed in range(5)]
    assert max(stratified) < 0.5 * min(by_chance)


def test_a_seed_is_a_split_and_another_seed_another_one():
    labels = long_tailed(500, 20)
    first, again, other = (stratify(labels, THREE, seed) for seed in (3, 3, 4))
    assert first.part.tolist() == again.part.tolist()
    assert first.missing == again.missing
    assert (first.part != other.part).sum() > 50


def test_no_class_with_enough_positives_misses_a_part():
    labels = long_tailed(600, 60, rarest=0.001, commonest=0.1)
    part, missing = stratify(labels, THREE, seed=1)
    counts = labels.counts().present
    rare = {f"c{column}" for column in np.flatnonzero((counts > 0) & (counts < 3))}
    assert rare
    assert {name for name, _ in missing} == rare
    held = units_held(labels, np.arange(600), part, 3)
    assert (held[counts >= 3] > 0).all()
    assert (held[(counts > 0) & (counts < 3), 0] > 0).all()  # what cannot be everywhere can at least be learned


def test_missing_lists_exactly_the_pairs_without_a_positive():
    labels = long_tailed(300, 40, rarest=0.001)
    part, missing = stratify(labels, THREE, seed=0)
    dense, counts = labels.dense(), labels.counts().present
    expected = [
        (name, side)
        for column, name in enumerate(labels.classes)
        for side in range(3)
        if counts[column] and not dense[part == side, column].any()
    ]
    assert list(missing) == expected
    assert expected


def test_groups_stay_together_and_parts_still_have_their_shares():
    labels = long_tailed(1500, 20, rarest=0.02)
    groups = np.sort(np.random.default_rng(0).integers(0, 400, 1500)) * 7 - 3  # any numbers
    part, missing = stratify(labels, THREE, seed=0, groups=groups)
    for group in np.unique(groups):
        assert len(set(part[groups == group])) == 1
    assert missing == ()
    np.testing.assert_allclose(np.bincount(part) / 1500, THREE, atol=0.02)


def test_a_group_that_is_too_large_for_a_small_part_goes_to_the_large_one():
    # "x" needs two parts and is in two groups: one item, and forty.
    groups = np.array([0] * 40 + list(range(1, 61)))
    labels = Labels.from_names([["x"]] + [["y"]] * 39 + [["x", "y"]] + [["y"]] * 59)
    for seed in range(10):
        part, missing = stratify(labels, THREE, seed, groups)
        assert part[0] == 0
        assert len(missing) == 1
        assert np.bincount(part).tolist() == [80, 10, 10]


def test_groups_of_one_are_items():
    labels = long_tailed(200, 10)
    plain = stratify(labels, THREE, seed=0)
    grouped = stratify(labels, THREE, seed=0, groups=np.arange(200) + 1000)
    assert plain.part.tolist() == grouped.part.tolist()


def test_a_class_with_as_many_groups_as_parts_is_in_each():
    # The class "x" is on six items of three groups; other groups are there to be in the way.
    groups = np.repeat(np.arange(30), 2)
    names = [["x", "y"] if group in (4, 9, 22) else ["y"] for group in groups]
    labels = Labels.from_names(names)
    for seed in range(10):
        part, missing = stratify(labels, THREE, seed, groups)
        assert missing == ()
        assert set(part[np.isin(groups, (4, 9, 22))]) == {0, 1, 2}


def test_a_class_in_one_group_is_in_the_largest_part_only():
    groups = np.repeat(np.arange(10), 3)
    labels = Labels.from_names([["x", "y"] if group == 6 else ["y"] for group in groups])
    part, missing = stratify(labels, (1, 8, 1), seed=0, groups=groups)
    assert set(part[groups == 6]) == {1}
    assert missing == (("x", 0), ("x", 2))


def test_two_rare_classes_that_share_items_are_both_everywhere():
    # Dealing out "a" without looking at "b" leaves "b" with one item for two parts in most orders.
    names = [["a", "b"], ["a"], ["a"], ["b"], ["b"], *[["c"]] * 45]
    for seed in range(20):
        assert stratify(Labels.from_names(names), THREE, seed).missing == ()


def test_classes_in_each_others_way_are_untangled_by_search():
    # A hidden split suits all: every class is on three items, one of each part, and shares most of them with others.
    random = np.random.default_rng(0)
    hidden = random.integers(0, 3, 60)
    matrix = np.zeros((60, 45), dtype=int)
    for column, side in itertools.product(range(45), range(3)):
        matrix[random.choice(np.flatnonzero(hidden == side)), column] = 1
    for seed in range(3):
        assert stratify(of_matrix(matrix), THREE, seed).missing == ()


@pytest.mark.parametrize("seed", range(12))
def test_small_problems_are_solved_as_well_as_by_trying_every_split(seed):
    random = np.random.default_rng(seed)
    matrix = np.zeros((7, 3 + seed), dtype=int)
    for column in range(matrix.shape[1]):
        matrix[random.choice(7, random.integers(3, 5), replace=False), column] = 1
    best = fewest_empty(matrix, 3)
    found = len(stratify(of_matrix(matrix), (1, 1, 1), seed).missing)
    assert found == best


@pytest.mark.parametrize("seed", range(12))
def test_small_problems_of_groups_are_solved_as_well_as_by_trying_every_split(seed):
    random = np.random.default_rng(100 + seed)
    groups = np.repeat(np.arange(7), random.integers(1, 4, 7))
    matrix = np.zeros((7, 3 + seed), dtype=int)
    for column in range(matrix.shape[1]):
        matrix[random.choice(7, random.integers(3, 5), replace=False), column] = 1
    items = matrix[groups] * (random.random((len(groups), matrix.shape[1])) < 0.5)
    for group, row in enumerate(matrix):  # at least one item of a group has each of its labels
        items[np.flatnonzero(groups == group)[0]] = row
    part, missing = stratify(of_matrix(items), (1, 1, 1), seed, groups)
    assert all(len(set(part[groups == group])) == 1 for group in range(7))
    assert len(missing) == fewest_empty(matrix, 3)


def test_what_cannot_be_had_is_listed():
    # Each of four classes is on all but one of four items: three parts hold two items and one each, and the classes
    # that are not on the one of a single item miss its part.
    matrix = 1 - np.eye(4, dtype=int)
    missing = stratify(of_matrix(matrix), THREE, seed=0).missing
    assert len(missing) == 2
    assert fewest_empty(matrix, 3) == 2


def test_unknown_labels_count_neither_way():
    matrix = long_tailed(200, 10).dense()
    masked = matrix.copy()
    masked[(matrix == 0) & (np.random.default_rng(0).random(matrix.shape) < 0.5)] = -1
    plain, unknown = (stratify(Labels.from_dense(m, "abcdefghij"), THREE, seed=0) for m in (matrix, masked))
    open_default = stratify(Labels.from_dense(masked, "abcdefghij", default="unknown"), THREE, seed=0)
    assert plain.part.tolist() == unknown.part.tolist() == open_default.part.tolist()
    nowhere = Labels.from_dense(np.full((10, 1), -1), ["a"])
    assert stratify(nowhere, (1, 1), seed=0).missing == ()


def test_items_without_labels_fill_up_the_parts():
    labels = Labels.from_names([["a"]] * 20 + [[]] * 80)
    part, _ = stratify(labels, THREE, seed=0)
    assert np.bincount(part).tolist() == [80, 10, 10]
    assert np.bincount(part[:20]).tolist() == [16, 2, 2]


@pytest.mark.parametrize("items", [3, 4, 7])
def test_no_part_is_empty(items):
    part, _ = stratify(Labels.from_names([[]] * items), (0.98, 0.01, 0.01), seed=0)
    assert set(part) == {0, 1, 2}


@pytest.mark.parametrize("shares", [(1,), (), (0.5, 0), (1, -1), (1, float("inf")), (1, float("nan"))])
def test_shares_must_be_positive_and_two_at_least(shares):
    with pytest.raises(OptionError) as caught:
        stratify(Labels.from_names([["a"]] * 3), shares, seed=0)
    assert str(caught.value) == f"shares must be two or more positive numbers, got {shares!r}"


@pytest.mark.parametrize(
    ("items", "groups", "message"),
    [
        (2, None, "2 items cannot fill 3 parts; give more items or ask for fewer parts"),
        (0, None, "0 items cannot fill 3 parts; give more items or ask for fewer parts"),
        (9, np.arange(9) % 2, "2 groups cannot fill 3 parts; give more groups or ask for fewer parts"),
        (9, np.arange(8), "9 items came with 8 groups; give one for each"),
    ],
)
def test_too_little_to_split_is_refused(items, groups, message):
    with pytest.raises(DataError, match=f"^{message}$"):
        stratify(Labels.from_names([["a"]] * items), THREE, 0, groups)
