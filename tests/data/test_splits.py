"""What `three_way` promises: what the data says, else a stratified tenth; and a sentence on whatever is lopsided."""

import numpy as np
import pytest

from polytag.data.labelled_set import UNSPLIT, ImageArrays, LabelledSet
from polytag.data.splits import three_way
from polytag.errors import DataError
from polytag.labels import Labels

CUT = "no splits in the data: cut 80/10/10 into train, val and test, stratified, seed 0"


def labelled(names, split=None, groups=None):
    """Photos of one pixel whose first byte is the number of the photo."""
    pixels = np.repeat(np.arange(len(names), dtype=np.uint8), 3).reshape(-1, 1, 1, 3)
    codes = None if split is None else np.array(split, dtype=np.int8)
    return LabelledSet(ImageArrays(pixels), Labels.from_names(names), codes, groups)


def numbers(side):
    return [int(side.images.load(row)[0, 0, 0]) for row in range(len(side))]


def sizes(split):
    return len(split.train), len(split.val), len(split.test)


def test_without_any_split_four_fifths_are_for_training():
    split = three_way(labelled([["a"], ["b"]] * 50), seed=0)
    assert sizes(split) == (80, 10, 10)
    assert sorted(numbers(split.train) + numbers(split.val) + numbers(split.test)) == list(range(100))
    assert split.val.labels.counts().present.tolist() == split.test.labels.counts().present.tolist() == [5, 5]
    assert split.notes == (CUT,)


def test_photos_that_are_all_in_no_split_are_as_good_as_without_one():
    silent, unsplit = (three_way(labelled([["a"]] * 50, codes), seed=0) for codes in (None, [UNSPLIT] * 50))
    assert numbers(silent.test) == numbers(unsplit.test)
    assert unsplit.notes == (CUT,)


def test_labels_and_photos_stay_in_step():
    names = [[f"tag {number % 7}"] for number in range(140)]
    for side in three_way(labelled(names), seed=0)[:3]:
        assert [side.labels.names(row) for row in range(len(side))] == [(f"tag {n % 7}",) for n in numbers(side)]


