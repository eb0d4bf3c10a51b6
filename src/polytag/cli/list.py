"""`polytag list`."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import timm
import torch

from polytag._checks import check_number
from polytag._text import table
from polytag.bench.cost import gmacs
from polytag.build import TABLES, Choice, build_model, summary
from polytag.cli.options import parse_with_nested
from polytag.cli.parser import Parser
from polytag.errors import OptionError, PolytagError
from polytag.fit import Training
from polytag.metrics import METRICS
from polytag.recipes import RECIPES
from polytag.train.recipe import Recipe

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
    """Print the names of a family, and what each is or costs."""
    parser = Parser(prog="polytag list", description="What there is to choose from.")
    parser.add_argument(
        "family", choices=("backbones", *_LISTS), metavar="FAMILY", help=", ".join(("backbones", *_LISTS))
    )
    parser.add_argument("pattern", nargs="?", default="*", help="a part of the name, with * as wildcard")
    cost = parser.add_argument_group("what backbones and heads cost")
    cost.add_argument("--cost", action="store_true", help="parameters and GMACs of a photo, of no trained model")
    cost.add_argument("--backbone", metavar="NAME", help=f"of the heads (default: {Training.backbone})")
    cost.add_argument(
        "--head", metavar="NAME", help="this one alone, with its options as in polytag train; of backbones: linear"
    )
    cost.add_argument("--image-size", type=int, default=224, metavar="N", help="pixels a side (default: 224)")
    cost.add_argument("--classes", type=int, default=80, metavar="N", help="labels (default: 80)")
    args = parse_with_nested(parser, words, ("head",))
    check_number("--image-size", args.image_size, 1, 8192)
    check_number("--classes", args.classes, 1, 1_000_000)
    if args.cost and args.family not in ("backbones", "heads"):
        raise OptionError(f"--cost is of backbones or heads, got {args.family}")
    if not args.cost and (args.head or args.backbone):
        raise OptionError("--head and --backbone say what --cost is of; add it, or leave them out")
    part = f"*{args.pattern.strip('*')}*"
    if args.family == "backbones":
        names = timm.list_models(part)
        if not names:
            raise OptionError(f"no backbone has {args.pattern!r} in its name; polytag list backbones shows all")
        if args.cost:
            head = args.head or "linear"
            show_costs("backbone", ((name, name, head) for name in names), args.image_size, args.classes)
        else:
            print("\n".join(names))
        return 0
    if args.cost:
        backbone = args.backbone or Training.backbone
        heads = _named(TABLES["head"], part, "heads") if args.head is None else [args.head]
        named = ((head if isinstance(head, str) else head["name"], backbone, head) for head in heads)
        show_costs("head", named, args.image_size, args.classes)
    else:
        entries = _LISTS[args.family]
        print(table([(name, _about(entries[name])) for name in _named(entries, part, args.family)]))
    return 0


def _named(known: Iterable[str], part: str, family: str) -> list[str]:
    names = [name for name in known if fnmatchcase(name, part)]
    if not names:
        raise OptionError(f"none of the {family} has {part.strip('*')!r} in its name; there are {', '.join(known)}")
    return names


def show_costs(what: str, models: Iterable[tuple[str, str, Choice]], side: int, classes: int) -> None:
    """A line for each model (name, backbone, head), as soon as it is known; in those that cannot be, why."""
    titles = ("M parameters", "GMACs", "GMACs folded")
    print("  ".join((f"{what:<24}", *titles)))
    for name, backbone, head in models:
        try:
            with torch.device("meta"):  # no weights are needed, of which a million labels would have too many
                model = build_model(backbone, head, classes, image_size=(side, side)).eval()
                folded = model.folded().eval()
            parameters = sum(weights.numel() for weights in folded.parameters()) / 1e6
            numbers = (f"{parameters:.2f}", *(f"{gmacs(one, (side, side)):.3f}" for one in (model, folded)))
            cells = [f"{number:>{len(title)}}" for number, title in zip(numbers, titles, strict=True)]
        except (PolytagError, RuntimeError, ValueError) as error:  # a network may be at odds with the size
            cells = [str(error).partition("\n")[0]]
        print("  ".join((f"{name:<24}", *cells)))


def _about(entry: Any) -> str:
    return entry.about if isinstance(entry, Recipe) else summary(entry)
