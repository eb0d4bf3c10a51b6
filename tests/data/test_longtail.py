"""What a long tail promises: fewer photos of rare labels, the test kept, and published lists taken as they are."""

import numpy as np
import pytest

from polytag.data.labelled_set import ImageArrays, ImageFiles, LabelledSet
from polytag.data.longtail import long_tailed, published_tail, wanted_counts
from polytag.data.paths import Paths
from polytag.errors import DataError, OptionError
from polytag.labels import Labels


def blank(items):
    return ImageArrays(np.zeros((items, 1, 1, 3), np.uint8), [f"{row}.jpg" for row in range(items)])


def many(seed=0, items=600, classes=6):
    random = np.random.default_rng(seed)
    matrix = (random.random((items, classes)) < np.linspace(0.5, 0.3, classes)).astype(int)
    split = np.array([0] * (items - 100) + [1] * 40 + [2] * 60, np.int8)
    return LabelledSet(
        blank(items), Labels.from_dense(matrix, [f"c{n}" for n in range(classes)]), split, notes=["read"]
    )


def train_counts(data):
    return data.labels.select(np.flatnonzero(data.split == 0)).counts().present


def names(data, part):
    return {data.images.name(row) for row in np.flatnonzero(data.split == part)}


def test_wanted_counts_fall_by_equal_factors_in_the_order_of_frequency():
    labels = Labels.from_dense([[1, 1, 1]] * 4 + [[1, 1, 0]] * 12 + [[1, 0, 0]] * 48, ["a", "b", "c"])
    assert wanted_counts(labels, 64).tolist() == [64, 8, 1]
    assert wanted_counts(labels, 4).tolist() == [64, 16, 4]  # b is on 16 and would have 32
    assert wanted_counts(labels, 1).tolist() == [64, 16, 4]


@pytest.mark.parametrize("seed", [0, 1])
def test_rare_labels_lose_most_of_their_photos_and_other_splits_none(seed):
    before = many()
    after = long_tailed(before, 50, seed)
    old, new = train_counts(before), train_counts(after)
    assert (new <= old).all()
    assert 15 < new.max() / new.min() < 100
    assert new.tolist() == sorted(new.tolist(), reverse=True)
    assert names(after, 1) == names(before, 1)
    assert names(after, 2) == names(before, 2)
    assert names(after, 0) < names(before, 0)
    assert after.notes[0] == "read"
    kept = int((after.split == 0).sum())
    assert after.notes[-1] == (
        f"long tail, seed {seed}: {kept} of 500 training photos kept, the most frequent label on {new.max()} of them "
        f"and the rarest on {new.min()}, {new.max() / new.min():.0f} times fewer"
    )


def test_the_seed_alone_chooses():
    first, again, other = (long_tailed(many(), 50, seed) for seed in (3, 3, 4))
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()


def test_labels_that_never_come_together_have_the_numbers_that_are_wanted():
    matrix = np.repeat(np.eye(3, dtype=int), 100, axis=0).tolist()
    data = LabelledSet(blank(300), Labels.from_dense(matrix, ["a", "b", "c"]), np.zeros(300, np.int8))
    data.split[[0, 100, 200]], data.split[[1, 101, 201]] = 1, 2
    assert train_counts(long_tailed(data, 98)).tolist() == [98, 10, 1]


def test_an_imbalance_of_one_keeps_what_is_balanced_and_less_is_refused():
    data = many()
    assert len(long_tailed(data, 1)) > 0.9 * len(data)
    for value in (0.5, float("inf")):
        with pytest.raises(OptionError, match=rf"^imbalance must be between 1 and 1e\+06, got {value}$"):
            long_tailed(data, value)


def test_no_label_loses_its_last_training_photo():
    assert train_counts(long_tailed(many(), 1e6)).min() >= 1


@pytest.fixture
def coco(tmp_path):
    listed = ["train/000000000012.jpg", "train/000000000007.jpg", "val/000000000099.jpg"]
    labels = Labels.from_names([["cat"], ["dog"], ["cat"]])
    return LabelledSet(ImageFiles(tmp_path / "coco", Paths(listed)), labels, np.array([0, 0, 1], np.int8))


def test_a_published_list_takes_its_photos_in_its_order_and_the_val_for_the_test(coco):
    made = published_tail(coco, ["7", "12"])
    assert [made.images.name(row) for row in range(3)] == [coco.images.name(row) for row in (1, 0, 2)]
    assert made.split.tolist() == [0, 0, 2]
    assert made.labels.dense().tolist() == [[0, 1], [1, 0], [1, 0]]
    assert made.notes[-1] == "published list: 2 training photos, 1 test photo"


def test_listed_names_may_have_their_ending(coco):
    assert published_tail(coco, ["000000000007.jpg", "12"]).split.tolist() == [0, 0, 2]


def test_photos_in_no_split_are_counted():
    data = many()
    data.split[:3] = -1
    assert "3 photos in no split left out" in long_tailed(data, 50).notes


def test_the_test_may_be_of_other_data(tmp_path):
    old = LabelledSet(
        ImageFiles(tmp_path / "VOC2007", Paths(["JPEGImages/1.jpg", "JPEGImages/2.jpg"])),
        Labels.from_dense([[1, 0], [-1, 1]], ["cat", "dog"]),
        np.array([0, 2], np.int8),
    )
    new = LabelledSet(
        ImageFiles(tmp_path / "VOC2012", Paths(["JPEGImages/2008_1.jpg", "JPEGImages/2008_2.jpg"])),
        Labels.from_dense([[1, 1], [0, 1]], ["cat", "dog"]),
        np.array([0, 1], np.int8),
    )
    made = published_tail(new, ["2008_2"], old)
    assert made.images.root == tmp_path
    assert [made.images.name(row) for row in range(2)] == ["VOC2012/JPEGImages/2008_2.jpg", "VOC2007/JPEGImages/2.jpg"]
    assert made.labels.dense().tolist() == [[0, 1], [-1, 1]]
    assert made.split.tolist() == [0, 2]


def test_lists_that_do_not_fit_are_refused(coco, tmp_path):
    def refusal(*arguments):
        with pytest.raises(DataError) as caught:
            published_tail(*arguments)
        return str(caught.value)

    assert refusal(coco, []) == "the list has no photos in it; write the name of one on each line"
    assert refusal(coco, ["7", "12", "7"]) == "the list has '7' twice; remove one of them"
    assert refusal(coco, ["7", "13", "14"]) == "2 of 3 listed photos are not in the data, such as '13', '14'"
    assert refusal(coco.select([0, 1]), ["12", "7"]) == (
        "there is no photo to test on; name other data for it with --test"
    )
    other = LabelledSet(ImageFiles(tmp_path, Paths(["a.jpg"])), Labels.from_names([["cow"]]))
    assert refusal(coco, ["7"], other) == (
        "the two data sets differ in their labels, such as 'cat'; make them one with --rename"
    )
    memory = LabelledSet(blank(1), Labels.from_names([["cat"]], ["cat", "dog"]))
    assert refusal(coco, ["7"], memory) == "photos in memory cannot be joined; read both from a disk"
    silent = Labels.from_names([["cat"]], ["cat", "dog"], default="unknown")
    assert refusal(coco, ["7"], LabelledSet(other.images, silent)) == (
        "unlisted labels are absent in one part of the data and unknown in another; give both the same columns "
        "or name the one to read, or say --unlisted where the format has that option"
    )
