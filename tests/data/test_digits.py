"""What the scenes of digits promise: one seed, one set; splits that share nothing; a tail; company; no linear way."""

import itertools
import re

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import average_precision_score

from polytag._random import generator
from polytag.data import digits
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.errors import DataError, OptionError
from polytag.labels import Labels

TRAIN, VAL, TEST = 250, 20, 150


@pytest.fixture(scope="module")
def data():
    return digits.scenes(seed=3, train=TRAIN, val=VAL, test=TEST, size=32)


@pytest.fixture(scope="module")
def drawn():
    """``(scenes, digits)``: how often each digit is in each of the default training scenes."""
    scenes = [digits.draw_digits(generator(0, 0, number)) for number in range(5000)]
    return np.array([np.bincount(scene, minlength=10) for scene in scenes])


def rows_of(data, split):
    return data.select(np.flatnonzero(data.split == split))


def test_scenes_come_with_pixels_names_splits_and_a_note(data):
    assert len(data) == TRAIN + VAL + TEST
    assert data.images.arrays.shape == (len(data), 32, 32, 3)
    assert data.images.arrays.dtype == np.uint8
    assert (data.images.name(0), data.images.name(12)) == ("scene-00000", "scene-00012")
    assert np.bincount(data.split).tolist() == [TRAIN, VAL, TEST]
    assert data.classes == tuple("0123456789")
    assert data.labels.default == "absent"
    assert not data.labels.counts().unknown.any()
    assert "scikit-learn" in data.notes[0]


def test_labels_are_the_digits_that_were_drawn(data):
    for row, (split, number) in {0: (0, 0), 7: (0, 7), TRAIN + 1: (1, 1), TRAIN + VAL + 5: (2, 5)}.items():
        found = digits.draw_digits(generator(3, split, number))
        assert set(data.labels.names(row)) == {str(digit) for digit in found}


def test_a_seed_gives_the_same_scenes_again_and_another_seed_gives_others(data):
    again, other = (digits.scenes(seed, train=20, val=0, test=0, size=32) for seed in (3, 4))
    assert np.array_equal(again.images.arrays, data.images.arrays[:20])
    assert np.array_equal(again.labels.dense(), data.labels.dense(range(20)))
    assert not np.array_equal(other.labels.dense(), again.labels.dense())


def test_a_scene_does_not_depend_on_how_many_others_there_are(data):
    fewer = digits.scenes(seed=3, train=10, val=0, test=10, size=32)
    assert np.array_equal(rows_of(fewer, 0).images.arrays, rows_of(data, 0).images.arrays[:10])
    assert np.array_equal(rows_of(fewer, 2).images.arrays, rows_of(data, 2).images.arrays[:10])


def test_every_handwritten_digit_belongs_to_one_split_and_each_split_has_all_ten():
    parts, target = digits.sources(0), load_digits().target
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(target)))
    assert [len(part) for part in parts] == [1258, 180, 359]
    assert all(set(target[part].tolist()) == set(range(10)) for part in parts)
    assert digits.sources(1)[0].tolist() != parts[0].tolist()


def test_scenes_show_the_handwritten_digits_of_their_own_split_only(monkeypatch):
    seed = 20_241  # used nowhere else: what was read for a seed is remembered
    pixels, target = load_digits(return_X_y=True)
    pixels[digits.sources(seed)[0]] = 0  # nothing to see in what train is composed from
    monkeypatch.setattr(digits, "load_digits", lambda **_: (pixels, target))
    blank = digits.scenes(seed, train=30, val=30, test=30, size=32)
    brightest = [rows_of(blank, split).images.arrays.max() for split in range(3)]
    assert brightest[0] < digits.STROKE[1] + digits.NOISE <= 200 < min(brightest[1:])


def test_label_frequencies_fall_from_head_to_tail_and_the_rarest_is_in_200_training_scenes(drawn):
    counts = (drawn > 0).sum(axis=0)
    assert (np.diff(counts) < 0).all()
    assert counts[0] > 5 * counts[-1]
    assert counts[-1] >= 200


def test_scenes_hold_none_to_five_digits_and_some_hold_one_digit_twice(drawn):
    sizes = np.bincount(drawn.sum(axis=1), minlength=6) / len(drawn)
    assert sizes == pytest.approx(digits.DIGITS_IN_SCENE, abs=0.03)  # over four standard errors of 5000 scenes
    assert 0.1 < (drawn > 1).any(axis=1).mean() < 0.4


def test_friends_come_together_at_twice_chance_and_foes_at_a_third_of_it(drawn):
    present = (drawn > 0).astype(float)
    share = present.mean(axis=0)
    lift = present.T @ present / len(present) / np.outer(share, share)  # 1 where two digits ignore each other
    for pair in itertools.combinations(range(10), 2):
        if pair in digits.TOGETHER:
            assert lift[pair] > 2
        elif pair in digits.APART:
            assert lift[pair] < 1 / 3
        else:
            assert 0.4 < lift[pair] < 1.3


def test_a_linear_model_on_pixels_finds_little(data):
    train, test = rows_of(data, 0), rows_of(data, 2)
    scores = digits.pixel_baseline(train, test)
    assert scores.shape == (TEST, 10)
    assert average_precision_score(test.labels.dense(), scores) < 0.45


def bright_set(values, targets):
    """Plain photos of some brightness, one class."""
    pixels = np.broadcast_to(np.array(values, np.uint8)[:, None, None, None], (len(values), 40, 40, 3))
    return LabelledSet(ImageArrays(pixels), Labels.from_dense(np.array(targets)[:, None], ["bright"]))


def test_the_baseline_learns_what_is_linear_and_leaves_unknown_labels_out():
    test = bright_set([20, 90, 160, 230], [0, 0, 1, 1])
    known = digits.pixel_baseline(bright_set([10, 60, 200, 250], [0, 0, 1, 1]), test)[:, 0]
    assert (np.diff(known) > 0).all()
    assert known[1] < 0 < known[2]
    # Two more photos, one standard deviation (98) to both sides of the mean (130), so the scaling stays what it was.
    more = digits.pixel_baseline(bright_set([10, 60, 200, 250, 32, 228], [0, 0, 1, 1, -1, -1]), test)[:, 0]
    assert more == pytest.approx(known, rel=0.01)


def test_the_baseline_refuses_a_class_that_is_always_there():
    data = bright_set([10, 200], [1, 1])
    message = "the class 'bright' must be present in some training photos and absent from others"
    with pytest.raises(DataError, match=rf"^{message}$"):
        digits.pixel_baseline(data, data)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"seed": -1}, "seed must be between 0 and 9.22337e+18, got -1"),
        ({"train": 0}, "train must be between 1 and 100000, got 0"),
        ({"val": -1}, "val must be between 0 and 100000, got -1"),
        ({"test": 200_000}, "test must be between 0 and 100000, got 200000"),
        ({"size": 16}, "size must be between 32 and 512, got 16"),
    ],
)
def test_refuses_numbers_out_of_range(option, message):
    with pytest.raises(OptionError, match=rf"^{re.escape(message)}$"):
        digits.scenes(**option)
