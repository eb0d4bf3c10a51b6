"""`polytag list`."""

from typing import Any

import timm

from polytag._text import table
from polytag.build import TABLES, summary
from polytag.cli.parser import Parser
from polytag.errors import OptionError
from polytag.metrics import METRICS
from polytag.train.recipe import RECIPES, Recipe

_LISTS = {
    "heads": TABLES["head"],
    "losses": TABLES["loss"],
    "methods": TABLES["method"],
    "samplers": TABLES["sampler"],
    "optimizers": TABLES["optimizer"],
    "schedules": TABLES["schedule"],
    "sams": TABLES["sam"],
    "searches": TABLES["search"],
    "crops": TABLES["crop"],
    "augments": TABLES["augment"],
    "mixes": TABLES["mix"],
    "recipes": RECIPES,
    "readers": TABLES["reader"],
    "metrics": METRICS,
}


def main(words: list[str]) -> int:
    """Print the names of a family, and what each is."""
    parser = Parser(prog="polytag list", description="What there is to choose from.")
    parser.add_argument(
        "family", choices=("backbones", *_LISTS), metavar="FAMILY", help=", ".join(("backbones", *_LISTS))
    )
    parser.add_argument("pattern", nargs="?", default="*", help="of backbones: a part of the name, with * as wildcard")
    args = parser.parse_args(words)
    if args.family == "backbones":
        names = timm.list_models(f"*{args.pattern.strip('*')}*")
        if not names:
            raise OptionError(f"no backbone has {args.pattern!r} in its name; polytag list backbones shows all")
        print("\n".join(names))
        return 0
    print(table([(name, _about(entry)) for name, entry in _LISTS[args.family].items()]))
    return 0


def _about(entry: Any) -> str:
    return entry.about if isinstance(entry, Recipe) else summary(entry)
