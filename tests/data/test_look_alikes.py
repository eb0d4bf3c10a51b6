"""What look-alikes promise: pictures that correlate after a shift, and nothing about flat ones."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from polytag.data.duplicates import Fingerprints
from polytag.data.look_alikes import MOST, STEPS, are_tiles, look_alikes
from polytag.errors import OptionError


def prints_of(copies, bad=(), sizes=None):
    count = len(copies)
    empty = [np.zeros((count, size), np.uint8) for size in (16, 1, 1)]
    return Fingerprints(
        empty[0],
        np.array(copies, np.uint8),
        np.zeros((count, 1), np.uint64),
        np.zeros((count, 1, 2), np.uint8),
        np.zeros(count, np.uint8),
        np.zeros((count, 2), np.uint64),
        np.full((count, 2), 64, np.int32) if sizes is None else np.array(sizes, np.int32),
        [(row, "cannot be read") for row in bad],
    )


def scene(seed, height=64, width=64):
    random = np.random.default_rng(seed)
    smooth = gaussian_filter(random.standard_normal((height, width)), 5)
    return (128 + 60 * smooth / np.abs(smooth).max()).astype(np.uint8)


def shore(seed, edge):
    """Water to the left, sand to the right, each with waves of its own."""
    random = np.random.default_rng(seed)
    return (60 + 120 * (np.arange(64) > edge)[None, :] + random.normal(0, 6, (64, 64))).astype(np.uint8)


def test_a_shifted_window_looks_alike_and_other_scenes_do_not():
    wide = scene(0, 100, 100)
    copies = [wide[:64, :64], scene(1), wide[20:84, 24:88], scene(2)]
    (pair,) = look_alikes(prints_of(copies))
    assert (pair.first, pair.second) == (0, 2)
    assert pair.agreement > 0.99
    assert pair.overlap == pytest.approx(44 / 64 * 40 / 64, abs=0.01)


def test_two_shores_look_alike_though_their_ground_differs():
    (pair,) = look_alikes(prints_of([shore(0, 30), scene(1), shore(1, 34)]))
    assert (pair.first, pair.second) == (0, 2)
    assert 0.93 < pair.agreement < 1


def test_less_than_a_fifth_in_common_is_not_looked_at():
    wide = scene(0, 120, 120)
    assert look_alikes(prints_of([wide[:64, :64], wide[50:114, 50:114]])) == []


def test_flat_and_damaged_photos_are_in_no_pair():
    flat = np.full((64, 64), 90)
    assert look_alikes(prints_of([flat, flat, scene(0)])) == []
    assert look_alikes(prints_of([scene(0), scene(0), scene(0)], bad=[1]))[0][:2] == (0, 2)


def test_too_many_photos_are_refused():
    with pytest.raises(OptionError) as caught:
        look_alikes(prints_of(np.zeros((MOST + 1, 64, 64), np.uint8)))
    assert str(caught.value) == (
        "look-alikes are searched among all pairs, of at most 5000 photos, and there are 5001; "
        "give fewer of them, or leave this out"
    )


def test_square_photos_of_one_size_are_tiles():
    copies = [scene(seed) for seed in range(20)]
    square = [[256, 256]] * 19
    assert are_tiles(prints_of(copies, sizes=[*square, [256, 256]]))
    assert are_tiles(prints_of(copies, sizes=[*square, [250, 256]]))
    assert are_tiles(prints_of(copies, sizes=[*square, [0, 0]], bad=[19]))
    assert not are_tiles(prints_of(copies, sizes=[*square[1:], [250, 256], [200, 200]]))
    assert not are_tiles(prints_of(copies, sizes=[[256, 192]] * 20))
    assert not are_tiles(prints_of(copies[:1], sizes=square[:1]))


def test_each_comparison_is_told():
    seen = []
    look_alikes(prints_of([scene(0), scene(1)]), seen.append)
    assert seen == [1] * STEPS
    look_alikes(prints_of([scene(0)] * 4), seen.append)
    assert seen == [1] * STEPS * 2


def test_a_search_is_given_up_where_more_look_alike_than_are_wanted(monkeypatch):
    alike = prints_of([scene(0)] * 4)
    assert len(look_alikes(alike, most=6)) == 6
    assert look_alikes(alike, most=5) is None
    monkeypatch.setattr("polytag.data.look_alikes._closer", lambda *ignored: (0.0, 1.0))
    assert look_alikes(alike, most=5) == []
    many = prints_of([scene(0)] * 7)  # 21 candidates
    assert look_alikes(many, most=2) == []
    assert look_alikes(many, most=1) is None
