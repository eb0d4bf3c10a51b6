"""Turned photos."""

import numpy as np
import pytest

from polytag._random import generator
from polytag.data.augment.turn import Rotate90
from polytag.errors import OptionError

PHOTO = generator(0).integers(0, 256, (6, 6, 3), dtype=np.uint8)


def test_turns_by_quarters_each_as_likely():
    quarters = [np.rot90(PHOTO, turns).tobytes() for turns in range(4)]
    seen = [quarters.index(Rotate90(1.0)(PHOTO, generator(n)).tobytes()) for n in range(3000)]
    counts = np.bincount(seen, minlength=4)
    assert counts[0] == 0
    assert (np.abs(counts[1:] - 1000) < 5 * np.sqrt(3000 * 2 / 9)).all()
    assert all(Rotate90(0.0)(PHOTO, generator(n)) is PHOTO for n in range(20))


def test_by_default_all_four_orientations_are_as_likely():
    quarters = [np.rot90(PHOTO, turns).tobytes() for turns in range(4)]
    counts = np.bincount([quarters.index(Rotate90()(PHOTO, generator(n)).tobytes()) for n in range(4000)])
    assert (np.abs(counts - 1000) < 5 * np.sqrt(4000 * 3 / 16)).all()


def test_a_photo_that_is_no_square_is_refused():
    sentence = "rotate90 turns photos, so they must be square, and these have 6 x 5 pixels; choose equal sides"
    with pytest.raises(OptionError, match=sentence):
        Rotate90(1.0)(PHOTO[:, :5], generator(0))


def test_the_argument_is_left_as_it_was():
    before = PHOTO.copy()
    for number in range(20):
        found = Rotate90(1.0)(PHOTO, generator(number))
        assert (found.shape, found.dtype) == (PHOTO.shape, np.uint8)
        assert np.array_equal(found, Rotate90(1.0)(PHOTO, generator(number)))
    assert np.array_equal(PHOTO, before)


def test_a_probability_out_of_range_is_refused():
    with pytest.raises(OptionError, match=r"^probability must be between 0 and 1, got -0\.5$"):
        Rotate90(-0.5)
