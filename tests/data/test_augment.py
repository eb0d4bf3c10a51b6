"""What augmentation promises: photos of the same size, as a function of the generator that it is handed."""

import numpy as np
import pytest

from polytag._random import generator
from polytag.data.augment import Chain, Flip, RandomCrop
from polytag.errors import OptionError

PHOTO = generator(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
ALL = [Flip(), RandomCrop(), Chain(Flip(), RandomCrop()), Chain(RandomCrop(0.05), Flip(1.0), Flip()), Chain()]


@pytest.mark.parametrize("augmentation", ALL)
@pytest.mark.parametrize("shape", [(12, 20, 3), (1, 1, 3), (1, 50, 3)])
def test_size_and_type_stay_and_the_argument_too(augmentation, shape):
    photo = generator(1).integers(0, 256, shape, dtype=np.uint8)
    before = photo.copy()
    for number in range(10):
        found = augmentation(photo, generator(number))
        assert (found.shape, found.dtype) == (shape, np.uint8)
        assert np.array_equal(photo, before)


@pytest.mark.parametrize("augmentation", ALL)
def test_is_a_function_of_the_generator(augmentation):
    for number in range(10):
        assert np.array_equal(augmentation(PHOTO, generator(number)), augmentation(PHOTO, generator(number)))


def test_flip_mirrors_left_and_right():
    row = np.array([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], np.uint8)
    assert Flip(1.0)(row, generator(0)).tolist() == [[[7, 8, 9], [4, 5, 6], [1, 2, 3]]]
    assert all(Flip(0.0)(row, generator(n)) is row for n in range(20))


def test_flip_keeps_its_probability():
    mirrored = sum(not np.array_equal(Flip(0.3)(PHOTO, generator(n)), PHOTO) for n in range(2000))
    assert abs(mirrored - 600) < 5 * np.sqrt(2000 * 0.3 * 0.7)


def test_a_crop_of_everything_changes_nothing():
    assert np.array_equal(RandomCrop(1.0)(PHOTO, generator(0)), PHOTO)


def test_a_crop_keeps_at_least_the_share_asked_for_of_each_side_and_lies_anywhere():
    height, width = 200, 100
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0] = np.arange(height)[:, None]
    ramp[..., 1] = 2 * np.arange(width)
    tops, kept = [], []
    for number in range(300):
        found = RandomCrop(0.5)(ramp, generator(number)).astype(float)
        extent = [np.ptp(found[:, 0, 0]) / height, np.ptp(found[0, :, 1]) / (2 * width)]
        assert all(0.48 < share <= 1 for share in extent)
        kept.append(extent)
        tops.append(found[0, 0, 0] / height)
    assert np.std(np.array(kept), axis=0) == pytest.approx([0.5 / np.sqrt(12)] * 2, rel=0.15)  # uniform on [0.5, 1]
    assert abs(np.corrcoef(np.transpose(kept))[0, 1]) < 0.2  # the two sides are drawn apart
    assert min(tops) < 0.02
    assert max(tops) > 0.35


def test_a_crop_of_one_colour_is_that_colour():
    plain = np.full((9, 9, 3), 77, np.uint8)
    assert (RandomCrop(0.3)(plain, generator(0)) == 77).all()


def test_a_chain_applies_its_parts_in_order():
    class Brighter(Flip):
        def __call__(self, image, random):
            return image + np.uint8(random.integers(1, 9))

    once = Brighter()(PHOTO, generator(4))
    random = generator(4)
    assert np.array_equal(Chain(Brighter(), Flip(1.0))(PHOTO, generator(4)), once[:, ::-1])
    assert np.array_equal(
        Chain(Brighter(), Brighter())(PHOTO, generator(4)), Brighter()(Brighter()(PHOTO, random), random)
    )


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Flip(1.5), r"probability must be between 0 and 1, got 1\.5"),
        (lambda: RandomCrop(0), r"smallest must be between 0\.05 and 1, got 0"),
        (lambda: RandomCrop(1.2), r"smallest must be between 0\.05 and 1, got 1\.2"),
    ],
)
def test_an_option_out_of_range_is_refused(build, sentence):
    with pytest.raises(OptionError, match=rf"^{sentence}$"):
        build()
