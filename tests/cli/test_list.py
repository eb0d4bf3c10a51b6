"""What `polytag list` promises: every name of a table with a line about it."""

import pytest
import timm

from polytag.build import TABLES
from polytag.cli import main
from polytag.metrics import METRICS
from polytag.recipes import RECIPES

FAMILIES = {
    f"{kind}es" if kind in ("loss", "mix", "search") else f"{kind}s": set(table) for kind, table in TABLES.items()
}
FAMILIES = {family: names for family, names in FAMILIES.items() if family != "speeds"} | {"metrics": set(METRICS)}
FAMILIES["recipes"] = set(RECIPES)


def shown(capsys, *words):
    assert main(["list", *words]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_name_comes_with_a_line_about_it(family, capsys):
    rows = [line.split(maxsplit=1) for line in shown(capsys, family)]
    assert {name for name, _ in rows} == FAMILIES[family]
    assert not any(markup in text for _, text in rows for markup in ("``", ":class:", ":func:"))


@pytest.mark.parametrize("pattern", ["test_res", "*test_res*"])
def test_backbones_are_found_by_a_part_of_their_name(pattern, capsys):
    assert "test_resnet" in shown(capsys, "backbones", pattern)


def test_all_backbones_are_those_of_timm(capsys):
    assert shown(capsys, "backbones") == timm.list_models()


def test_a_backbone_that_is_not_there_is_refused(refused):
    assert refused("list", "backbones", "resnot") == (
        "no backbone has 'resnot' in its name; polytag list backbones shows all"
    )


def test_what_is_no_family_is_refused(refused):
    assert refused("list", "cats").startswith("argument FAMILY: invalid choice: 'cats' (choose from ")


def test_costs_of_heads_say_what_folding_saves(capsys):
    title, *rows = shown(capsys, "heads", "--cost", "--backbone", "test_resnet", "--image-size", "64", "--classes", "5")
    assert title.split() == ["head", "M", "parameters", "GMACs", "GMACs", "folded"]
    costs = {name: [float(value) for value in values] for name, *values in map(str.split, rows)}
    assert set(costs) == set(TABLES["head"])
    assert all(folded <= whole for _, whole, folded in costs.values())
    assert costs["ml_gcn"][0] == costs["linear"][0]  # as it is one then
    assert costs["ml_gcn"][1] > costs["linear"][1] == costs["ml_gcn"][2]
    assert all(len(row) <= 80 for row in (title, *rows))


SMALL = ("--cost", "--backbone", "test_resnet", "--image-size", "64")


def test_costs_of_a_head_with_options_of_its_own_and_of_one_within(capsys):
    _, inner = shown(capsys, "heads", *SMALL, "--head", "ml_decoder", "--head.hidden", "8")
    _, around = shown(
        capsys, "heads", *SMALL, "--head", "gat", "--head.around", "ml_decoder", "--head.around.hidden", "8"
    )
    _, default = shown(capsys, "heads", *SMALL, "--head", "ml_decoder")
    assert inner.split()[1] == around.split()[1] != default.split()[1]  # parameters, folded
    assert inner.split()[3] == around.split()[3] < default.split()[3]


def test_costs_of_a_million_labels_take_no_memory(capsys):
    _, row = shown(capsys, "heads", *SMALL, "--head", "gat", "--classes", "1000000")
    assert float(row.split()[1]) > 0


def test_costs_of_backbones_are_with_the_head_that_is_named(capsys):
    _, plain = shown(capsys, "backbones", "test_resnet", "--cost", "--image-size", "64")
    _, other = shown(capsys, "backbones", "test_resnet", "--cost", "--image-size", "64", "--head", "ml_decoder")
    assert float(other.split()[1]) > float(plain.split()[1]) + 5


def test_costs_are_those_of_a_network_that_does_not_train(capsys):
    """Whose norms want more than one photo when it does."""
    _, row = shown(capsys, "backbones", "skresnet18", "--cost", "--image-size", "32")
    assert len(row.split()) == 4


def test_a_network_that_cannot_be_run_does_not_end_the_list(capsys, monkeypatch):
    from polytag.cli import list as module

    def broken(model, size):
        raise RuntimeError("too small\nfor this")

    monkeypatch.setattr(module, "gmacs", broken)
    _, row = shown(capsys, "backbones", "test_resnet", "--cost", "--image-size", "64")
    assert row.split(maxsplit=1) == ["test_resnet", "too small"]


def test_names_of_any_family_are_found_by_a_part(capsys):
    assert [row.split()[0] for row in shown(capsys, "heads", "ml")] == ["ml_decoder", "ml_gcn"]
    assert [row.split()[0] for row in shown(capsys, "heads", "ml_g", *SMALL)][1:] == ["ml_gcn"]
    assert main(["list", "sams", "nosuch"]) == 1
    assert "none of the sams has 'nosuch' in its name; there are none, plain" in capsys.readouterr().err


def test_costs_of_backbones_and_why_one_has_none(capsys):
    _, *rows = shown(capsys, "backbones", "test_vit", "--cost", "--image-size", "63")
    assert {row.split()[0] for row in rows} == set(timm.list_models("*test_vit*"))
    assert all("cannot take photos of 63 x 63 pixels" in row or len(row.split()) == 4 for row in rows)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["heads", "--head", "gat"], "--head and --backbone say what --cost is of; add it, or leave them out"),
        (["losses", "--cost"], "--cost is of backbones or heads, got losses"),
        (
            ["heads", "--cost", "--head", "linear", "--head.groups", "2"],
            "the head linear has no option --head.groups; it has --head.pooling, --head.normalize, --head.scale, "
            "--head.dropout",
        ),
        (["heads", "--cost", "--classes", "0"], "--classes must be between 1 and 1e+06, got 0"),
        (["heads", "--cost", "--image-size", "0"], "--image-size must be between 1 and 8192, got 0"),
    ],
)
def test_costs_of_what_cannot_be_are_refused(words, sentence, refused):
    assert refused("list", *words) == sentence
