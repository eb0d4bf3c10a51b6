"""Mirrored photos."""

import numpy as np
import pytest

from polytag._random import generator
from polytag.data.augment.flip import Flip
from polytag.errors import OptionError

PHOTO = generator(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)


def test_mirrors_left_and_right():
    row = np.array([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], np.uint8)
    assert Flip(1.0)(row, generator(0)).tolist() == [[[7, 8, 9], [4, 5, 6], [1, 2, 3]]]
    assert all(Flip(0.0)(row, generator(n)) is row for n in range(20))


def test_mirrors_top_and_bottom_if_asked():
    column = np.array([[[1, 2, 3]], [[4, 5, 6]]], np.uint8)
    assert Flip(1.0, vertical=True)(column, generator(0)).tolist() == [[[4, 5, 6]], [[1, 2, 3]]]


def test_keeps_its_probability():
    mirrored = sum(not np.array_equal(Flip(0.3)(PHOTO, generator(n)), PHOTO) for n in range(2000))
    assert abs(mirrored - 600) < 5 * np.sqrt(2000 * 0.3 * 0.7)


def test_a_probability_out_of_range_is_refused():
    with pytest.raises(OptionError, match=r"^probability must be between 0 and 1, got 1\.5$"):
        Flip(1.5)
