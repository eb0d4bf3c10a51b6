"""Names to objects: the only module that sees all tables."""

import copy
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import torch

from polytag._checks import check_type
from polytag._random import drawn_from, torch_seed
from polytag._text import did_you_mean
from polytag.backbones import Backbone
from polytag.data.augment import AUGMENTATIONS, CROPS, MIXES, Augmentation, Crop, Mix
from polytag.data.readers import READERS
from polytag.errors import OptionError
from polytag.heads import HEADS
from polytag.heads.base import Head
from polytag.losses import BCE, LOSSES
from polytag.method import Base
from polytag.methods import METHODS
from polytag.model import Classifier
from polytag.samplers import SAMPLERS
from polytag.train.optimizers import OPTIMIZERS
from polytag.train.rate_finder import SEARCHES, Search
from polytag.train.sam import SAMS
from polytag.train.schedules import SCHEDULES, Schedule
from polytag.train.speed import SPEEDS

TABLES: dict[str, Mapping[str, Any]] = {
    "head": HEADS,
    "loss": LOSSES,
    "method": METHODS,
    "sampler": SAMPLERS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "sam": SAMS,
    "search": SEARCHES,
    "speed": SPEEDS,
    "crop": CROPS,
    "augment": AUGMENTATIONS,
    "mix": MIXES,
    "reader": READERS,
}

CHOICES = ("head", "loss", "method", "sampler", "optimizer", "schedule", "sam", "search", "crop", "augment", "mix")
"""The kinds of which a training has one each, with options of its own."""

OBJECTS: dict[str, type] = {
    "schedule": Schedule,
    "search": Search,
    "crop": Crop,
    "augment": Augmentation,
    "mix": Mix,
}

THINGS: Mapping[type, str] = {Head: "head", Base: "method"}
"""Options of an entry that are entries of a table themselves, by the type that they are annotated with."""

Choice = str | Mapping[str, Any] | Callable[..., Any]
"""A name, ``{"name": ..., option: value}``, or the user's own class or object."""


def factory(kind: str, choice: Choice) -> Callable[..., Any]:
    """What builds the chosen thing from what the project itself knows (classes, labels, parameters).

    Args:
        kind: a key of :data:`TABLES`.
        choice: see :data:`Choice`; a user's own object must be callable like an entry of the table.

    Raises:
        OptionError: if the name or an option is not known.
    """
    if not isinstance(choice, str | Mapping):
        return choice
    table = TABLES[kind]
    options = {"name": choice} if isinstance(choice, str) else dict(choice)
    name = str(options.pop("name", None))
    if name not in table:
        raise OptionError(f"{kind} must be one of {', '.join(table)}, got {name!r}{did_you_mean(name, table)}")
    entry: Callable[..., Any] = table[name]
    allowed = option_parameters(kind, name)
    if strange := [key for key in options if key not in allowed]:
        known = f"it takes {', '.join(allowed)}" if allowed else "it takes none"
        raise OptionError(f"the {kind} {name!r} has no option {strange[0]!r}; {known}")
    inner = {key: (of, options.pop(key)) for key, of in nested_options(kind, name).items() if options.get(key)}
    makers = {key: factory(of, chosen) for key, (of, chosen) in inner.items()}

    def make(*known: Any, **more: Any) -> Any:
        held = {
            key: Base(inner[key][1], maker) if inner[key][0] == "method" else maker(*known)
            for key, maker in makers.items()
        }
        return entry(*known, **more, **options, **held)

    return make


def head_for(loss: Any, head: Choice) -> Choice:
    """The head that a loss needs: a normalised one where the loss works on cosines, unless the choice says otherwise.

    Raises:
        OptionError: if it is the name of a head that cannot be normalised.
    """
    name = loss["name"] if isinstance(loss, Mapping) else loss
    entry = LOSSES.get(name, loss) if isinstance(name, str) else loss
    if not getattr(entry, "cosines", False) or not isinstance(head, str | Mapping):
        return head
    options = {"name": head} if isinstance(head, str) else dict(head)
    if nested := nested_options("head", str(options["name"])):
        inner = {key: options.get(key) or getattr(HEADS[str(options["name"])], key.upper()) for key in nested}
        return options | {key: head_for(loss, choice) for key, choice in inner.items()}
    if "normalize" not in option_parameters("head", str(options["name"])):
        able = [
            other
            for other in HEADS
            if {"normalize", *nested_options("head", other)} & {*option_parameters("head", other)}
        ]
        raise OptionError(
            f"the loss {name} works on cosines, which the head {options['name']} does not give; choose among "
            f"{', '.join(able)}"
        )
    return {"normalize": True} | options


