"""What suite files refuse: every mistake, in a sentence that names the file and the row."""

from pathlib import Path

import pytest
from suite_toys import AB, PLAIN, TOP

from polytag.bench.selection import FURTHER
from polytag.bench.suite import PROTOCOLS, read_suite
from polytag.build import TABLES, option_parameters
from polytag.errors import OptionError
from polytag.recipes import RECIPES


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


LOSSES = ", ".join(TABLES["loss"])
ASL = ", ".join(option_parameters("loss", "asl"))
SHOWS = "polytag train --print-config shows all of them"
KEYS = "title, about, data, baseline, paper, unlabelled, unknown, imbalance, metrics, "
KEYS += "seeds, photos, options, fast, full, row"
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
        (TOP + "metrics = ['mAP']", "metrics are further columns, and mAP is in every table; leave it away"),
        (TOP + "metrics = ['map']", "each of metrics must be one of " + ", ".join(FURTHER) + ", got 'map'"),
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
