"""Light and colour: each of the four moves what it says and nothing else."""

import colorsys

import numpy as np
import pytest

from polytag._random import generator
from polytag.data.augment.photometric import Photometric
from polytag.errors import OptionError

PHOTO = generator(0).integers(60, 160, (9, 11, 3), dtype=np.uint8)
ONLY = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0, "probability": 1.0}


def hsv(photo):
    return np.array([colorsys.rgb_to_hsv(*pixel) for pixel in photo.reshape(-1, 3) / 255.0])


def test_brightness_adds_the_same_to_every_value():
    added = []
    for number in range(200):
        moved = Photometric(**{**ONLY, "brightness": 32.0})(PHOTO, generator(number)).astype(int) - PHOTO
        assert len(np.unique(moved)) == 1
        added.append(moved[0, 0, 0])
    assert min(added) in range(-32, -29)
    assert max(added) in range(30, 33)


def test_contrast_multiplies_every_value():
    factors = []
    for number in range(200):
        found = Photometric(**{**ONLY, "contrast": 0.5})(PHOTO, generator(number)).astype(float)
        factor = found.sum() / PHOTO.sum()
        assert np.abs(found - np.minimum(factor * PHOTO, 255)).max() <= 1 or factor > 1.4  # where some are at the end
        factors.append(factor)
    assert min(factors) == pytest.approx(0.5, abs=0.02)
    assert max(factors) == pytest.approx(1.5, abs=0.03)


def test_saturation_leaves_hue_and_value():
    found = hsv(Photometric(**{**ONLY, "saturation": 0.5})(PHOTO, generator(1)))
    before = hsv(PHOTO)
    assert np.abs(found[:, 2] - before[:, 2]).max() < 0.01
    strong = before[:, 1] > 0.1
    ratio = found[strong, 1] / before[strong, 1]
    assert ratio.std() < 0.05
    assert abs(ratio.mean() - 1) > 0.05


def test_hue_turns_by_one_angle():
    before, angles = hsv(PHOTO), []
    strong = before[:, 1] > 0.3
    for number in range(60):
        found = hsv(Photometric(**{**ONLY, "hue": 18.0})(PHOTO, generator(number)))
        turned = (360 * (found[strong, 0] - before[strong, 0]) + 180) % 360 - 180
        assert turned.std() < 4
        angles.append(turned.mean())
    assert min(angles) == pytest.approx(-18, abs=3)
    assert max(angles) == pytest.approx(18, abs=3)


def test_nothing_changes_at_probability_0():
    assert Photometric(probability=0.0)(PHOTO, generator(0)) is PHOTO


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"brightness": 256.0}, "brightness must be between 0 and 255, got 256.0"),
        ({"contrast": 1.5}, "contrast must be between 0 and 1, got 1.5"),
        ({"saturation": -1.0}, "saturation must be between 0 and 1, got -1.0"),
        ({"hue": 181.0}, "hue must be between 0 and 180, got 181.0"),
        ({"probability": 2.0}, "probability must be between 0 and 1, got 2.0"),
    ],
)
def test_an_option_out_of_range_is_refused(options, sentence):
    with pytest.raises(OptionError) as error:
        Photometric(**options)
    assert str(error.value) == sentence
