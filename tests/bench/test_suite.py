"""What suite files promise: rows with all their options, and every mistake refused by file and row."""

from pathlib import Path

import pytest
from toys import tiny_set

from polytag.bench.suite import FURTHER, PROTOCOLS, read_suite, select_rows, with_baseline
from polytag.build import TABLES, option_parameters
from polytag.errors import OptionError
from polytag.fit import Training
from polytag.recipes import RECIPES

SUITES = sorted((Path(__file__).parents[2] / "benchmarks" / "suites").glob("*.toml"))

TOP = 'title = "Small"\ndata = "labels.csv"\nbaseline = "plain"\nseeds = [0, 1]\n'
TABLES_BELOW = "[options]\nepochs = 5\n[full]\nimage_size = 64\n[fast]\nimage_size = 32\nseeds = [7]\n"
PLAIN = '[[row]]\nname = "plain"\nrecipe = "plain"\n'


@pytest.fixture
def suite(tmp_path):
    """Writes a suite and reads it."""

    def read(rows=PLAIN, top=TOP, tables=TABLES_BELOW, protocol="fast"):
        path = tmp_path / "small.toml"
        path.write_text(f"{top}\n{tables}\n{rows}", encoding="utf-8")
        return read_suite(path, protocol)

    return read


@pytest.fixture
def refusal(suite):
    """The sentence by which a suite is refused, without the file in front."""

    def sentence(**parts):
        with pytest.raises(OptionError) as refused:
            suite(**parts)
        where, _, said = str(refused.value).partition(": ")
        assert Path(where).name == "small.toml"
        return said

    return sentence


def names(suite):
    return [row.name for row in suite.rows]


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


AB = PLAIN + '[[row]]\nloss = ["asl", "bce"]\n'
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


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("ensemble = 'asl'", "row 3: ensemble must be a list, got 'asl'"),
        ("ensemble = ['asl', 3]", "row 3: each of ensemble must be text, got 3"),
        ("ensemble = []", "row 3: ensemble must name two rows or more, got []"),
        ("ensemble = ['asl']", "row 3: ensemble must name two rows or more, got ['asl']"),
        ("ensemble = ['asl', 'asl']", "row 3: each of ensemble must be there once, got 'asl' twice"),
        (
            "ensemble = ['asl', 'bec']",
            "the ensemble 'asl + bec' must be of rows that are trained, got 'bec'; did you mean 'bce'",
        ),
        ("name = 'x'\nensemble = ['asl', 'x']", "the ensemble 'x' must be of rows that are trained, got 'x'"),
        (
            "ensemble = ['asl', 'bce']\n[[row]]\nensemble = ['asl', 'asl + bce']",
            "the ensemble 'asl + asl + bce' must be of rows that are trained, got 'asl + bce'",
        ),
        (
            "ensemble = ['asl', 'bce']\nlr = 0.1",
            "row 3: a row with ensemble is not trained and takes a name alone beside it, got lr",
        ),
        ("ensemble = ['asl', 'bce']\nname = ['x']", "row 3: name must be text, got ['x']"),
        ("name = 'bce'\nensemble = ['asl', 'bce']", "two rows are called 'bce'; give one of them another name"),
    ],
)
def test_a_mistake_in_an_ensemble_is_refused_by_its_number(line, sentence, refusal):
    assert refusal(rows=f"{AB}[[row]]\n{line}") == sentence


def test_adapted_metrics_can_be_asked_for(suite):
    assert suite(top=TOP + 'metrics = ["mA", "CF1_adapted"]').metrics == ("mA", "CF1_adapted")


