"""What recipes promise: options of a training that it takes as they are, with a sentence about each."""

import pytest
from toys import tiny_set

from polytag._toml import as_toml
from polytag.errors import OptionError
from polytag.fit import Training
from polytag.train.recipe import RECIPES, find_recipe

OWN = {"data", "out", "seed", "weights", "resume", "overwrite", "command", "source", "device"}  # never a recipe's


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_a_training(name, tmp_path):
    options = RECIPES[name].options
    training = Training(data=tiny_set(), out=tmp_path, **options)
    assert {key: getattr(training, key) for key in options} == options
    assert not OWN & set(options)
    assert as_toml(options)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_where_it_is_from(name):
    about = RECIPES[name].about
    assert (about.count(". "), about[-1]) == (0, ".")
    assert 10 <= len(about) <= 120


def test_the_plain_one_is_an_ordinary_loop():
    assert RECIPES["plain"].options == {
        "loss": "bce",
        "optimizer": "adamw",
        "lr": 3e-4,
        "schedule": "constant",
        "weight_decay": 0.01,
        "clip": 0.0,
        "average": 0.0,
        "batch_size": 32,
        "sam": "none",
        "frozen_epochs": 0,
        "patience": 0,
        "crop": "none",
        "augment": "none",
        "cutout": 0.0,
        "flip": 0.5,
        "flip_vertical": 0.0,
        "mix": "none",
    }


def test_a_recipe_is_found_by_its_name(monkeypatch):
    assert find_recipe("plain") is RECIPES["plain"]
    monkeypatch.setattr("polytag.train.recipe.RECIPES", {"plain": 1, "asl": 2})
    for name, hint in (("plane", "; did you mean 'plain'"), ("nothing", "")):
        with pytest.raises(OptionError) as refusal:
            find_recipe(name)
        assert str(refusal.value) == f"recipe must be one of plain, asl, got {name!r}{hint}"