def made(kind: str, choice: Choice) -> Any:
    """A thing that the project knows nothing to give to (a crop, a schedule), from a choice or as it is.

    A schedule is copied: it keeps account of the scores it sees, and several trainings may be asked for with one.

    Raises:
        OptionError: if a name or an option is not known, or a value out of its range.
    """
    if not isinstance(choice, OBJECTS[kind]):
        return factory(kind, choice)()
    return copy.deepcopy(choice) if kind == "schedule" else choice


def option_parameters(kind: str, name: str) -> dict[str, inspect.Parameter]:
    """The options of a table's entry: its arguments whose default is a plain value."""
    parameters = inspect.signature(TABLES[kind][name]).parameters
    return {key: p for key, p in parameters.items() if isinstance(p.default, str | int | float | tuple | None)}


def nested_options(kind: str, name: str) -> dict[str, str]:
    """The options of a table's entry that are entries of a table themselves, and of which: ``{"around": "head"}``."""
    types = option_types(kind, name)
    parts = {option: get_args(types.get(option)) for option in option_parameters(kind, name)}
    return {option: THINGS[part] for option, of in parts.items() for part in of if part in THINGS}


def option_types(kind: str, name: str) -> dict[str, Any]:
    """The annotations of a table's entry, by argument."""
    entry = TABLES[kind][name]
    return get_type_hints(entry.__init__ if inspect.isclass(entry) else entry)


def check_written(kind: str, choice: Any) -> None:
    """Refuse a choice that a file has written, unless it is known and its options are of their types.

    Raises:
        OptionError: if it is no name and no table with a name and options, or not a known one.
    """
    if not isinstance(choice, str | dict):
        raise OptionError(f"{kind} must be a name or a table with one, got {choice!r}")
    factory(kind, choice)
    options = {"name": choice} if isinstance(choice, str) else dict(choice)
    name = options.pop("name")
    types, nested = option_types(kind, name), nested_options(kind, name)
    for option, value in options.items():
        if option in nested:
            check_written(nested[option], value)
        else:
            check_type(f"{kind}.{option}", value, types[option])


def summary(entry: Any) -> str:
    """The first line of an entry's docstring, without its markup."""
    return without_markup((inspect.getdoc(getattr(entry, "func", entry)) or "").partition("\n")[0])


def without_markup(text: str) -> str:
    """A docstring's text as a terminal shows it."""
    return re.sub(r":\w+:`([^`]+)`", r"\1", text).replace("``", "")


def build_model(
    backbone: str,
    head: Choice,
    num_classes: int,
    *,
    image_size: tuple[int, int],
    pretrained: bool = False,
    seed: int = 0,
) -> Classifier:
    """A backbone with a head; fresh weights are a function of ``seed``.

    Raises:
        OptionError: if a name or an option is not known.
        RunError: if pretrained weights cannot be fetched.
    """
    with drawn_from(torch_seed(seed, 0)):
        trunk = Backbone(backbone, pretrained=pretrained, image_size=image_size)
    with drawn_from(torch_seed(seed, 1)):  # so that a head does not depend on the draws of the backbone
        return Classifier(trunk, factory("head", head)(trunk.channels, num_classes))


def trained_model(method: Choice, model: Classifier) -> Classifier:
    """What a method makes of a model, with fresh weights: what it trains, and so what a run folder holds."""
    made_of: Classifier = factory("method", method)(model, BCE(), factory("sampler", "uniform")).model
    return made_of


def build_loss(choice: Any) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """A loss by name, or the user's own, which is taken as it is."""
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = choice
    return factory("loss", choice)() if isinstance(choice, str | Mapping) else loss


def describe(value: Any) -> Any:
    """A choice as it goes into a config: names and options as they are, paths as text, the user's own as None.

    A choice that holds something of the user's own is the user's own, too.
    """
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        parts = {key: describe(each) for key, each in value.items()}
        return None if any(parts[key] is None and each is not None for key, each in value.items()) else parts
    return value if isinstance(value, str | int | float | bool | tuple | None) else None
