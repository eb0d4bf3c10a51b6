"""Options from a file, and back into one.

What a file says becomes words of a command line in front of those that were typed: options are parsed, checked and
refused in one way wherever they come from, and what is typed wins because it comes later.
"""

import argparse
import difflib
import json
import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from polytag._version import __version__
from polytag.cli.options import Repeated, add_chosen, parse_with_nested
from polytag.cli.parser import Parser
from polytag.errors import OptionError
from polytag.run import CONFIG, FORMAT

LIMIT = 1_000_000  # bytes
OWN = ("config", "print_config")  # options that are about files, and never in one
NOT_REPEATED = ("out", "resume", "overwrite", "command", "source")  # what a run says of itself only
PATHS = ("data", "images", "reader.images", "weights", "out")
NO_PATHS = ("pretrained", "none")  # that the option of the weights takes
_GIVE = "give a TOML file, a run folder or its config.json"


def parse_with_config(new_parser: Callable[[], Parser], words: list[str], kinds: Collection[str]) -> argparse.Namespace:
    """:func:`parse_with_nested`, with the file that ``--config`` names, if any.

    Args:
        new_parser: makes the parser of a command that has ``--config`` and an optional DATA.
        words: what was typed; it wins over the file. A choice that is typed takes the place of the file's choice and
            all its options.
        kinds: the choices that have options.

    Raises:
        OptionError: if the file or something in it cannot be used.
    """
    parser = new_parser()
    scout = Parser(prog=parser.prog, add_help=False, allow_abbrev=False)
    scout.add_argument("--config")
    name = scout.parse_known_args(words)[0].config
    if name is None:
        return parse_with_nested(parser, words, kinds)
    path = Path(name) / CONFIG if Path(name).is_dir() else Path(name)
    values = _flat(read_config(path), kinds)
    if path.suffix != ".json":
        values = {key: _from_folder(path.parent, key, value) for key, value in values.items()}
    typed = {word.partition("=")[0] for word in words}
    try:
        _check_keys(values, list(vars(parser.parse_args([]))))
        values = {key: value for key, value in values.items() if not typed & {_flag(key), _flag(key.partition(".")[0])}}
        if "data" in values:
            parser.set_defaults(data=_checked("data", values.pop("data"), None))
        from_file = _checked_words(new_parser(), values, kinds)
    except OptionError as error:
        raise OptionError(f"{path}: {error}") from error
    return parse_with_nested(parser, [*from_file, *words], kinds)


def read_config(path: Path) -> dict[str, Any]:
    """The options that a TOML file gives, or that the run had whose ``config.json`` it is.

    Raises:
        OptionError: if it cannot be read as one of the two.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
    except OSError as error:
        raise OptionError(f"cannot read {path}: {error.strerror}; {_GIVE}") from error
    if len(content) > LIMIT:
        raise OptionError(f"{path} is larger than {LIMIT // 1_000_000} MB, which no config is; {_GIVE}")
    of_run = path.suffix == ".json"
    try:
        values = (json.loads if of_run else tomllib.loads)(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise OptionError(f"{path} is not {'JSON' if of_run else 'TOML'}: {error}; correct it") from error
    return _of_run(path, values) if of_run else values


def as_toml(values: Mapping[str, Any]) -> str:
    """Values, then a table for each mapping, as TOML.

    Raises:
        OptionError: if a text is not Unicode, such as a path of undecodable bytes.
    """
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    lines = [f"{key} = {_toml(value)}" for key, value in values.items() if key not in tables]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


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
    """``{"loss": {"name": "asl", "clip": 0}}`` as ``{"loss": "asl", "loss.clip": 0}``."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        nested = value if key in kinds and isinstance(value, dict) else {"name": value}
        flat |= {key if option == "name" else f"{key}.{option}": each for option, each in nested.items()}
    return flat


def _from_folder(folder: Path, key: str, value: Any) -> Any:
    is_path = key in PATHS and isinstance(value, str) and value and (key != "weights" or value not in NO_PATHS)
    return str(folder / value) if is_path else value


def _check_keys(keys: Collection[str], known: list[str]) -> None:
    known = [name for name in known if name not in OWN]
    for key in keys:
        if "-" in key:
            raise OptionError(f"the key {key!r} has a dash; write it with underscores: {key.replace('-', '_')}")
        if key.partition(".")[0] not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]!r}" if near else ""
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
    if isinstance(action, argparse.BooleanOptionalAction):
        if not isinstance(value, bool):
            raise OptionError(f"{key} must be true or false, got {value!r}")
        return [action.option_strings[0 if value else 1]]
    if key == "image_size":  # a number, two numbers or text: judged where it is split
        value = "x".join(map(str, value)) if isinstance(value, list) else str(value)
    if isinstance(action, Repeated):
        if not isinstance(value, list):
            raise OptionError(f"{key} must be a list, got {value!r}")
        return [f"{_flag(key)}={_checked(f'each of {key}', each, action.type)}" for each in value]
    return [f"{_flag(key)}={_checked(key, value, action.type if action else None)}"]


def _checked(key: str, value: Any, kind: Any) -> Any:
    allowed, text = {int: (int, "a whole number"), float: (int | float, "a number")}.get(kind, (str, "text"))
    if not isinstance(value, allowed) or isinstance(value, bool):
        raise OptionError(f"{key} must be {text}, got {value!r}")
    if "\0" in str(value):
        raise OptionError(f"{key} must be text without the character 0, got {value!r}")
    return value


def _flag(key: str) -> str:
    return f"--{key.replace('_', '-')}"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{"".join(map(_letter, value))}"'
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list | tuple) else repr(value)


def _letter(letter: str) -> str:
    """A letter of a basic string; also what would steer a terminal is escaped."""
    if "\ud800" <= letter <= "\udfff":
        raise OptionError("a path whose name is not Unicode cannot be written as TOML; rename it")
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
