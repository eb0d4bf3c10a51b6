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
