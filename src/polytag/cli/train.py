"""`polytag train`."""

import argparse
import dataclasses
import os
import shlex
from pathlib import Path
from typing import Any, get_type_hints

from polytag._launch import processes, rank
from polytag._team import leave_team
from polytag._text import counted
from polytag._toml import as_toml
from polytag._version import __version__
from polytag.bench.data import below
from polytag.build import CHOICES, TABLES
from polytag.cli.config import NO_PATHS, RESOLVED, parse_with_config
from polytag.cli.console import listening, say, watch, write_data
from polytag.cli.options import add_argument, argument_help
from polytag.cli.parser import Parser
from polytag.cli.reading import add_reading, read, source
from polytag.cli.show import show_metrics
from polytag.errors import OptionError
from polytag.fit import Training
from polytag.recipes import RECIPES
from polytag.run import Run

NESTED = (*CHOICES, "reader")
_GROUPS = {
    "model": ("backbone", "weights", "head", "image_size"),
    "training": (
        *("loss", "method", "sampler", "epochs", "batch_size", "accumulate", "optimizer", "lr", "search", "schedule"),
        *("sam", "weight_decay", "clip", "average", "frozen_epochs", "patience", "evaluate_every", "judge_test"),
        *("tta", "seed"),
    ),
    "augmentation": ("crop", "augment", "cutout", "cutout_probability", "flip", "flip_vertical", "rotate90", "mix"),
    "running": (
        *("speed", "deterministic", "device", "workers", "cache", "on_bad_image", "track", "jobs", "jobs_on"),
        *("fits", "resume", "overwrite"),
    ),
}


def main(words: list[str]) -> int:
    """Train and show the metrics."""
    args = parse_with_config(_parser, words, NESTED)
    args.image_size = parse_size(args.image_size)
    if args.weights not in NO_PATHS:
        args.weights = os.path.abspath(args.weights)
    args.head = below(Path.cwd(), {"head": args.head})["head"]  # a file of words
    args.fits = args.fits and os.path.abspath(args.fits)
    if isinstance(args.method, dict):
        args.method = {
            key: os.path.abspath(v) if key in ("together", "apart") and v else v for key, v in args.method.items()
        }
    if args.print_config:
        write_data(f"# polytag {__version__}\n{as_toml(settings(args))}")
        return 0
    training = new_training(args, f"polytag train {shlex.join(words)}")
    if rank() == 0:
        data = training.data
        say(f"{counted(len(data), 'photo')}, {counted(len(data.classes), 'label')}; the run goes to {training.out}")
        with listening():
            watch(training, training.epochs)
        show_metrics(Run.open(training.out))
    else:
        for _ in training:  # the first process speaks for all
            pass
    leave_team()
    return 0


def new_training(args: argparse.Namespace, command: str) -> Training:
    """The training that the parsed options describe.

    Raises:
        PolytagError: if the data cannot be read, or an option cannot be used.
    """
    if args.resume and args.out is None:
        raise OptionError("--resume needs --out with the run folder to go on with")
    if args.out is None and processes() > 1:
        raise OptionError(f"{processes()} processes need --out with the run folder, so that they agree on it")
    if not args.data:
        raise OptionError("DATA is missing: name a label file or a folder with one, here or as data in a --config file")
    options = {f.name: getattr(args, f.name) for f in dataclasses.fields(Training) if hasattr(args, f.name)}
    options |= {
        "data": read(args),
        "source": source(args),
        "command": command,
        "out": args.out or free_folder(Path("runs"), Path(args.data).resolve().stem),
    }
    return Training(**options)


def settings(args: argparse.Namespace) -> dict[str, Any]:
    """The parsed options as a config file has them: those of a recipe in its place, absolute paths, nothing unset."""
    values = {key: value for key, value in vars(args).items() if key not in RESOLVED and "." not in key}
    values |= source(args) | {"out": args.out and os.path.abspath(args.out)}
    return {key: value for key, value in values.items() if value is not None}


def parse_size(text: str) -> int | tuple[int, int]:
    """``224`` or ``256x192`` (height x width)."""
    sides = str(text).lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise OptionError(f"--image-size must be a number of pixels or HEIGHTxWIDTH, got {text!r}")
    return int(sides[0]) if len(sides) == 1 else (int(sides[0]), int(sides[1]))


def free_folder(parent: Path, name: str) -> Path:
    """``parent/name``, or with the first free number behind it."""
    number, folder = 1, parent / name
    while folder.exists():
        number += 1
        folder = parent / f"{name}-{number}"
    return folder


def _parser() -> Parser:
    parser = Parser(
        prog="polytag train",
        usage="polytag train [DATA] [--config FILE] [--out RUN] [OPTION ...]",
        description="Train a model on photos and their tags; write a run folder.",
        epilog="Options of a chosen loss, head, ... are nested: --loss asl --loss.gamma-neg 4 "
        "(polytag train --loss asl --help lists them).",
        allow_abbrev=False,
    )
    text = "a TOML file of options, or a run to repeat; what is given here wins; paths in it start from its folder"
    parser.add_argument("--config", metavar="FILE", help=text)
    text = f"options that belong together, below those of --config and those given here: {', '.join(RECIPES)}"
    parser.add_argument("--recipe", metavar="NAME", help=text)
    parser.add_argument("--print-config", action="store_true", help="print the options as TOML and train nothing")
    add_reading(parser, optional=True)
    parser.add_argument("--out", metavar="RUN", help="the run folder (default: runs/ and the name of the data)")
    hints, texts = get_type_hints(Training), argument_help(Training)
    fields = {field.name: field for field in dataclasses.fields(Training)}
    for title, names in _GROUPS.items():
        group = parser.add_argument_group(title)
        for name in names:
            flag, default = f"--{name.replace('_', '-')}", fields[name].default
            if name in TABLES:
                allowed = (*TABLES[name], "auto") if name == "speed" else tuple(TABLES[name])
                text = f"{', '.join(allowed)} (default: {default})"
                choices = None if name in NESTED else allowed  # names with options are checked with their options
                bare: dict[str, Any] = {"nargs": "?", "const": "plain"} if name == "sam" else {}  # --sam alone will do
                group.add_argument(flag, choices=choices, metavar="NAME", default=default, help=text, **bare)
            elif name == "image_size":
                text = f"pixels a side, or HEIGHTxWIDTH (default: {default})"
                group.add_argument(flag, metavar="SIZE", default=default, help=text)
            else:
                add_argument(group, flag, hints[name], default, texts[name], name)
    return parser
