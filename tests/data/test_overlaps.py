"""The parts of the search: close codes, agreed shifts, laying one photo over another."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from polytag.data.overlaps import agreed_shifts, close_codes, lay_over, strongest


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_close_codes_differ_in_few_bits_and_in_their_owners():
    codes = np.array([0b1111, 0b1110, 2**63 | 0b1111, 2**64 - 1, 0b1111], np.uint64)
    one, other = close_codes(codes, numbers(3, 1, 2, 0, 3), 1)
    # 1 against 0 and 4 by the last bit, 2 against 0 and 4 by the first; 0 and 4 have one owner; 1 and 2 differ in two
    assert sorted(zip(one.tolist(), other.tolist(), strict=True)) == [(1, 0), (1, 4), (2, 0), (2, 4)]


def test_close_codes_agree_with_all_pairs_where_there_are_few():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 2**63, 40).astype(np.uint64)
    codes = np.concatenate([base, base ^ np.uint64(1 << 40), base ^ np.uint64(5)])
    one, other = close_codes(codes, np.arange(120), 4)
    pairs = {(a, b) for a in range(120) for b in range(a + 1, 120) if int(codes[a] ^ codes[b]).bit_count() <= 4}
    assert set(zip(one.tolist(), other.tolist(), strict=True)) == pairs


def test_a_crowd_of_equal_codes_costs_a_few_pairs_each():
    one, _ = close_codes(np.zeros(5000, np.uint64), np.arange(5000), 6)
    assert 5000 <= len(one) <= 5000 * 4 * 6


def test_no_codes_are_close():
    one, other = close_codes(np.empty(0, np.uint64), numbers(), 6)
    assert len(one) == len(other) == 0


def test_a_shift_needs_two_points_that_agree():
    first, second = numbers(0, 0, 0, 1, 1, 2), numbers(5, 5, 5, 5, 5, 3)
    shifts = np.array([[10, -20], [12, -22], [90, 3], [0, 0], [0, 40], [1, 1]])
    rows = agreed_shifts(first, second, shifts)
    assert [part.tolist() for part in rows] == [[0], [5], [[11.0, -21.0]], [2]]


@pytest.mark.parametrize("shift", [(-128, 127), (127, -128), (0, 0), (7, 8), (-1, 3)])
def test_shifts_that_agree_are_found_across_the_borders_of_bins(shift):
    shifts = np.array([shift, (shift[0] + 1, shift[1] - 1)])
    first, second, mean, _ = agreed_shifts(numbers(4, 4), numbers(9, 9), shifts)
    assert (first.tolist(), second.tolist()) == ([4], [9])
    np.testing.assert_allclose(mean, [[shift[0] + 0.5, shift[1] - 0.5]])


def test_the_shift_with_the_most_points_wins():
    shifts = np.array([[0, 0], [0, 0], [50, 50], [50, 50], [50, 50]])
    assert agreed_shifts(np.zeros(5, np.int64), np.ones(5, np.int64), shifts)[2].tolist() == [[50.0, 50.0]]


def test_no_points_agree_on_nothing():
    assert [len(part) for part in agreed_shifts(numbers(), numbers(), np.empty((0, 2), np.int64))] == [0, 0, 0, 0]


def test_the_strongest_pairs_of_either_photo_stay_and_of_equals_the_closest():
    first, second = numbers(0, 0, 0, 1, 1), numbers(1, 2, 3, 2, 3)
    kept = strongest(first, second, numbers(5, 4, 4, 3, 3), 1)
    # 0-1 is the strongest of 0 and of 1, 0-2 of 2 and 0-3 of 3; 1-2 is the closer of those that 1 is first in
    assert kept.tolist() == [True, True, True, True, False]


def windows(*corners: tuple[int, int]) -> np.ndarray:
    large = gaussian_filter(np.random.default_rng(1).normal(0, 200, (160, 160)), 1.5) + 128
    return np.stack([large[y : y + 64, x : x + 64] for y, x in corners]).clip(0, 255).astype(np.uint8)


def lay(copies: np.ndarray, shift: tuple[float, float], mirrored: bool = False) -> tuple[float, float, float]:
    start = np.array([shift], np.float32)
    layout = lay_over(copies, numbers(0), numbers(1), start, np.array([mirrored]))
    return float(layout.agreement[0]), float(layout.overlap[0]), float(layout.structure[0])


@pytest.mark.parametrize("start", [(-20, -30), (-21, -29), (-19, -31)])
def test_overlapping_windows_agree_from_a_start_nearby(start):
    agreement, overlap, structure = lay(windows((0, 0), (20, 30)), start)
    assert agreement > 0.99
    assert overlap == pytest.approx(44 * 34 / 64**2, abs=0.01)  # 64 - 20 rows, 64 - 30 columns
    assert structure > 0.95


def test_a_wrong_start_leads_nowhere():
    assert lay(windows((0, 0), (20, 30)), (20, 0))[0] < 0.5


def test_a_mirrored_photo_agrees_when_it_is_turned_around():
    copies = windows((0, 0), (0, 0))
    copies[1] = copies[1, :, ::-1]
    assert lay(copies, (0, 0), mirrored=True)[0] > 0.99
    assert lay(copies, (0, 0), mirrored=False)[0] < 0.5


def test_gain_and_offset_of_brightness_change_nothing():
    copies = windows((0, 0), (0, 0))
    copies[1] = copies[1] * 0.5 + 100
    assert lay(copies, (0, 0))[0] > 0.98


def test_flat_photos_agree_on_nothing():
    assert lay(np.full((2, 64, 64), 7, np.uint8), (0, 0)) == (-1, 0, 0)


def test_a_start_outside_is_no_overlap():
    assert lay(windows((0, 0), (20, 30)), (90, 0))[0] == -1


def test_every_pair_is_judged_alone_across_chunks():
    copies = windows(*((n % 7 * 10, n // 7 * 12) for n in range(49)))
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 49, (2, 150))
    start = np.stack([(first % 7 - second % 7) * 10, (first // 7 - second // 7) * 12], axis=1).astype(np.float32)
    none = np.zeros(150, np.bool_)
    together = lay_over(copies, first, second, start, none)
    for row in (0, 70, 149):
        pick = slice(row, row + 1)
        alone = lay_over(copies, first[pick], second[pick], start[pick], none[pick])
        np.testing.assert_allclose(alone.agreement, together.agreement[pick], atol=1e-4)
