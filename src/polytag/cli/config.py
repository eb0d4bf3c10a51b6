"""Options from a file and from a recipe.

What they say becomes words of a command line in front of those that were typed: options are parsed, checked and
refused in one way wherever they come from, and what is typed wins because it comes later. A file wins over a recipe.
"""

import argparse
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import GenericAlias
from typing import Any

from polytag._checks import check_type
from polytag._text import did_you_mean
from polytag._toml import read_json, read_toml
from polytag._version import __version__
from polytag.cli.options import NUMBER_OR_AUTO, Repeated, add_chosen, number_or_auto, parse_with_nested
from polytag.cli.parser import Parser
from polytag.cli.reading import FILES
from polytag.errors import OptionError
from polytag.recipes import find_recipe
from polytag.relations import VECTORS
from polytag.run import CONFIG, FORMAT, MOST

OWN = ("config", "print_config")  # options that are about files, and never in one
RESOLVED = (*OWN, "recipe")  # what stands for other options
NOT_REPEATED = ("out", "resume", "overwrite", "command", "source")  # what a run says of itself only
PATHS = (  # and words of a head
    *(*FILES, "reader.images", "reader.names", "weights", "out"),
    *("fits", "method.together", "method.apart"),
)
NO_PATHS = ("pretrained", "none")  # that the option of the weights takes
_GIVE = "give a TOML file, a run folder or its config.json"


def parse_with_config(new_parser: Callable[[], Parser], words: list[str], kinds: Collection[str]) -> argparse.Namespace:
    """:func:`parse_with_nested`, with the file that ``--config`` and the recipe that ``--recipe`` names, if any.

    Args:
        new_parser: makes the parser of a command that has ``--config``, ``--recipe`` and an optional DATA.
        words: what was typed; it wins over the file, and the file over the recipe. A choice takes the place of the one
            below it and all its options.
        kinds: the choices that have options.

    Raises:
        OptionError: if the file, the recipe or something in them cannot be used.
    """
    parser = new_parser()
    scout = Parser(prog=parser.prog, add_help=False, allow_abbrev=False)
    scout.add_argument("--config")
    scout.add_argument("--recipe")
    asked = scout.parse_known_args(words)[0]
    typed = {word.partition("=")[0] for word in words}
    recipe = {} if asked.recipe is None else find_recipe(asked.recipe).options
    values, place = ({}, "") if asked.config is None else _of_file(Path(asked.config), kinds)
    try:
        _check_keys(values, list(vars(parser.parse_args([]))))
        values = _not_set_by(typed, values)
        if "data" in values:
            parser.set_defaults(data=_checked("data", values.pop("data")))
        if "recipe" in values:
            recipe = find_recipe(_checked("recipe", values.pop("recipe"))).options
        values |= _not_set_by({*typed, *map(_flag, values)}, _flat(recipe, kinds))
        from_below = _checked_words(new_parser(), values, kinds)
    except OptionError as error:
        raise OptionError(f"{place}{error}") from error
    return parse_with_nested(parser, [*from_below, *words], kinds)


def read_config(path: Path) -> dict[str, Any]:
    """The options that a TOML file gives, or that the run had whose ``config.json`` it is.

    Raises:
        OptionError: if it cannot be read as one of the two.
    """
    if path.suffix == ".json":
        return _of_run(path, read_json(path, "config", _GIVE, MOST))
    return read_toml(path, "config", _GIVE)


def _of_file(named: Path, kinds: Collection[str]) -> tuple[dict[str, Any], str]:
    """The options of a file or run, flat, and the words that say where they are from."""
    path = named / CONFIG if named.is_dir() else named
    values = _flat(read_config(path), kinds)
    if path.suffix != ".json":
        values = {key: _from_folder(path.parent, key, value) for key, value in values.items()}
    return values, f"{path}: "


