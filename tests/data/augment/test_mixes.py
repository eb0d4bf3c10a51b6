"""Mixed photos: pixels and labels by the same share, unknown labels never guessed."""

import numpy as np
import pytest

from polytag._random import generator
from polytag.data.augment.base import Example
from polytag.data.augment.mixes import CutMix, Mixup, Unmixed, mixed
from polytag.errors import OptionError

SIZE = (20, 30, 3)
ONE = Example(np.zeros(SIZE, np.uint8), np.array([1, 1, 0, 0, -1, -1, 1], np.float32))
OTHER = Example(np.full(SIZE, 200, np.uint8), np.array([1, 0, 1, 0, 0, -1, -1], np.float32))


def never():
    raise AssertionError("the second photo was not wanted")


@pytest.mark.parametrize("build", [Mixup, CutMix])
def test_labels_have_the_share_of_the_pixels(build):
    shares = []
    for number in range(300):
        pixels, targets = build(1.0)(ONE, lambda: OTHER, generator(number))
        share = 1 - pixels.mean() / 200
        assert targets[[0, 3]].tolist() == [1, 0]
        assert targets[1] == pytest.approx(share, abs=0.003)
        assert targets[2] == pytest.approx(1 - share, abs=0.003)
        shares.append(share)
    assert 0.4 < np.mean(shares) < 0.75  # a rectangle that an edge cuts off leaves more of the first
    assert min(shares) < 0.25
    assert max(shares) > 0.9


def test_mixup_draws_shares_from_a_beta_distribution():
    shares = [1 - Mixup(0.4)(ONE, lambda: OTHER, generator(n)).pixels[0, 0, 0] / 200 for n in range(2000)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * 0.4 + 1)), rel=0.05)


def test_cutmix_takes_one_rectangle():
    for number in range(100):
        pixels = CutMix()(ONE, lambda: OTHER, generator(number)).pixels[..., 0]
        rows, columns = np.nonzero(pixels)
        if len(rows):
            assert (pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] == 200).all()


def test_what_is_unknown_on_a_part_is_unknown():
    assert mixed(ONE.targets, OTHER.targets, 0.25).tolist() == [1, 0.25, 0.75, 0, -1, -1, -1]


def test_what_is_unknown_on_a_photo_without_a_part_does_not_count():
    assert mixed(ONE.targets, OTHER.targets, 1.0).tolist() == ONE.targets.tolist()
    assert mixed(ONE.targets, OTHER.targets, 0.0).tolist() == OTHER.targets.tolist()


@pytest.mark.parametrize("mix", [Unmixed(), Mixup(probability=0.0), CutMix(probability=0.0)])
def test_a_photo_that_is_not_mixed_wants_no_other(mix):
    assert mix(ONE, never, generator(0)) is ONE


@pytest.mark.parametrize("build", [Mixup, CutMix])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"alpha": 0.0}, "alpha must be between 0.01 and 100, got 0.0"),
        ({"probability": 2.0}, "probability must be between 0 and 1, got 2.0"),
    ],
)
def test_an_option_out_of_range_is_refused(build, options, sentence):
    with pytest.raises(OptionError) as error:
        build(**options)
    assert str(error.value) == sentence
