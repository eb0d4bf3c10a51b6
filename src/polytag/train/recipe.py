"""Recipes: options of a training that belong together, by name. This file is their table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polytag._text import did_you_mean
from polytag.errors import OptionError


@dataclass(frozen=True)
class Recipe:
    """Options of a training: ``Training(data=data, out=out, **RECIPES["plain"].options)``."""

    about: str  # what it is and where its values come from, a sentence
    options: Mapping[str, Any]  # of polytag.Training


RECIPES: dict[str, Recipe] = {
    "plain": Recipe(
        "An ordinary loop, with the usual values of one that is written in an afternoon: the baseline of comparisons.",
        {
            "loss": "bce",
            "optimizer": "adamw",
            "lr": 3e-4,
            "schedule": "constant",  # without a warm-up
            "weight_decay": 0.01,
            "clip": 0.0,
            "sam": "none",
            "frozen_epochs": 0,
            "patience": 0,
            "average": 0.0,
            "batch_size": 32,
            "crop": "none",
            "augment": "none",
            "cutout": 0.0,
            "flip": 0.5,
            "flip_vertical": 0.0,
            "mix": "none",
        },
    ),
}


def find_recipe(name: str) -> Recipe:
    """A recipe by its name.

    Raises:
        OptionError: if there is none of this name.
    """
    if name not in RECIPES:
        raise OptionError(f"recipe must be one of {', '.join(RECIPES)}, got {name!r}{did_you_mean(name, RECIPES)}")
    return RECIPES[name]
