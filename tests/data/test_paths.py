"""What `Paths` promises: a list of strings in a few bytes each."""

import sys

import pytest

from polytag.data import paths
from polytag.data.paths import Paths

NAMES = ["a.jpg", "", "b/\u00e9\u4e2d\U0001f600.png", "a.jpg", "undecodable \udcff.jpg"]


def test_gives_back_what_it_was_given():
    paths = Paths(NAMES)
    assert list(paths) == NAMES
    assert len(paths) == 5
    assert [paths[number] for number in range(-5, 5)] == NAMES + NAMES
    assert NAMES[2] in paths


@pytest.mark.parametrize("block", [1, 2, 4, 5, 6])
def test_iteration_does_not_depend_on_its_blocks(block, monkeypatch):
    monkeypatch.setattr(paths, "_BLOCK", block)
    assert list(Paths(NAMES)) == NAMES
    assert list(Paths(NAMES).select([4, 2, 2])) == [NAMES[4], NAMES[2], NAMES[2]]


def test_reads_any_iterable_once():
    assert list(Paths(name for name in NAMES)) == NAMES
    assert list(Paths()) == []


@pytest.mark.parametrize("rows", [[], [0], [4, 0, 0, 2, 1], [3, 2, 1, 0]])
def test_selects_rows_in_the_order_asked_for(rows):
    chosen = Paths(NAMES).select(rows)
    assert list(chosen) == [NAMES[row] for row in rows]
    assert list(chosen.select(range(len(rows)))) == list(chosen)


@pytest.mark.parametrize("index", [5, -6])
def test_an_index_out_of_range_ends_a_list(index):
    with pytest.raises(IndexError, match=r"^range object index out of range$"):
        Paths(NAMES)[index]


def test_takes_the_bytes_of_the_names_and_eight_more():
    paths = Paths(f"images/{number:06d}.jpg" for number in range(10_000))
    used = sum(sys.getsizeof(array.base if array.base is not None else array) for array in vars(paths).values())
    assert used < 10_000 * (17 + 8) + 1_000
