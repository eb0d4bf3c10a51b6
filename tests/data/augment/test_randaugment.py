"""RandAugment: each operation against numpy, and how often each is drawn."""

import numpy as np
import pytest
from PIL import Image

from polytag._random import generator
from polytag.data.augment.randaugment import OPERATIONS, RandAugment
from polytag.errors import OptionError

PHOTO = generator(0).integers(0, 256, (33, 44, 3), dtype=np.uint8)


def applied(name, strength, photo=PHOTO, number=0):
    return np.asarray(OPERATIONS[name](Image.fromarray(photo), strength, generator(number))).astype(int)


def grey(photo):
    """Luma as Pillow rounds it."""
    return np.asarray(Image.fromarray(photo).convert("L")).astype(float)


def blended(degenerate, factor):
    return np.clip(degenerate + factor * (PHOTO.astype(float) - degenerate), 0, 255)


def both_signs(name, degenerate):
    """The photo at strength 1/3 is 1.3 or 0.7 of the way from the degenerate one."""
    found = [applied(name, 1 / 3, number=n) for n in range(8)]
    expected = [blended(degenerate, 1.3), blended(degenerate, 0.7)]
    matches = {k for each in found for k in range(2) if np.abs(each - expected[k]).max() <= 1}
    assert matches == {0, 1}
    assert all(any(np.abs(each - other).max() <= 1 for other in expected) for each in found)


def test_there_are_fifteen():
    assert len(OPERATIONS) == 15


def test_invert():
    assert np.array_equal(applied("invert", 0.5), 255 - PHOTO)


def test_posterize_keeps_eight_to_four_bits():
    assert np.array_equal(applied("posterize", 0.0), PHOTO)
    assert np.array_equal(applied("posterize", 0.5), PHOTO & 0b11111100)
    assert np.array_equal(applied("posterize", 1.0), PHOTO & 0b11110000)


def test_solarize_inverts_what_is_bright():
    assert np.array_equal(applied("solarize", 0.0), PHOTO)
    assert np.array_equal(applied("solarize", 0.5), np.where(PHOTO < 128, PHOTO, 255 - PHOTO))
    assert np.array_equal(applied("solarize", 1.0), 255 - PHOTO)


def test_autocontrast_and_equalize_fill_the_range():
    dull = (PHOTO // 4 + 50).astype(np.uint8)
    stretched, even = applied("autocontrast", 0.5, dull), applied("equalize", 0.5, dull)
    for found in (stretched, even):
        assert found.min() == 0
        assert found.max() >= 254
    low, high = dull.min(axis=(0, 1)), dull.max(axis=(0, 1))
    assert np.abs(stretched - (dull - low) * (255 / (high - low))).max() <= 1


def test_brightness_contrast_and_color_blend_with_black_the_mean_and_grey():
    both_signs("brightness", 0.0)
    both_signs("contrast", round(grey(PHOTO).mean()))
    both_signs("color", grey(PHOTO)[..., None])


def test_sharpness_leaves_what_is_flat():
    flat = np.full((9, 9, 3), 90, np.uint8)
    assert np.array_equal(applied("sharpness", 1.0, flat), flat)
    spread = [applied("sharpness", 1.0, number=n)[1:-1, 1:-1].std() for n in range(8)]
    assert min(spread) < PHOTO.std() < max(spread)


@pytest.mark.parametrize(("name", "axis"), [("translate_x", 1), ("translate_y", 0)])
def test_a_translation_is_at_most_150_of_331_of_the_side_and_filled_with_grey(name, axis):
    strength = 10 / (PHOTO.shape[axis] * 150 / 331)  # ten pixels
    moved = {1: np.roll(PHOTO, -10, axis), -1: np.roll(PHOTO, 10, axis)}
    inner = {1: np.arange(PHOTO.shape[axis] - 10), -1: np.arange(10, PHOTO.shape[axis])}
    outer = {1: np.arange(PHOTO.shape[axis] - 9, PHOTO.shape[axis]), -1: np.arange(9)}
    seen = set()
    for number in range(8):
        found = applied(name, strength, number=number)
        for sign in (1, -1):
            same = np.take(found, inner[sign], axis) - np.take(moved[sign], inner[sign], axis)
            if np.abs(same).max() <= 1:
                seen.add(sign)
                assert (np.take(found, outer[sign], axis) == 128).all()
    assert seen == {1, -1}


def test_shear_and_rotation_go_both_ways_by_as_much_as_they_say():
    ramp = np.zeros((101, 101, 3), np.uint8)
    ramp[..., 0] = np.arange(101) + 100  # where a pixel was, in x
    ramp[..., 1] = (np.arange(101) + 100)[:, None]  # and in y
    slopes = {round(float(np.diff(applied("shear_x", 1.0, ramp, n)[:60, 60, 0]).mean()), 1) for n in range(8)}
    assert slopes == {0.3, -0.3}
    slopes = {round(float(np.diff(applied("shear_y", 1.0, ramp, n)[60, :60, 1]).mean()), 1) for n in range(8)}
    assert slopes == {0.3, -0.3}
    angles = set()
    for number in range(8):
        found = applied("rotate", 1.0, ramp, number)[45:56, 45:56].astype(float)
        angles.add(
            round(float(np.degrees(np.arctan2(np.diff(found[..., 0], axis=0).mean(), np.diff(found[..., 0]).mean()))))
        )
    assert {abs(angle) for angle in angles} <= {29, 30, 31}
    assert len({angle > 0 for angle in angles}) == 2


def test_cutout_is_grey_and_at_most_20_pixels():
    found = applied("cutout", 1.0, number=3)
    painted = (found == 128).all(axis=2) & ~(PHOTO == 128).all(axis=2)
    assert 100 <= painted.sum() <= 400


def test_each_operation_is_drawn_equally_often_and_applied_half_the_time(monkeypatch):
    counts = dict.fromkeys(OPERATIONS, 0)
    levels = []

    def counting(name):
        def count(photo, strength, random):
            counts[name] += 1
            levels.append(strength)
            return photo

        return count

    module = RandAugment.__call__.__globals__
    monkeypatch.setitem(module, "_LIST", [counting(name) for name in OPERATIONS])
    for number in range(3000):
        RandAugment()(PHOTO, generator(number))
    assert sum(counts.values()) == pytest.approx(3000, rel=0.05)  # two a photo, each applied half the time
    assert min(counts.values()) > 140
    assert max(counts.values()) < 260
    assert sorted(set(np.rint(9 * np.array(levels)).astype(int))) == list(range(1, 10))


def test_without_any_operation_the_photo_is_handed_on():
    assert RandAugment(probability=0.0)(PHOTO, generator(0)) is PHOTO


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"operations": 0}, "operations must be between 1 and 100, got 0"),
        ({"weakest": 10}, "weakest must be between 0 and 9, got 10"),
        ({"weakest": 5, "strongest": 4}, "strongest must be between 5 and 9, got 4"),
        ({"probability": 2.0}, "probability must be between 0 and 1, got 2.0"),
    ],
)
def test_an_option_out_of_range_is_refused(options, sentence):
    with pytest.raises(OptionError) as error:
        RandAugment(**options)
    assert str(error.value) == sentence