LOSSES = ", ".join(TABLES["loss"])
ASL = ", ".join(option_parameters("loss", "asl"))
SHOWS = "polytag train --print-config shows all of them"
KEYS = "title, about, data, baseline, paper, unknown, imbalance, metrics, seeds, photos, options, fast, full, row"
BELOW = "must be a path below the folder that --data names"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("epoch = 3", f"row 2: there is no option 'epoch'; did you mean 'epochs'; {SHOWS}"),
        ("colour = 3", f"row 2: there is no option 'colour'; {SHOWS}"),
        ("seeds = [3]", f"row 2: there is no option 'seeds'; did you mean 'speed'; {SHOWS}"),
        ("seed = 3", "row 2: seed cannot be set here, since polytag bench sets it; leave it out"),
        ("epochs = 'ten'", "row 2: epochs must be a whole number, got 'ten'"),
        ("epochs = [5, true]", "row 2: epochs must be a whole number, got True"),
        ("epochs = []", "row 2: epochs must have at least one value, got []"),
        ("name = ['a']", "row 2: name must be text, got ['a']"),
        ("", 'row 2: it is empty; give it an option, or a name where it is as all others: name = "default"'),
        ("lr = false", "row 2: lr must be a number or auto, got False"),
        ("deterministic = 1", "row 2: deterministic must be true or false, got 1"),
        ("image_size = '32'", "row 2: image_size must be a whole number or a list, got '32'"),
        ("image_size = [[1, 2, 3]]", "row 2 with [fast]: image_size must be 2 whole numbers, got (1, 2, 3)"),
        ("cache = 'disk'", "row 2: cache must be one of auto, memory, none, got 'disk'"),
        ("speed = {name = 'eager'}", "row 2: speed must be text, got {'name': 'eager'}"),
        ("optimizer = 'sdg'", "row 2: optimizer must be one of adam, adamw, sgd, got 'sdg'; did you mean 'sgd'"),
        ("loss = 5", "row 2: loss must be a name or a table with one, got 5"),
        ("loss = ['bce', 'als']", f"row 2: loss must be one of {LOSSES}, got 'als'; did you mean 'asl'"),
        ("loss = {name = 'asl', gama = 4}", f"row 2: the loss 'asl' has no option 'gama'; it takes {ASL}"),
        ("loss = {name = 'asl', clip = [0.1]}", "row 2: loss.clip must be a number, got [0.1]"),
        (
            "head = {name = 'linear', pooling = 'mean'}",
            "row 2: head.pooling must be one of avg, max, avg_max, got 'mean'",
        ),
        (
            "loss = {name = 'asl', clip = 2}",
            "row 2 with [fast]: clip must be between 0 and 1, got 2",
        ),
        ("recipe = 'plane'", "row 2: recipe must be one of plain, got 'plane'; did you mean 'plain'"),
        ("batch_size = 0", "row 2 with [fast]: batch_size must be between 1 and 1e+06, got 0"),
        ("weights = '/x.safetensors'", f"row 2: weights {BELOW}, got '/x.safetensors'"),
        ("weights = 'a/../../x'", f"row 2: weights {BELOW}, got 'a/../../x'"),
        ("name = 'plain'\nloss = 'bce'", "two rows are called 'plain'; give one of them another name"),
        ("loss = ['bce', 'bce']", "two rows are called 'bce'; give one of them another name"),
    ],
)
def test_a_mistake_in_a_row_is_refused_by_its_number(line, sentence, refusal, monkeypatch):
    monkeypatch.setattr("polytag.recipes.RECIPES", {"plain": RECIPES["plain"]})
    assert refusal(rows=f"{PLAIN}[[row]]\n{line}") == sentence


@pytest.mark.parametrize(
    ("top", "sentence"),
    [
        (TOP + "seed = 3", f"there is no key 'seed' in a suite; did you mean 'seeds'; it has {KEYS}"),
        (TOP.replace('"Small"', "3"), "title must be text, got 3"),
        (TOP.replace('title = "Small"', ""), "title is missing; a suite needs {needs}"),
        (TOP.replace("labels.csv", "../labels.csv"), f"data {BELOW}, got '../labels.csv'"),
        (TOP.replace("labels.csv", ""), f"data {BELOW}, got ''"),
        (TOP + "metrics = ['mAP']", "each of metrics must be one of " + ", ".join(FURTHER) + ", got 'mAP'"),
        (TOP + "metrics = ['mA', 'mA']", "each of metrics must be there once, got mA twice"),
        (TOP + "metrics = 'mA'", "metrics must be a list, got 'mA'"),
        (TOP + "unknown = 1", "unknown must be between 0 and 0.99, got 1"),
        (TOP + "imbalance = 0.5", "imbalance must be between 1 and 1e+06, got 0.5"),
        (TOP.replace("[0, 1]", "[]"), "there are no seeds for [full]; list at least one, as in seeds = [0, 1, 2]"),
        (
            TOP.replace("seeds = [0, 1]", ""),
            "there are no seeds for [full]; list at least one, as in seeds = [0, 1, 2]",
        ),
        (TOP.replace("[0, 1]", "[0, 1, 0]"), "each of seeds must be there once, got 0 twice"),
        (TOP.replace("[0, 1]", "[-1]"), "each of seeds must be between 0 and 4.61169e+18, got -1"),
        (TOP.replace("[0, 1]", "[0.5]"), "each of seeds must be a whole number, got 0.5"),
        (TOP.replace("[0, 1]", "3"), "seeds must be a list, got 3"),
        (
            TOP.replace('"plain"', '"plane"'),
            "baseline must be one of the rows plain, got 'plane'; did you mean 'plain'",
        ),
    ],
)
def test_a_mistake_at_the_top_is_refused(top, sentence, refusal):
    needs = "title, data, baseline, fast, full, seeds and rows"
    assert refusal(top=top) == sentence.format(needs=needs)


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ("full = {}\nfast = 3", "fast must be a table, got 3; write [fast] above its options"),
        ("full = {}", "fast is missing; a suite needs title, data, baseline, fast, full, seeds and rows"),
        ("full = {}\nfast = {epoch = 3}", f"[fast]: there is no option 'epoch'; did you mean 'epochs'; {SHOWS}"),
        ("full = {}\nfast = {seeds = 3}", "[fast]: seeds must be a list, got 3"),
        (
            "full = {}\nfast = {seeds = []}",
            "there are no seeds for [fast]; list at least one, as in seeds = [0, 1, 2]",
        ),
        (
            "full = {}\nfast = {}\noptions = {out = 'x'}",
            "[options]: out cannot be set here, since polytag bench sets it; leave it out",
        ),
        ("full = {}\nfast = {}\noptions = {name = 'x'}", f"[options]: there is no option 'name'; {SHOWS}"),
        ("full = {epochs = 0}\nfast = {}", "row 1 with [full]: epochs must be between 1 and 100000, got 0"),
        (
            "full = {}\nfast = {accumulate = 3}",
            "row 1 with [fast]: batch_size must be a multiple of accumulate 3, got 32",
        ),
    ],
)
def test_a_mistake_in_a_table_is_refused_whichever_protocol_is_read(tables, sentence, refusal):
    for protocol in PROTOCOLS:
        assert refusal(tables=tables, protocol=protocol) == sentence


