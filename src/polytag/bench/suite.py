"""Suite files: what is compared with what, as TOML. A mistake in one is refused before anything is trained."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, cast, get_type_hints

from polytag._checks import check_choice, check_number, check_type
from polytag._text import did_you_mean
from polytag._toml import read_toml
from polytag.bench import papers
from polytag.bench.data import files_of
from polytag.bench.selection import check_metrics, check_seeds, with_baseline
from polytag.bench.types import Row, Suite
from polytag.build import CHOICES, TABLES, check_written
from polytag.data.labelled_set import LabelledSet
from polytag.data.longtail import MOST
from polytag.errors import OptionError, PolytagError
from polytag.fit import Training
from polytag.recipes import find_recipe

PROTOCOLS = ("fast", "full")
NEEDED = ("title", "data", "baseline", *PROTOCOLS)
ENSEMBLE = "ensemble"  # key of a row that averages others
NAMED = (*TABLES, "recipe", "backbone")  # options that go without saying in the name of a row: their values tell
SET_BY_BENCH = ("data", "out", "seed", "judge_test", "resume", "overwrite", "command", "source", "fits")

_TEXTS = ("title", "about", "data", "baseline", "paper", "unlabelled")
_TYPES = dict.fromkeys(_TEXTS, str) | {"unknown": float, "imbalance": float, "metrics": tuple[str, ...]}
_SIZES = {"seeds": tuple[int, ...], "photos": int}  # that a protocol may have of its own
_TABLES = ("options", *PROTOCOLS)
_OPTIONS = {key: kind for key, kind in get_type_hints(Training).items() if key not in SET_BY_BENCH} | {"recipe": str}


def read_suite(path: Path, protocol: str) -> Suite:
    """Read a suite.

    Options of a row are, from the weakest to the strongest: its recipe's, those under ``[options]``, those under
    ``[full]`` or ``[fast]``, and its own. A choice with options, such as a loss, is taken whole. In a row a list is one
    row for each of its values, and several lists are all their combinations. A row without a name is called after its
    options; where it has a name and lists, their values come behind it. A row with ``ensemble`` is not trained: it is
    the average of the rows that are listed there by name.

    Args:
        path: a TOML file; the suite is named after it.
        protocol: "full" or "fast"; both are checked.

    Returns:
        The suite. Weights that are a path, like its data, still start from a folder that is not known here.

    Raises:
        OptionError: if something in the file cannot be used; it names the file and the row.
    """
    check_choice("protocol", protocol, PROTOCOLS)
    values = read_toml(path, "suite", "give a suite, as in benchmarks/suites")
    with _within(path):
        _check_top(values)
        suites = {each: _suite(path.stem, values, each) for each in PROTOCOLS}
    return suites[protocol]


def _check_top(values: Mapping[str, Any]) -> None:
    known = (*_TYPES, *_SIZES, *_TABLES, "row")
    for key, value in values.items():
        if key not in known:
            raise OptionError(
                f"there is no key {key!r} in a suite{did_you_mean(key, known)}; it has {', '.join(known)}"
            )
        if key in _TABLES and not isinstance(value, dict):
            raise OptionError(f"{key} must be a table, got {value!r}; write [{key}] above its options")
        check_type(key, value, (_TYPES | _SIZES).get(key, Any))
    for key in NEEDED:
        if key not in values:
            raise OptionError(f"{key} is missing; a suite needs {', '.join(NEEDED)}, seeds and rows")
    rows = values.get("row")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise OptionError("there are no rows; write each below [[row]]")
    _check_below_root("data", values["data"])
    if "paper" in values:
        check_choice("paper", values["paper"], papers.known())
    check_metrics(values.get("metrics", []))
    check_number("unknown", values.get("unknown", 0.0), 0.0, 0.99)
    check_choice("unlabelled", values.get("unlabelled", "keep"), ("keep", "drop"))
    if "imbalance" in values:
        check_number("imbalance", values["imbalance"], 1.0, MOST)
    for key in _TABLES:
        with _within(f"[{key}]"):
            _check_options(values.get(key, {}), _SIZES if key in PROTOCOLS else {})


def _suite(name: str, values: Mapping[str, Any], protocol: str) -> Suite:
    special = dict(values[protocol])
    seeds = special.pop("seeds", values.get("seeds", []))
    check_seeds(seeds, protocol)
    photos = special.pop("photos", values.get("photos", 0))
    check_number("photos", photos, 0, 1_000_000_000)
    rows: list[Row] = []
    for number, table in enumerate(values["row"], 1):
        with _within(f"row {number}"):
            if ENSEMBLE in table:
                rows.append(_ensemble(table))
                continue
            variants = list(_variants(table))
        with _within(f"row {number} with [{protocol}]"):
            rows += [_row(name, {**values.get("options", {}), **special, **own}) for name, own in variants]
    names = [row.name for row in rows]
    for each in names:
        if names.count(each) > 1:
            raise OptionError(f"two rows are called {each!r}; give one of them another name")
    trained = [row.name for row in rows if not row.ensemble]
    for row in rows:
        for member in (name for name in row.ensemble if name not in trained):
            hint = did_you_mean(member, trained)
            raise OptionError(f"the {ENSEMBLE} {row.name!r} must be of rows that are trained, got {member!r}{hint}")
    suite = Suite(
        name=name,
        title=values["title"],
        data=values["data"],
        rows=tuple(rows),
        baseline=values["baseline"],
        seeds=tuple(seeds),
        protocol=protocol,
        photos=photos,
        unknown=values.get("unknown", 0.0),
        unlabelled=values.get("unlabelled", "keep"),
        imbalance=values.get("imbalance", 0.0),
        about=values.get("about", "").strip(),
        paper=values.get("paper", ""),
        metrics=tuple(values.get("metrics", ())),
    )
    return with_baseline(suite, suite.baseline)


def _ensemble(table: Mapping[str, Any]) -> Row:
    """The row that averages others."""
    members = table[ENSEMBLE]
    check_type(ENSEMBLE, members, tuple[str, ...])
    if len(members) < 2:
        raise OptionError(f"{ENSEMBLE} must name two rows or more, got {members}")
    for member in members:
        if members.count(member) > 1:
            raise OptionError(f"each of {ENSEMBLE} must be there once, got {member!r} twice")
    if others := [key for key in table if key not in ("name", ENSEMBLE)]:
        raise OptionError(f"a row with {ENSEMBLE} is not trained and takes a name alone beside it, got {others[0]}")
    name = table.get("name", "")
    check_type("name", name, str)
    return Row(name or " + ".join(members), {}, tuple(members))


def _variants(table: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and own options of each row that a [[row]] stands for."""
    options = {key: value for key, value in table.items() if key != "name"}
    lists = {key: value if isinstance(value, list) else [value] for key, value in options.items()}
    prefix = table.get("name", "")
    check_type("name", prefix, str)
    if not options and not prefix:
        raise OptionError('it is empty; give it an option, or a name where it is as all others: name = "default"')
    for key, listed in lists.items():
        if not listed:
            raise OptionError(f"{key} must have at least one value, got []")
    for values in itertools.product(*lists.values()):
        own = dict(zip(lists, values, strict=True))
        _check_options(own, {})
        told = [_said(key, value) for key, value in own.items() if not prefix or isinstance(options[key], list)]
        yield " ".join([prefix, *told] if prefix else told), own


