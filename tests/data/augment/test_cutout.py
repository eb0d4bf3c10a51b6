"""Painted rectangles."""

import numpy as np
import pytest

from polytag._random import generator
from polytag.data.augment.cutout import Cutout, cut_out
from polytag.errors import OptionError

PHOTO = np.full((40, 60, 3), 7, np.uint8)


def changed(augmentation, number):
    found = augmentation(PHOTO, generator(number))
    rows, columns = np.nonzero((found != PHOTO).any(axis=2))
    return found, rows, columns


def test_one_rectangle_of_one_colour_cut_off_at_the_edges():
    sizes, middles = [], []
    for number in range(400):
        found, rows, columns = changed(Cutout(0.5, 1.0), number)
        part = found[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert len(np.unique(part.reshape(-1, 3), axis=0)) == 1
        assert len(rows) == part.shape[0] * part.shape[1]
        sizes.append(part.shape[:2])
        middles.append((rows.mean(), columns.mean()))
    heights, widths = np.array(sizes).T
    assert (heights.max(), widths.max()) == (20, 30)
    assert heights.min() >= 10  # the middle is in the photo
    assert np.std(middles, axis=0).min() > 5


def test_keeps_its_probability():
    count = sum(len(changed(Cutout(0.4, 0.3), number)[1]) > 0 for number in range(1000))
    assert abs(count - 300) < 5 * np.sqrt(1000 * 0.3 * 0.7)
    assert Cutout(0.4, 0.0)(PHOTO, generator(0)) is PHOTO


def test_a_rectangle_of_no_size_changes_nothing():
    image = PHOTO.copy()
    cut_out(image, 0, 9, (1, 2, 3), generator(0))
    assert np.array_equal(image, PHOTO)


@pytest.mark.parametrize("name", ["size", "probability"])
def test_an_option_out_of_range_is_refused(name):
    with pytest.raises(OptionError, match=rf"^{name} must be between 0 and 1, got 1\.5$"):
        Cutout(**{name: 1.5})
