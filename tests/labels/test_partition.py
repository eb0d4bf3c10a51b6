"""What a partition of labels promises: affinities by hand, groups that are there, numbers that tell good from bad."""

import json
import re

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.metrics import calinski_harabasz_score

from polytag.errors import DataError, OptionError
from polytag.labels import Labels
from polytag.labels.affinity import Affinity, embedding, smallest
from polytag.labels.cooccurrence import shares
from polytag.labels.partition import (
    cluster,
    cluster_of,
    load_partition,
    partition_labels,
    save_partition,
    suggest_k,
)

COUNTS = np.array([[0, 4, 1], [4, 0, 2], [1, 2, 0]])  # photos with both of two labels
NUMBERS = np.array([5, 8, 4])  # with one
COMMON = csr_array(COUNTS / NUMBERS[:, None])


def blocks(sizes=(3, 4, 2), items=400, seed=0, across=0.02):
    """Labels that come together within blocks and seldom across."""
    random = np.random.default_rng(seed)
    block = random.integers(0, len(sizes), items)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    matrix = random.random((items, len(owner))) < np.where(owner == block[:, None], 0.6, across)
    return Labels.from_dense(matrix.astype(int), [f"c{n}" for n in range(len(owner))])


def test_affinities_of_three_labels_with_ten_twenty_and_eight_photos():
    counts = np.array([[0, 8, 1], [8, 0, 6], [1, 6, 0]])
    common = csr_array(counts / np.array([10, 20, 8])[:, None])
    together, apart = Affinity(common, "together").dense(), Affinity(common, "apart").dense()
    above = np.triu_indices(3, 1)
    assert together[above] == pytest.approx([0.763441, 0.334891, 0.706874], abs=5e-7)
    assert apart[above] == pytest.approx([0.236559, 0.665109, 0.293126], abs=5e-7)


def test_affinities_by_hand():
    together, apart = Affinity(COMMON, "together").dense(), Affinity(COMMON, "apart").dense()
    first = (np.sqrt(4 / 5) + np.sqrt(4 / 8)) / 2
    assert together[0, 1] == together[1, 0] == pytest.approx(first, rel=1e-12)
    assert together.diagonal().tolist() == [0, 0, 0]
    assert apart[0, 1] == pytest.approx(1 - first, rel=1e-12)
    assert apart.diagonal().tolist() == [1, 1, 1]


@pytest.mark.parametrize("kind", ["together", "apart"])
def test_what_is_computed_sparsely_is_what_the_whole_matrix_gives(kind):
    affinity = Affinity(COMMON, kind)
    whole = affinity.dense()
    np.fill_diagonal(whole, 0)
    vectors = np.random.default_rng(0).standard_normal((3, 2))
    np.testing.assert_allclose(affinity.times(vectors), whole @ vectors, atol=1e-12)
    np.testing.assert_allclose(affinity.times(vectors[:, 0]), whole @ vectors[:, 0], atol=1e-12)
    np.testing.assert_allclose(affinity.degrees(), whole.sum(axis=1), atol=1e-12)


def test_unknown_labels_are_left_out():
    known = Labels.from_dense([[1, 1], [1, 0]], ["a", "b"])
    doubtful = Labels.from_dense([[1, 1], [1, 0], [1, -1], [-1, 1]], ["a", "b"])
    assert partition_labels(known, 1, "together").cut == partition_labels(doubtful, 1, "together").cut
    assert shares(doubtful).toarray().tolist() == [[0, 0.5], [1, 0]]


def test_blocks_are_found_and_each_label_is_in_one_group():
    found = partition_labels(blocks(), 3, "together")
    assert found.groups == ((0, 1, 2), (3, 4, 5, 6), (7, 8))
    assert found.numbers.tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2]
    assert found.cut < 1.5  # by chance it would be near 2, the number of groups less one


def test_groups_of_labels_that_do_not_come_together_mix_the_blocks():
    labels = blocks((3, 3, 3))
    found = partition_labels(labels, 3, "apart", seed=1)
    assert sorted(column for group in found.groups for column in group) == list(range(9))
    owner = np.repeat(np.arange(3), 3)
    assert all(len(set(owner[list(group)])) > 1 for group in found.groups)
    together = cluster_of(Affinity(shares(labels), "apart"), labels.classes, owner)
    assert found.cut < together.cut - 0.5


@pytest.mark.parametrize("kind", ["together", "apart"])
def test_the_score_is_that_of_scikit_learn_on_the_rows_of_the_affinity(kind):
    labels = blocks()
    found = partition_labels(labels, 3, kind)
    whole = Affinity(shares(labels), kind).dense()
    assert found.score == pytest.approx(calinski_harabasz_score(whole, found.numbers), rel=1e-9)


