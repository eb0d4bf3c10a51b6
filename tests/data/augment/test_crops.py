"""Where crops lie and how large they are, read off a photo whose colours say where each pixel was."""

import numpy as np
import pytest

from polytag._random import generator
from polytag.data.augment.crops import PLACES, MultiScale, Resized, Shift, Sides, Whole
from polytag.data.preprocessing import Preprocessing
from polytag.errors import OptionError


def boxes(crop, aspect, times=400):
    """The boxes ``(times, 4)`` that a crop asks for: left, top, right, bottom, as shares; None is the whole."""
    seen = []

    def resize(image, box):
        seen.append(box or (0, 0, 1, 1))
        return image

    for number in range(times):
        crop(np.zeros((2, 2, 3), np.uint8), aspect, resize, generator(number))
    return np.array(seen, dtype=float)


@pytest.mark.parametrize("aspect", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("crop", [Whole(), Sides(), Sides(0.5, 2.0), Resized(), Resized(0.01, 4.0), MultiScale()])
def test_no_box_leaves_the_photo(crop, aspect):
    left, top, right, bottom = boxes(crop, aspect).T
    assert left.min() >= 0
    assert top.min() >= 0
    assert right.max() <= 1 + 1e-12
    assert bottom.max() <= 1 + 1e-12
    assert (right > left).all()
    assert (bottom > top).all()


def test_a_box_is_a_part_of_the_photo():
    ramp = np.zeros((100, 200, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(100)[:, None], np.arange(200)
    found = Preprocessing((10, 10), interpolation="bilinear").resize(ramp, (0.5, 0.2, 1.0, 0.4)).astype(int)
    assert found[:, 0, 0].tolist() == pytest.approx([20 + 2 * n + 0.5 for n in range(10)], abs=1)
    assert found[0, :, 1].tolist() == pytest.approx([100 + 10 * n + 4.5 for n in range(10)], abs=1)


def test_sides_are_drawn_apart_and_evenly_and_lie_anywhere():
    left, top, right, bottom = boxes(Sides(0.5), 1.0).T
    kept = np.array([right - left, bottom - top])
    assert kept.min() >= 0.5
    assert np.std(kept, axis=1) == pytest.approx([0.5 / np.sqrt(12)] * 2, rel=0.1)  # uniform on [0.5, 1]
    assert abs(np.corrcoef(kept)[0, 1]) < 0.15
    room = left / (1 - kept[0])
    assert (room.min(), room.max()) == pytest.approx((0, 1), abs=0.02)
    assert room.mean() == pytest.approx(0.5, abs=0.05)


def test_sides_keep_their_shape_within_its_limit_if_the_photo_can():
    left, top, right, bottom = boxes(Sides(0.3, 1.5), 1.2).T
    stretch = 1.2 * (right - left) / (bottom - top)
    assert stretch.max() <= 1.5
    assert stretch.min() >= 1 / 1.5
    assert np.array_equal(boxes(Sides(0.9, 1.5), 8.0), np.tile([0.0, 0, 1, 1], (400, 1)))  # no part of it is as square


def test_resized_draws_area_and_shape():
    aspect = 1.5
    left, top, right, bottom = boxes(Resized(0.25, 4 / 3), aspect, 2000).T
    area, shape = (right - left) * (bottom - top), aspect * (right - left) / (bottom - top)
    assert area.min() >= 0.25 - 1e-12
    whole = area == 1
    assert np.exp(np.abs(np.log(shape[~whole]))).max() <= 4 / 3 + 1e-12
    # A square photo allows more areas; there, those below 3/4 fit in every shape and are drawn evenly.
    left, top, right, bottom = boxes(Resized(0.25, 4 / 3), 1.0, 2000).T
    area = (right - left) * (bottom - top)
    assert np.mean(area[area < 0.75] < 0.5) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("aspect", [0.5, 2.0])
def test_multi_scale_takes_shares_of_the_shorter_side_in_13_places(aspect):
    sides = (1, 0.875, 0.75, 0.66, 0.5)
    left, top, right, bottom = boxes(MultiScale(), aspect, 4000).T
    short = min(1, aspect)  # where the height is 1
    wide, high = aspect * (right - left) / short, (bottom - top) / short
    pairs = {(round(w, 6), round(h, 6)) for w, h in zip(wide, high, strict=True)}
    assert pairs == {(w, h) for i, w in enumerate(sides) for j, h in enumerate(sides) if abs(i - j) <= 2}
    room = (right - left < 0.99) & (bottom - top < 0.99)
    across = 4 * left[room] / (1 - right + left)[room]
    down = 4 * top[room] / (1 - bottom + top)[room]
    assert len(PLACES) == 13
    assert set(zip(np.rint(across), np.rint(down), strict=True)) == set(PLACES)
    assert np.abs(across - np.rint(across)).max() < 1e-9


def test_a_shift_moves_by_whole_pixels_and_fills_with_black():
    photo = generator(0).integers(1, 256, (16, 24, 3), dtype=np.uint8)
    resize = Preprocessing((16, 24)).resize
    seen = set()
    for number in range(300):
        found = Shift(2)(photo, 1.5, resize, generator(number))
        expected = np.zeros((20, 28, 3), np.uint8)
        expected[2:18, 2:26] = photo
        at = [(y, x) for y in range(5) for x in range(5) if np.array_equal(expected[y : y + 16, x : x + 24], found)]
        assert len(at) == 1
        seen.add(at[0])
    assert len(seen) == 25
    assert np.array_equal(Shift(0)(photo, 1.5, resize, generator(0)), photo)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Sides(0), r"smallest must be between 0\.05 and 1, got 0"),
        (lambda: Sides(0.5, 0.5), r"stretch must be between 1 and 1000, got 0\.5"),
        (lambda: Resized(1.2), r"smallest must be between 0\.01 and 1, got 1\.2"),
        (lambda: Resized(0.5, 0.9), r"stretch must be between 1 and 1000, got 0\.9"),
        (lambda: MultiScale((1.0, 0.0)), r"each of sides must be between 0\.05 and 1, got 0\.0"),
        (lambda: MultiScale(()), r"sides must have at least one share, got none"),
        (lambda: MultiScale(distort=-1), r"distort must be between 0 and 100, got -1"),
        (lambda: Shift(-1), r"pixels must be between 0 and 8192, got -1"),
    ],
)
def test_an_option_out_of_range_is_refused(build, sentence):
    with pytest.raises(OptionError, match=rf"^{sentence}$"):
        build()
