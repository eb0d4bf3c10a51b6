"""What an inspection promises: counts by hand, copies and leaks named, and sentences about what is wrong."""

import numpy as np
import pytest

from polytag.data.duplicates import Duplicates, Pair
from polytag.data.inspection import Photos, across_splits, at_odds, copied, inspect_data, kept_together
from polytag.data.labelled_set import ImageArrays, ImageFiles, LabelledSet
from polytag.data.paths import Paths
from polytag.labels import Labels


def texture(seed, size=96):
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (12, 12, 3)).astype(np.uint8)
    return np.kron(small, np.ones((size // 12, size // 12, 1), np.uint8))


def make(matrix, classes, photos=None, split=None, groups=None):
    images = ImageArrays([texture(seed) for seed in (photos or range(len(matrix)))])
    split = None if split is None else np.array(split, np.int8)
    groups = None if groups is None else np.array(groups)
    return LabelledSet(images, Labels.from_dense(matrix, classes), split, groups)


def said(data, grave=None, **options):
    found = inspect_data(data, workers=1, **options)
    return [problem.text for problem in found.problems if grave in (None, problem.grave)]


def test_labels_are_counted_in_all_and_in_each_split():
    data = make([[1, 0], [1, 1], [0, -1], [1, 0]], ["cat", "dog"], split=[0, 0, 1, -1])
    found = inspect_data(data, pixels=False)
    assert found.splits == {"train": 2, "val": 1, "none": 1}
    assert [tuple(row) for row in found.rows] == [("cat", 3, (2, 0, 0), 0), ("dog", 1, (1, 0, 0), 1)]
    assert found.per_photo == (1, 2, 1)
    assert found.groups == (0, 0, 2)
    assert found.photos is None


def test_copies_leaks_and_labels_that_differ_are_named():
    data = make([[1, 0], [0, 1], [1, 0], [1, 1]], ["cat", "dog"], photos=[0, 1, 0, 1], split=[0, 0, 2, 0])
    found = inspect_data(data)
    assert found.photos.copies.same == [(0, 2), (1, 3)]
    assert across_splits(data, copied(found.photos.copies)) == [(0, 2)]
    assert at_odds(data, found.photos.copies) == [(1, 3)]
    texts = [problem.text for problem in found.problems]
    assert texts[:2] == [
        "1 pair of photos that are the same or overlap is in different splits, which makes scores too good; "
        "keep such photos together",
        "1 group of identical photos has different labels",
    ]
    assert "2 photos are copies of another one" in texts


def test_photos_that_cannot_be_read_are_kept_and_named(tmp_path):
    (tmp_path / "a.jpg").touch()
    data = LabelledSet(ImageFiles(tmp_path, Paths(["a.jpg"])), Labels.from_names([["cat"]]))
    found = inspect_data(data)
    assert found.photos.bad == ((0, f"{tmp_path / 'a.jpg'} cannot be read: it is empty"),)
    assert found.problems[0] == (True, "1 photo cannot be read")


def test_progress_is_told_photo_by_photo():
    seen = []
    inspect_data(make([[1], [1]], ["cat"]), progress=seen.append)
    assert seen == [1, 1]


def test_what_labels_lack_is_said():
    rows = [[1, 0, 0, 1]] * 12 + [[1, 1, 0, 1]] * 2
    names = ["always", "few", "never", "pair"]
    assert said(make(rows, names), pixels=False) == [
        "1 label is on no photo: 'never'",
        "1 label is on fewer than 10 photos, hardly enough to learn: 'few'",
        "1 label cannot be in train, val and test: 'few'",
        "2 labels are on nearly every photo: 'always', 'pair'",
        "1 pair of labels, the first never alone: 'always' with 'pair'",
    ]
    split = [0] * 12 + [2] * 2
    assert said(make(rows, names, split=split), grave=True, pixels=False) == [
        "2 labels are on no training photo: 'few', 'never'"
    ]
    split = [0] * 10 + [1, 0, 0, 0]
    assert "1 label is on no photo of val: 'few'" in said(make(rows, names, split=split), pixels=False)


def test_unknown_labels_and_names_spelled_alike_are_counted():
    rows = [[1, -1], [0, 1], [0, 1], [1, -1]]
    texts = said(make(rows, ["sandals", "sandal"]), grave=False, pixels=False)
    assert texts == [
        "2 labels of photos are unknown (25.0% of all)",
        "1 pair of labels are spelled alike: 'sandal' and 'sandals'",
    ]


def test_long_lists_are_cut():
    data = make(np.eye(8, dtype=int).tolist(), [f"label {letter}" for letter in "abcdefgh"])
    few = said(data, grave=True, pixels=False)[0]
    assert few.endswith("hardly enough to learn: 'label a', 'label b', 'label c', 'label d', 'label e' and 3 more")


@pytest.mark.parametrize(
    ("groups", "expected"),
    [(None, [0, 1, 0, 1, 2]), ([0, 0, 1, 2, 3], [0, 0, 0, 0, 1]), ([5, 6, 7, 8, 5], [0, 1, 0, 1, 0])],
)
def test_what_belongs_together_shares_a_group(groups, expected):
    data = make([[1]] * 5, ["cat"], split=[0, 0, 1, 1, 2], groups=groups)
    copies = Duplicates([(0, 2)], [], [Pair(1, 3, 0.95, 0.4, False)])
    new = kept_together(data, Photos((), copies))
    assert new.split is None
    _, first = np.unique(new.groups, return_index=True)
    ranks = {new.groups[row]: number for number, row in enumerate(sorted(first))}
    assert [ranks[group] for group in new.groups] == expected


def test_copies_leak_between_any_two_splits_and_one_in_none_hides_nothing():
    data = make([[1]] * 4, ["cat"], photos=[0, 0, 0, 0], split=[-1, 0, 1, 2])
    pairs = across_splits(data, copied(inspect_data(data).photos.copies))
    assert pairs == [(1, 2), (1, 3), (2, 3)]


def test_head_and_tail_are_those_of_the_training_photos():
    data = make([[1, 0]] * 110 + [[0, 1]] * 25, ["many", "some"], split=[2] * 100 + [0] * 35)
    assert inspect_data(data, pixels=False).groups == (0, 1, 1)


def test_names_are_compared_whatever_their_case_and_place():
    data = make([[1, 1, 1]] * 12, ["Sandal", "apple", "sandals"])
    assert "1 pair of labels are spelled alike: 'Sandal' and 'sandals'" in said(data, pixels=False)


def shore(seed, edge, width=96):
    """Water to the left, sand to the right, each with waves of its own."""
    grey = 60 + 120 * (np.arange(width) > edge)[None, :] + np.random.default_rng(seed).normal(0, 6, (96, width))
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


def shores(*edges, width=96):
    photos = [*(shore(seed, edge, width) for seed, edge in enumerate(edges)), *(texture(seed) for seed in range(4))]
    split = np.arange(len(photos), dtype=np.int8) % 2
    return LabelledSet(ImageArrays(photos), Labels.from_dense([[1]] * len(photos), ["sea"]), split)


def test_tiles_that_look_alike_from_afar_are_named_unless_that_is_not_wanted():
    text = "1 pair of other photos that look alike from afar is in different splits"
    assert text in said(shores(40, 45), grave=True)
    assert text not in said(shores(40, 45), alike=False)
    assert text not in said(shores(40, 45, width=100))
    assert text in said(shores(40, 45, width=100), alike=True)


def test_more_look_alikes_than_photos_tell_nothing():
    many = shores(*range(35, 50))
    text = "more pairs of photos look alike from afar than there are photos, which tells nothing"
    assert text in said(many, grave=False)
    assert inspect_data(many).photos.alike == ()
    assert text not in said(many, alike=True)
    assert len(inspect_data(many, alike=True).photos.alike) > len(many)


def test_a_copy_of_a_copy_is_no_look_alike():
    data = LabelledSet(ImageArrays([texture(0), texture(0), texture(1)]), Labels.from_dense([[1]] * 3, ["cat"]))
    assert inspect_data(data).photos.alike == ()