def _of_run(path: Path, config: Any) -> dict[str, Any]:
    parts = config if isinstance(config, dict) else {}
    training, data, version = parts.get("training"), parts.get("data"), parts.get("format")
    if not isinstance(training, dict) or not isinstance(data, dict) or not isinstance(version, int):
        raise OptionError(f"{path} is not the config.json of a run; {_GIVE}")
    if version > FORMAT:
        raise OptionError(f"{path} is of a newer polytag, and this is polytag {__version__}; update polytag")
    source = data.get("source")
    options = {key: value for key, value in training.items() if key not in NOT_REPEATED}
    return options | (source if isinstance(source, dict) else {})


def _flat(values: Mapping[str, Any], kinds: Collection[str]) -> dict[str, Any]:
    """``{"loss": {"name": "asl", "clip": 0}}`` as ``{"loss": "asl", "loss.clip": 0}``, and choices within choices."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat_choice(key, value) if key in kinds else {key: value}
    return flat


def _flat_choice(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {key: value}
    flat: dict[str, Any] = {}
    for option, each in value.items():
        flat |= {key: each} if option == "name" else _flat_choice(f"{key}.{option}", each)
    return flat


def _from_folder(folder: Path, key: str, value: Any) -> Any:
    no_file = {"weights": NO_PATHS}.get(key, VECTORS if key.endswith(".vectors") else ())
    named = key in PATHS or key.endswith(".vectors")
    return str(folder / value) if named and isinstance(value, str) and value and value not in no_file else value


def _not_set_by(flags: Collection[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """What ``flags`` leave to ``values``: a choice sets all of its options."""
    return {key: value for key, value in values.items() if not {_flag(each) for each in _upwards(key)} & set(flags)}


def _upwards(key: str) -> list[str]:
    """``head.around.groups``, ``head.around`` and ``head``."""
    parts = key.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]


def _check_keys(keys: Collection[str], known: list[str]) -> None:
    known = [name for name in known if name not in OWN]
    for key in keys:
        if "-" in key:
            raise OptionError(f"the key {key!r} has a dash; write it with underscores: {key.replace('-', '_')}")
        if key.partition(".")[0] not in known:
            hint = did_you_mean(key, known)
            raise OptionError(f"there is no option {key!r}{hint}; polytag train --print-config shows all of them")


def _checked_words(parser: Parser, values: Mapping[str, Any], kinds: Collection[str]) -> list[str]:
    """The words that say the same as ``values``; ``parser`` is used up."""
    nested = {key: value for key, value in values.items() if key.partition(".")[0] in kinds and value is not None}
    add_chosen(parser, [f"{_flag(key)}={value}" for key, value in nested.items()], kinds)
    actions = {flag: action for action in parser._actions for flag in action.option_strings}
    words = [word for key, value in values.items() for word in _words(key, value, actions.get(_flag(key)))]
    parser.parse_args(words)  # refuses what is not among the choices
    return words


def _words(key: str, value: Any, action: argparse.Action | None) -> list[str]:
    if value is None and action and action.default is None:
        return []
    if value is None:
        raise OptionError(
            f"{key} was nothing that a file can hold, such as an object of one's own; "
            f"choose it anew with {_flag(key)}, or train from Python"
        )
    if key == "image_size":  # a number, two numbers or text: judged where it is split
        value = "x".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    _checked(key, value, _kind(action))
    if isinstance(action, argparse.BooleanOptionalAction):
        return [action.option_strings[0 if value else 1]]
    return [f"{_flag(key)}={each}" for each in (value if isinstance(action, Repeated) else [value])]


def _kind(action: argparse.Action | None) -> Any:
    """The annotation that an option was made from."""
    if isinstance(action, argparse.BooleanOptionalAction):
        return bool
    if action and action.type is number_or_auto:
        return NUMBER_OR_AUTO
    plain = action.type if action and action.type in (int, float) else str
    return GenericAlias(tuple, (plain, ...)) if isinstance(action, Repeated) else plain


def _checked(key: str, value: Any, kind: Any = str) -> Any:
    check_type(key, value, kind)
    return value


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"