def test_a_seed_is_a_split():
    data = labelled([["a"], ["b"], []] * 60)
    first, again, other = (numbers(three_way(data, seed).test) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_official_splits_are_taken_as_they_are():
    split = three_way(labelled([["a"]] * 6, [2, 0, 1, 0, 2, 1]), seed=0)
    assert [numbers(side) for side in split[:3]] == [[1, 3], [2, 5], [0, 4]]
    assert split.notes == ()


def test_a_tenth_of_train_is_cut_off_where_there_is_no_validation_split():
    split = three_way(labelled([["a"]] * 50, [0] * 40 + [2] * 10), seed=0)
    assert sizes(split) == (36, 4, 10)
    assert numbers(split.test) == list(range(40, 50))
    assert split.notes == ("no validation split: 4 photos cut off train, stratified, seed 0",)


def test_an_official_val_without_a_test_is_the_test():
    split = three_way(labelled([["a"]] * 50, [0] * 40 + [1] * 10), seed=0)
    assert sizes(split) == (36, 4, 10)
    assert numbers(split.test) == list(range(40, 50))
    assert split.notes[0] == "the data has a val and no test split: its val is the test"


def test_photos_that_are_all_for_training_leave_the_test_empty():
    assert sizes(three_way(labelled([["a"]] * 50, [0] * 50), seed=0)) == (45, 5, 0)


@pytest.mark.parametrize("codes", [[0] * 50, [0] * 40 + [1] * 10, [0] * 40 + [2] * 8 + [UNSPLIT] * 2, None])
def test_what_has_been_split_is_not_split_again(codes):
    first = three_way(labelled([["a"], ["b"]] * 25, codes), seed=0)
    for whole in (first.whole, first.whole.with_classes(["b"]), first.whole.select(range(50))):
        again = three_way(whole, seed=7)
        assert [numbers(side) for side in again[:3]] == [numbers(side) for side in first[:3]]
        assert again.notes == ()


def test_photos_in_no_split_are_left_out_and_counted():
    split = three_way(labelled([["a"]] * 8, [0, 0, 1, 2, UNSPLIT, UNSPLIT, 0, UNSPLIT]), seed=0)
    assert sizes(split) == (3, 1, 1)
    assert split.notes == ("3 photos in no split, left out",)


@pytest.mark.parametrize("split", [None, [0] * 150 + [2] * 50])
def test_groups_stay_together_in_what_is_cut(split):
    groups = np.concatenate([np.arange(150) // 3, 900 + np.arange(50)])
    result = three_way(labelled([["a"], ["b"]] * 100, split, groups), seed=0)
    owners = [set(side.groups.tolist()) for side in result[:3]]
    assert sum(map(len, owners)) == len(set(groups.tolist()))
    assert len(result.val) == pytest.approx(20 if split is None else 15, abs=3)


def test_groups_that_the_data_itself_splits_are_counted():
    # Group 5 is in train and test, 6 in train alone, 7 in val and test; 8 is in train, its other photo in no split.
    split = three_way(labelled([["a"]] * 8, [0, 2, 0, 0, 1, 2, 0, -1], np.array([5, 5, 6, 6, 7, 7, 8, 8])), seed=0)
    assert sizes(split) == (4, 1, 2)
    assert split.notes == (
        "1 photo in no split, left out",
        "2 groups with photos in more than one split of the data, which makes scores look better than they are",
    )


def test_labels_that_cannot_be_on_every_side_are_named():
    split = three_way(labelled([["a"]] * 97 + [["a", "x"], ["a", "y"], ["a", "y"]]), seed=0)
    missing = next(
        side for side, photos in (("val", split.val), ("test", split.test)) if not photos.labels.counts()[0][2]
    )
    assert split.notes == (
        CUT,
        f"2 labels could not be on every side: 'x' (1 photo) is not in val, test; 'y' (2 photos) is not in {missing}",
    )
    assert split.train.labels.counts().present[1:].tolist() == [1, 1]


def test_all_labels_that_could_not_be_on_every_side_are_named():
    split = three_way(labelled([["a"]] * 93 + [["a", f"x{number}"] for number in range(7)]), seed=0)
    named = "; ".join(f"'x{number}' (1 photo) is not in val, test" for number in range(7))
    assert split.notes == (CUT, f"7 labels could not be on every side: {named}")


def test_labels_that_no_training_photo_has_are_named():
    names = [["a"], ["a"], ["a", "v"], ["a", "t"], ["u", "v2", "both"], ["a", "both", "u"]]
    split = three_way(labelled(names, [0, 0, 1, 2, 2, 1]), seed=0)
    assert split.notes == (
        "1 label is only in val and cannot be learned: 'v'",
        "2 labels are only in test and cannot be learned: 't', 'v2'",
        "2 labels are only in val and test and cannot be learned: 'both', 'u'",
    )


def test_unknown_labels_are_on_no_side():
    labels = Labels.from_names([["a"]] * 20, ["a", "b"], other=[["b"]] * 20)
    split = three_way(LabelledSet(ImageArrays(np.zeros((20, 1, 1, 3), np.uint8)), labels), seed=0)
    assert split.notes == (CUT,)


@pytest.mark.parametrize(
    ("names", "split", "groups", "message"),
    [
        (
            [["a"]],
            None,
            None,
            "1 photo cannot be split into train, val, test; add photos until there are 3, "
            "or give every photo its split",
        ),
        (
            [["a"]] * 9,
            None,
            np.arange(9) % 2,
            "2 groups cannot be split into train, val, test; add groups until there are 3, "
            "or give every photo its split",
        ),
        (
            [["a"]] * 3,
            [0, 2, 2],
            None,
            "1 photo cannot be split into train, val; add photos until there are 2, or give every photo its split",
        ),
        (
            [["a"]] * 3,
            [1, 2, UNSPLIT],
            None,
            "the data has splits, and no photo of it is for training; mark some as train",
        ),
        (
            [[], [], ["a"], ["a"]],
            [0, 0, 1, 2],
            None,
            "none of the 2 training photos has any label; check where the data has its labels",
        ),
        (
            [[]] * 10,
            None,
            None,
            "none of the 8 training photos has any label; check where the data has its labels",
        ),
    ],
)
def test_what_cannot_be_split_is_refused(names, split, groups, message):
    with pytest.raises(DataError, match=f"^{message}$"):
        three_way(labelled(names, split, groups), seed=0)
