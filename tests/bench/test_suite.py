"""What suite files promise: rows with all their options, and ensembles of them."""

import pytest
from suite_toys import AB, PLAIN, TOP, names

from polytag.bench.suite import as_ladder, select_rows, with_baseline
from polytag.errors import OptionError
from polytag.recipes import RECIPES


def test_a_suite_says_what_is_compared(suite):
    top = TOP + 'unknown = 0.25\nimbalance = 50.0\npaper = "voc_lt"\nabout = """\nWhy.\n"""\n'
    full, fast = (suite(top=top, protocol=protocol) for protocol in ("full", "fast"))
    assert (full.name, full.title, full.data, full.baseline) == ("small", "Small", "labels.csv", "plain")
    assert (full.unknown, full.imbalance, full.paper, full.about) == (0.25, 50, "voc_lt", "Why.")
    assert (full.protocol, full.seeds) == ("full", (0, 1))
    assert (fast.protocol, fast.seeds) == ("fast", (7,))
    assert [one.rows[0].options["image_size"] for one in (full, fast)] == [64, 32]
    assert (suite().unknown, suite().imbalance, suite().paper, suite().about) == (0.0, 0.0, "", "")


def test_what_a_row_says_is_stronger_than_the_protocol_the_options_and_its_recipe(suite):
    tables = "[options]\nlr = 1\nbatch_size = 8\nclip = 1.0\n[full]\n[fast]\nbatch_size = 16\nclip = 2.0\n"
    (row,) = suite(PLAIN + "clip = 3.0\n", tables=tables).rows
    assert row.options == RECIPES["plain"].options | {"lr": 1, "batch_size": 16, "clip": 3.0}


def test_a_recipe_for_all_rows_gives_way_to_that_of_a_row_and_to_all_options(suite, monkeypatch):
    monkeypatch.setitem(RECIPES, "other", type(RECIPES["plain"])("Other.", {"lr": 0.5, "clip": 9.0}))
    tables = 'options = {recipe = "other", clip = 4.0}\nfull = {}\nfast = {}'
    rows = '[[row]]\nname = "plain"\n[[row]]\nname = "b"\nrecipe = "plain"\n'
    one, other = (row.options for row in suite(rows, tables=tables).rows)
    assert one == {"lr": 0.5, "clip": 4.0}
    assert other == RECIPES["plain"].options | {"clip": 4.0}


def test_a_choice_is_taken_whole(suite):
    tables = 'fast = {}\nfull = {}\n[options.loss]\nname = "asl"\nclip = 0.1\n'
    one, other = suite(PLAIN + '[[row]]\nloss = {name = "asl", gamma_neg = 2}\n', tables=tables).rows
    assert one.options["loss"] == {"name": "asl", "clip": 0.1}
    assert other.options["loss"] == {"name": "asl", "gamma_neg": 2}


def test_a_list_is_a_row_for_each_value_and_several_are_all_combinations(suite):
    loss = 'loss = ["bce", {name = "asl", gamma_neg = 4, detach_weights = false}]\n'
    rows = f'{PLAIN}[[row]]\n{loss}head = ["linear", {{name = "linear", pooling = "max"}}]\n'
    read = suite(rows)
    asl = "asl gamma_neg=4 detach_weights=false"
    assert names(read)[1:] == ["bce linear", "bce linear pooling=max", f"{asl} linear", f"{asl} linear pooling=max"]
    assert read.rows[2].options["loss"] == "bce"
    assert read.rows[2].options["head"] == {"name": "linear", "pooling": "max"}


def test_rows_are_called_after_their_options_or_by_name_with_what_is_listed_behind(suite):
    rows = '[[row]]\nloss = "asl"\nlr = 0.01\ncache = "none"\n[[row]]\nname = "my"\nloss = ["bce", "asl"]\nlr = 1e-4\n'
    rows += '[[row]]\nimage_size = [40, [40, 56]]\n[[row]]\nbackbone = "test_resnet"\n'
    read = suite(PLAIN + rows)
    assert names(read) == [
        *("plain", "asl lr=0.01 cache=none", "my bce", "my asl"),
        *("image_size=40", "image_size=[40, 56]", "test_resnet"),
    ]
    assert read.rows[5].options["image_size"] == (40, 56)


def test_a_row_may_be_as_all_others_are_but_for_its_name(suite):
    assert suite('[[row]]\nname = "plain"\n').rows[0].options == {"epochs": 5, "image_size": 32}


def test_lists_of_a_table_are_values(suite):
    tables = 'full = {}\nfast = {}\n[options]\nimage_size = [32, 48]\ntrack = ["tensorboard"]\n'
    options = suite(tables=tables).rows[0].options
    assert (options["image_size"], options["track"]) == ((32, 48), ("tensorboard",))


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


BOTH = AB + '[[row]]\nname = "both"\nensemble = ["asl", "bce"]\n'


def test_an_ensemble_is_a_row_that_is_not_trained(suite):
    read = suite(BOTH + '[[row]]\nensemble = ["bce", "plain"]\n')
    assert names(read) == ["plain", "asl", "bce", "both", "bce + plain"]
    assert [row.name for row in read.trained] == ["plain", "asl", "bce"]
    assert [(row.options, row.ensemble) for row in read.rows[3:]] == [({}, ("asl", "bce")), ({}, ("bce", "plain"))]
    first = suite('[[row]]\nname = "both"\nensemble = ["asl", "bce"]\n' + AB)  # it may stand before its members
    assert names(first) == ["both", "plain", "asl", "bce"]


def test_an_ensemble_that_is_taken_brings_its_members(suite):
    read = suite(BOTH + '[[row]]\nname = "c"\nlr = 1e-3\n')
    assert names(select_rows(read, ["both"])) == ["plain", "asl", "bce", "both"]
    assert names(select_rows(read, ["c"])) == ["plain", "c"]
    assert names(select_rows(with_baseline(read, "both"), ["c"])) == ["asl", "bce", "both", "c"]


def test_adapted_metrics_can_be_asked_for(suite):
    assert suite(top=TOP + 'metrics = ["mA", "CF1_adapted"]').metrics == ("mA", "CF1_adapted")
