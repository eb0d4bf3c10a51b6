"""What suite files promise: rows with all their options, and ensembles of them."""

from suite_toys import AB, PLAIN, TOP, names

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


BOTH = AB + '[[row]]\nname = "both"\nensemble = ["asl", "bce"]\n'


def test_an_ensemble_is_a_row_that_is_not_trained(suite):
    read = suite(BOTH + '[[row]]\nensemble = ["bce", "plain"]\n')
    assert names(read) == ["plain", "asl", "bce", "both", "bce + plain"]
    assert [row.name for row in read.trained] == ["plain", "asl", "bce"]
    assert [(row.options, row.ensemble) for row in read.rows[3:]] == [({}, ("asl", "bce")), ({}, ("bce", "plain"))]
    first = suite('[[row]]\nname = "both"\nensemble = ["asl", "bce"]\n' + AB)  # it may stand before its members
    assert names(first) == ["both", "plain", "asl", "bce"]


def test_adapted_metrics_can_be_asked_for(suite):
    assert suite(top=TOP + 'metrics = ["mA", "CF1_adapted"]').metrics == ("mA", "CF1_adapted")