def test_the_cut_is_what_leaves_the_groups():
    affinity = Affinity(COMMON, "together")
    whole = affinity.dense()
    found = cluster(affinity, ["a", "b", "c"], 2)
    expected = 0.0
    for group in found.groups:
        rest = [column for column in range(3) if column not in group]
        expected += whole[np.ix_(group, rest)].sum() / whole[list(group)].sum()
    assert found.cut == pytest.approx(expected, rel=1e-12)


def test_the_seed_alone_decides():
    random = np.random.default_rng(0).random((200, 30)) < 0.2  # no groups are there, so many are as good
    labels = Labels.from_dense(random.astype(int), [f"c{n}" for n in range(30)])
    first, again, other = (partition_labels(labels, 8, "apart", seed) for seed in (5, 5, 6))
    assert first == again
    assert first.groups != other.groups


@pytest.mark.parametrize(("k", "groups"), [(1, ((0, 1, 2),)), (3, ((0,), (1,), (2,)))])
def test_one_group_and_as_many_as_labels(k, groups):
    found = cluster(Affinity(COMMON, "together"), ["a", "b", "c"], k)
    assert found.groups == groups
    assert np.isnan(found.score)


def test_a_label_that_meets_no_other_is_in_a_group_too():
    labels = Labels.from_dense([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]], list("abcd"))
    found = partition_labels(labels, 2, "together")
    assert sorted(column for group in found.groups for column in group) == [0, 1, 2, 3]


@pytest.mark.parametrize("kind", ["together", "apart"])
def test_labels_without_a_photo_go_into_the_largest_group_and_change_no_other(kind):
    labels = blocks()
    bare = labels.with_classes([*labels.classes, "never", "nowhere"])
    plain = partition_labels(labels, 3, kind).groups
    largest = max(plain, key=len)
    expected = {(*group, 9, 10) if group == largest else group for group in plain}
    assert set(partition_labels(bare, 3, kind).groups) == expected
    assert suggest_k(bare) == suggest_k(labels)
    with pytest.raises(OptionError, match=r"^k must be between 1 and 9, got 10$"):
        partition_labels(bare, 10, kind)


def test_a_saved_group_that_no_photo_shows_is_refused(tmp_path):
    (tmp_path / "p.json").write_text('{"kind": "apart", "groups": [["a", "c"], [], ["d", "b"]]}')
    sentence = f"{tmp_path / 'p.json'} has no training photo for the group of 'b'; put its labels into another"
    with pytest.raises(DataError, match=f"^{re.escape(sentence)}$"):
        load_partition(tmp_path / "p.json", Labels.from_dense([[1, 0, 0, 0], [0, 0, 1, 0]], list("abcd")), "apart")


def test_many_labels_take_another_way_to_the_same_embedding(monkeypatch):
    affinity = Affinity(COMMON, "apart")
    random = np.random.default_rng(0)
    counts = random.integers(0, 9, (40, 40))
    counts = np.triu(counts, 1) + np.triu(counts, 1).T
    affinity = Affinity(csr_array(counts / (counts.sum(axis=1, keepdims=True) + 1)), "together")
    exact = embedding(affinity, 4)
    monkeypatch.setattr("polytag.labels.affinity.DENSE", 10)
    np.testing.assert_allclose(embedding(affinity, 4), exact, atol=1e-6)


@pytest.mark.parametrize("parts", [(100,) * 12, (3,) * 7 + (60, 40)])
def test_of_many_labels_those_that_never_meet_are_found_apart(parts, monkeypatch):
    """Each part has the eigenvalue 0, which a search from one vector finds once or twice."""
    labels = blocks(parts, items=8 * sum(parts), across=0.0)
    monkeypatch.setattr("polytag.labels.affinity.DENSE", 50)
    found = partition_labels(labels, len(parts), "together")
    assert found.cut == pytest.approx(0, abs=1e-12)
    assert sorted(map(len, found.groups)) == sorted(parts)
    fewer = smallest(Affinity(shares(labels), "together"), 5)
    np.testing.assert_array_equal(fewer[0], np.zeros(5))
    assert suggest_k(blocks((20, 40, 20), items=800)) == 3


def test_what_is_left_beside_parts_that_never_meet_is_that_of_all_eigenvectors(monkeypatch):
    random = np.random.default_rng(0)
    counts = np.triu(random.integers(1, 9, (60, 60)), 1)
    counts[:20, 20:] = counts[20:45, 45:] = 0  # three parts
    counts = counts + counts.T
    affinity = Affinity(csr_array(counts / (counts.sum(axis=1, keepdims=True) + 1)), "together")
    exact, vectors = smallest(affinity, 6)
    monkeypatch.setattr("polytag.labels.affinity.DENSE", 10)
    values, found = smallest(affinity, 6)
    np.testing.assert_allclose(values, exact, atol=1e-9)
    np.testing.assert_allclose(found @ found.T, vectors @ vectors.T, atol=1e-6)  # the same space


