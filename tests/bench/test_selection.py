"""What another look at a suite promises: the rows asked for, each compared as asked, on the photos asked for."""

from dataclasses import replace

import pytest
from suite_toys import AB, PLAIN, names

from polytag.bench.selection import as_ladder, select_rows, with_baseline, with_split
from polytag.errors import OptionError

BOTH = AB + '[[row]]\nname = "both"\nensemble = ["asl", "bce"]\n'


def test_some_rows_are_taken_with_the_baseline_in_their_order(suite):
    read = suite('[[row]]\nloss = ["asl", "bce"]\n' + PLAIN + '[[row]]\nloss = "weighted_bce"')
    some = select_rows(read, ["weighted_bce", "asl"])
    assert names(some) == ["asl", "plain", "weighted_bce"]
    assert (some.seeds, some.baseline) == (read.seeds, "plain")
    assert names(select_rows(read, [])) == ["plain"]
    with pytest.raises(
        OptionError, match=r"^rows must be among asl, bce, plain, weighted_bce, got 'als'; did you mean 'asl'$"
    ):
        select_rows(read, ["als"])


def test_in_a_ladder_each_row_is_compared_with_the_one_above_it(suite):
    read = suite('[[row]]\nloss = ["asl", "bce"]\n' + PLAIN + '[[row]]\nloss = "weighted_bce"')
    whole, some = as_ladder(read), as_ladder(read, ["weighted_bce", "bce"])
    assert [whole.compared_with(name) for name in names(whole)] == [None, "asl", "bce", "plain"]
    assert (names(some), some.baseline) == (["bce", "weighted_bce"], "bce")  # whatever the suite's baseline is
    assert [read.compared_with(name) for name in names(read)] == ["plain", "plain", None, "plain"]
    with pytest.raises(OptionError, match=r"^rows must be among asl, bce, plain, weighted_bce, got 'als'"):
        as_ladder(read, ["als", "bce"])


def test_an_ensemble_that_is_taken_brings_its_members(suite):
    read = suite(BOTH + '[[row]]\nname = "c"\nlr = 1e-3\n')
    assert names(select_rows(read, ["both"])) == ["plain", "asl", "bce", "both"]
    assert names(select_rows(read, ["c"])) == ["plain", "c"]
    assert names(select_rows(with_baseline(read, "both"), ["c"])) == ["asl", "bce", "both", "c"]


def test_a_suite_is_judged_on_validation_photos_where_that_is_asked_for(suite):
    read = replace(suite(), paper="voc2007")
    val = with_split(read, "val")
    assert (read.split, read.judged_on, val.split, val.judged_on) == ("test", "test", "val", "validation")
    assert (with_split(read, "test"), val.paper) == (read, "")  # whose numbers are of test photos


def test_what_has_its_thresholds_from_validation_photos_is_not_judged_on_them(suite):
    read = replace(suite(), metrics=("mA", "CF1_adapted"))
    assert with_split(read, "test") == read
    with pytest.raises(OptionError, match=r"^CF1_adapted has its thresholds from the validation photos, so it cannot"):
        with_split(read, "val")


def test_no_other_photos_are_known(suite):
    with pytest.raises(OptionError, match="split must be one of test, val, got 'train'"):
        with_split(suite(), "train")
