"""Every recipe by its name: options of a training that belong together."""

from collections.abc import Mapping

from polytag._text import did_you_mean
from polytag.errors import OptionError
from polytag.methods import aam_gat
from polytag.train.recipe import GENERAL, Recipe

RECIPES: Mapping[str, Recipe] = {**GENERAL, **aam_gat.RECIPES}
"""``Training(data=data, out=out, **RECIPES["plain"].options)``"""


def find_recipe(name: str) -> Recipe:
    """A recipe by its name.

    Raises:
        OptionError: if there is none of this name.
    """
    if name not in RECIPES:
        raise OptionError(f"recipe must be one of {', '.join(RECIPES)}, got {name!r}{did_you_mean(name, RECIPES)}")
    return RECIPES[name]