def test_labels_that_never_meet_are_cut_alike_each_time(monkeypatch):
    labels = Labels.from_dense(np.eye(60, dtype=int), [str(n) for n in range(60)])
    monkeypatch.setattr("polytag.labels.affinity.DENSE", 10)
    one, other = (partition_labels(labels, 5, "together") for _ in range(2))
    assert one.groups == other.groups
    assert len(one.groups) == 5


def test_blocks_suggest_their_number():
    assert suggest_k(blocks((3, 4, 2))) == 3
    assert suggest_k(blocks((4, 4, 4, 4), items=800)) == 4
    assert suggest_k(Labels.from_dense([[1, 1], [0, 1]], ["a", "b"])) == 2


def test_a_partition_is_saved_by_names_and_fits_another_order(tmp_path):
    labels = blocks()
    found = partition_labels(labels, 3, "together")
    save_partition(tmp_path / "p.json", found)
    assert load_partition(tmp_path / "p.json", labels, "together") == found
    turned = labels.with_classes(labels.classes[::-1])
    again = load_partition(tmp_path / "p.json", turned, "together")
    assert again.groups == ((0, 1), (2, 3, 4, 5), (6, 7, 8))


@pytest.mark.parametrize(
    ("name", "kind", "other"), [("coocurrence_2.json", "together", "apart"), ("cluster_2.json", "apart", "together")]
)
def test_the_files_of_public_code_are_read(tmp_path, name, kind, other):
    labels = Labels.from_dense([[1, 1, 0], [0, 1, 1]], ["person", "airplane", "apple"])  # as COCO has them, by its ids
    for file in (name, "renamed.json"):
        (tmp_path / file).write_text(json.dumps([{"0": 0, "1": 1}, {"2": 0}]))  # columns of the alphabetical order
        found = load_partition(tmp_path / file, labels, kind)
        assert (found.kind, found.groups) == (kind, ((0,), (1, 2)))
    sentence = f"{tmp_path / name} has groups of the kind {kind}, and {other} is wanted; give it as {kind}"
    with pytest.raises(DataError, match=f"^{re.escape(sentence)}$"):
        load_partition(tmp_path / name, labels, other)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"kind": "both", "groups": []}',
            "FILE is no partition of labels; it must have kind, together or apart, and ",
        ),
        ('{"kind": "apart", "groups": [["a"], ["b"]]}', "FILE leaves out 'c'; every label must be in one group"),
        ('{"kind": "apart", "groups": [["a", "b"], ["b", "c"]]}', "FILE has a label twice, or one that is not there; "),
        ('{"kind": "apart", "groups": [["a", "b", "x"], ["c"]]}', "FILE has a label twice, or one that is not there; "),
        ("{", "FILE cannot be read as a partition of labels (Expecting "),
        ('[{"a": 0}]', "FILE is no partition of labels: its groups must be lists of names; save it again"),
        (
            '{"kind": "together", "groups": [["a"], ["b", "c"]]}',
            "FILE has groups of the kind together, and apart is wanted; give it as together",
        ),
        ('{"kind": "apart", "groups": ["ab", "c"]}', "FILE is no partition of labels: its groups must be lists of "),
        ('{"kind": "apart"}', "FILE is no partition of labels: its groups must be lists of names; save it again"),
        ('{"kind": "apart", "groups": null}', "FILE is no partition of labels: its groups must be lists of names; "),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path, content, message):
    file = tmp_path / "p.json"
    file.write_text(content)
    with pytest.raises(DataError) as caught:
        load_partition(file, Labels.from_dense([[1, 1, 0], [0, 1, 1]], list("abc")), "apart")
    assert str(caught.value).replace(str(file), "FILE").startswith(message)


def test_of_more_groups_that_never_meet_than_may_be_suggested_the_largest_number_is():
    pairs = np.kron(np.eye(20, dtype=np.int8), np.ones((1, 2), np.int8))  # 40 labels, two a photo
    assert suggest_k(Labels.from_dense(pairs, [f"l{n}" for n in range(40)])) == 15


def test_numbers_of_groups_that_cannot_be_are_refused(monkeypatch):
    labels = blocks()
    with pytest.raises(OptionError, match=r"^k must be between 1 and 9, got 10$"):
        partition_labels(labels, 10, "together")
    monkeypatch.setattr("polytag.labels.partition.embedding", lambda affinity, k: np.ones((4, k)))
    alike = Affinity(csr_array((4, 4)), "apart")
    with pytest.raises(OptionError, match=r"^k is 3, and the labels fall into fewer groups; choose a smaller one$"):
        cluster(alike, list("abcd"), 3)
    with pytest.raises(OptionError, match=r"^kind must be one of together, apart, got 'both'"):
        Affinity(COMMON, "both")