def _said(key: str, value: Any) -> str:
    """A part of the name of a row: ``asl gamma_neg=4``, ``lr=0.001``."""
    if isinstance(value, dict):
        return " ".join(each if option == "name" else _said(option, each) for option, each in value.items())
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if key in NAMED else f"{key}={text}"


def _check_options(options: Mapping[str, Any], more: Mapping[str, Any]) -> None:
    """Keys and types; ``more`` may be there too."""
    known = {**_OPTIONS, **more}
    for key, value in options.items():
        if key in SET_BY_BENCH:
            raise OptionError(f"{key} cannot be set here, since polytag bench sets it; leave it out")
        if key not in known:
            hint = did_you_mean(key, known)
            raise OptionError(f"there is no option {key!r}{hint}; polytag train --print-config shows all of them")
        if key in CHOICES:
            check_written(key, value)
        else:
            check_type(key, value, known[key])
        if key == "recipe":
            find_recipe(value)
    for key, file in files_of(options):
        _check_below_root(key, file)


def _row(name: str, options: dict[str, Any]) -> Row:
    recipe = options.pop("recipe", None)
    merged = {**(find_recipe(recipe).options if recipe else {}), **options}
    made = {key: _as_argument(value) for key, value in merged.items()}
    Training(data=cast(LabelledSet, None), out=Path(), **made)  # refuses what it will; looks at no data before it runs
    return Row(name, made)


def _as_argument(value: Any) -> Any:
    """Tuples for lists."""
    if isinstance(value, Mapping):
        return {key: _as_argument(each) for key, each in value.items()}
    return tuple(map(_as_argument, value)) if isinstance(value, list) else value


def _check_below_root(key: str, text: str) -> None:
    path = PurePosixPath(text)
    if not text or path.is_absolute() or ".." in path.parts:
        raise OptionError(f"{key} must be a path below the folder that --data names, got {text!r}")


@contextmanager
def _within(place: object) -> Iterator[None]:
    """Says where, in front of what is refused within."""
    try:
        yield
    except PolytagError as error:
        raise OptionError(f"{place}: {error}") from error