@pytest.mark.parametrize("rows", ["", "[row]\nloss = 'bce'"])
def test_a_suite_without_rows_is_refused(rows, refusal):
    assert refusal(rows=rows) == "there are no rows; write each below [[row]]"
    assert refusal(rows="", top=f"row = [1]\n{TOP}") == "there are no rows; write each below [[row]]"


def test_an_unknown_protocol_is_refused(suite):
    with pytest.raises(OptionError, match=r"^protocol must be one of fast, full, got 'slow'$"):
        suite(protocol="slow")


def test_what_is_no_suite_is_refused(tmp_path):
    path = tmp_path / "a.toml"
    advice = "give a suite, as in benchmarks/suites"
    for content, sentence in (
        (
            b"title",
            f"{path} is not TOML: Expected '=' after a key in a key/value pair (at end of document); correct it",
        ),
        (b"#" * 1_000_001, f"{path} is larger than 1 MB, which no suite is; {advice}"),
    ):
        path.write_bytes(content)
        with pytest.raises(OptionError) as refused:
            read_suite(path, "full")
        assert str(refused.value) == sentence
    with pytest.raises(OptionError) as refused:
        read_suite(tmp_path / "b.toml", "full")
    assert str(refused.value) == f"cannot read {tmp_path}/b.toml: No such file or directory; {advice}"


def test_the_suites_of_the_project_are_there():
    assert {"ccp", "digits", "ucm10", "ucm-unknown"} <= {path.stem for path in SUITES}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_of_the_project_makes_trainings(path, protocol, tmp_path):
    read = read_suite(path, protocol)
    assert len(read.seeds) >= (3 if protocol == "full" else 2)
    assert len(read.rows) > 1
    assert read.title
    assert read.about
    for row in read.trained:
        training = Training(data=tiny_set(8), out=tmp_path, seed=read.seeds[-1], **row.options)
        assert (training.epochs, training.image_size) == (row.options["epochs"], row.options["image_size"])


@pytest.mark.parametrize("name", ["ccp", "digits", "ucm10", "ucm-unknown"])
def test_the_losses_are_compared_under_a_linear_head_beside_a_plain_loop(name):
    (path,) = (path for path in SUITES if path.stem == name)
    assert names(read_suite(path, "full"))[:4] == ["plain", "bce", "weighted_bce", "asl"]


@pytest.mark.parametrize("name", ["ccp", "ucm10"])
def test_upsamplings_are_compared_under_the_attention_of_the_papers_table(name):
    (path,) = (path for path in SUITES if path.stem == name)
    heads = [row.options["head"] for row in read_suite(path, "full").trained if "decouple" in row.name]
    assert {head["attention"] for head in heads} == {"arch1", "arch2", "none"}
    assert [head["attention"] for head in heads if "upsampling" in head] == ["arch1", "arch1"]
