"""Options of the command line that follow from signatures, docstrings and tables."""

import argparse
import inspect
import re
from collections.abc import Iterable
from typing import Any, Literal, get_args, get_origin

from polytag._checks import is_union
from polytag.build import TABLES, factory, nested_options, option_parameters, option_types, without_markup
from polytag.cli.parser import Parser
from polytag.cli.reading import likely_reader
from polytag.errors import OptionError

NUMBER_OR_AUTO = float | Literal["auto"]


def argument_help(documented: type) -> dict[str, str]:
    """What the ``Args`` section of a class says of each argument, on one line each."""
    section = (inspect.getdoc(documented) or "").partition("Args:\n")[2].partition("\n\n")[0]
    entries = re.findall(r"^    ([\w, ]+): (.+(?:\n {8}.+)*)", section, re.MULTILINE)
    plain = [(names, re.sub(r"\s+", " ", without_markup(text)).removesuffix(".")) for names, text in entries]
    return {name: text for names, text in plain for name in names.split(", ")}


class Repeated(argparse.Action):
    """Collects the values of an option that may be given several times; the first one replaces the default."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Add one."""
        before = getattr(namespace, self.dest, self.default)
        setattr(namespace, self.dest, (values,) if before is self.default else (*before, values))


def add_argument(
    group: argparse._ArgumentGroup | argparse.ArgumentParser, flag: str, kind: Any, default: Any, text: str, dest: str
) -> argparse.Action:
    """One option: its type and choices follow from the annotation ``kind``."""
    text = text.replace("%", "%%")
    shown = "" if default in (None, "", ()) else f" (default: {default})"
    if kind is bool:
        return group.add_argument(flag, action=argparse.BooleanOptionalAction, default=default, help=text, dest=dest)
    parts = [part for part in get_args(kind) if part is not type(None)] if is_union(kind) else [kind]
    chosen = parts[0]
    action: str | type[argparse.Action] = "store"
    if get_origin(chosen) is tuple:
        chosen, action = get_args(chosen)[0], Repeated
        text += "; may be given several times"
    if get_origin(chosen) is Literal:
        choices = [str(value) for value in get_args(chosen)]
        return group.add_argument(flag, action=action, choices=choices, default=default, help=text + shown, dest=dest)
    convert = chosen if chosen in (int, float) else str
    if kind == NUMBER_OR_AUTO:
        convert = number_or_auto
    metavar = {int: "N", float: "X", number_or_auto: "X"}.get(convert, "TEXT")
    return group.add_argument(
        flag, action=action, type=convert, metavar=metavar, default=default, help=text + shown, dest=dest
    )


def number_or_auto(text: str) -> float | str:
    """A number, or the word."""
    try:
        return text if text == "auto" else float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be a number or auto, got {text!r}") from error


def add_nested(parser: Parser, words: list[str], kind: str, name: str, prefix: str) -> None:
    """``--loss.gamma-neg`` and its like: the options of one entry of a table, and those of an entry within it."""
    entry = TABLES[kind][name]
    parameters, nested = option_parameters(kind, name), nested_options(kind, name)
    if not parameters:
        return
    group = parser.add_argument_group(f"{kind} {name}")
    hints, texts = option_types(kind, name), argument_help(entry)
    for option, parameter in parameters.items():
        flag, text = f"--{prefix}.{option.replace('_', '-')}", texts.get(option, "")
        hint = Literal[tuple(TABLES[nested[option]])] if option in nested else hints.get(option, str)
        action = add_argument(group, flag, hint, parameter.default, text, flag[2:])
        action.default = argparse.SUPPRESS  # left out unless given, so that the defaults of the entry hold
        if option in nested and (chosen := _last(parser, words, flag)):
            factory(nested[option], chosen)  # refuses a name that is not in the table
            add_nested(parser, words, nested[option], chosen, flag[2:])


def _last(parser: Parser, words: list[str], flag: str) -> str | None:
    """What the words say of one option, the last time they do."""
    scout = Parser(prog=parser.prog, add_help=False, allow_abbrev=False)
    scout.add_argument(flag, dest="found")
    found: str | None = scout.parse_known_args(words)[0].found
    return found


def nested_choice(values: dict[str, Any], prefix: str, name: str) -> dict[str, Any] | str:
    """What the parsed options say of one choice: a name, or a name with options, which may be choices, too."""
    given = {}
    for key, value in values.items():
        option = key.removeprefix(f"{prefix}.")
        if option != key and "." not in option:
            given[option.replace("-", "_")] = nested_choice(values, key, value) if isinstance(value, str) else value
    return {"name": name, **given} if given else name


def parse_with_nested(parser: Parser, words: list[str], kinds: Iterable[str]) -> argparse.Namespace:
    """Parse, once the options of the chosen entries are known; the chosen entries come back as choices.

    Raises:
        OptionError: if an entry or an option is not known.
    """
    chosen = add_chosen(parser, words, kinds)
    args = parser.parse_args(words)
    for kind, name in chosen.items():
        setattr(args, kind, nested_choice(vars(args), kind, name))
    return args


def add_chosen(parser: Parser, words: list[str], kinds: Iterable[str]) -> dict[str, str]:
    """Add the options of the entries that ``words`` choose; the name of each, by kind.

    Raises:
        OptionError: if an entry or an option of one is not known.
    """
    scout = Parser(prog=parser.prog, add_help=False, allow_abbrev=False)
    for kind in kinds:
        known = parser._option_string_actions[f"--{kind}"]
        scout.add_argument(f"--{kind}", nargs=known.nargs, const=known.const, default=known.default)
    chosen = vars(scout.parse_known_args(words)[0])
    if chosen.get("reader") is None and any(word.startswith("--reader.") for word in words):
        chosen["reader"] = likely_reader(words)  # the messages of readers name their options
    chosen = {kind: name for kind, name in chosen.items() if name is not None}
    for kind, name in chosen.items():
        factory(kind, name)  # refuses a name that is not in the table
        add_nested(parser, words, kind, name, kind)
    _check_nested(parser, words, chosen)
    return chosen


def _check_nested(parser: Parser, words: Iterable[str], chosen: dict[str, str]) -> None:
    for kind, option in re.findall(r"^--(\w+)\.([\w.-]+)", "\n".join(words), re.MULTILINE):
        if kind not in chosen:
            continue
        allowed = [flag for flag in parser._option_string_actions if flag.startswith(f"--{kind}.")]
        if f"--{kind}.{option}" not in allowed:
            known = f"it has {', '.join(allowed)}" if allowed else "it has none"
            raise OptionError(f"the {kind} {chosen[kind]} has no option --{kind}.{option}; {known}")
