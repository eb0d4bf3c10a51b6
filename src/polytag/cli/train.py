"""`polytag train`."""

import dataclasses
import shlex
from pathlib import Path
from typing import get_type_hints

from polytag._text import counted
from polytag.build import TABLES
from polytag.cli.console import say, watch
from polytag.cli.options import add_argument, argument_help, parse_with_nested
from polytag.cli.parser import Parser
from polytag.cli.reading import add_reading, read
from polytag.cli.show import show_metrics
from polytag.errors import OptionError
from polytag.fit import Training
from polytag.run import Run

NESTED = ("head", "loss", "method", "sampler", "schedule", "reader")
_GROUPS = {
    "model": ("backbone", "weights", "head", "image_size"),
    "training": (
        *("loss", "method", "sampler", "epochs", "batch_size", "accumulate", "optimizer", "lr", "schedule"),
        *("weight_decay", "clip", "average", "flip", "crop", "evaluate_every", "seed"),
    ),
    "running": ("speed", "device", "workers", "cache", "on_bad_image", "resume", "overwrite"),
}


def main(words: list[str]) -> int:
    """Train and show the metrics."""
    args = parse_with_nested(_parser(), words, NESTED)
    if args.resume and args.out is None:
        raise OptionError("--resume needs --out with the run folder to go on with")
    image_size = parse_size(args.image_size)
    data = read(args)
    options = {f.name: getattr(args, f.name) for f in dataclasses.fields(Training) if hasattr(args, f.name)}
    options |= {
        "data": data,
        "image_size": image_size,
        "command": f"polytag train {shlex.join(words)}",
        "out": args.out or free_folder(Path("runs"), Path(args.data).resolve().stem),
    }
    training = Training(**options)
    say(f"{counted(len(data), 'photo')}, {counted(len(data.classes), 'label')}; the run goes to {training.out}")
    watch(training, training.epochs)
    show_metrics(Run.open(training.out))
    return 0


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
        usage="polytag train DATA [--out RUN] [OPTION ...]",
        description="Train a model on photos and their tags; write a run folder.",
        epilog="Options of a chosen loss, head, ... are nested: --loss asl --loss.gamma-neg 4 "
        "(polytag train --loss asl --help lists them).",
        allow_abbrev=False,
    )
    add_reading(parser)
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
                group.add_argument(flag, choices=choices, metavar="NAME", default=default, help=text)
            elif name == "image_size":
                text = f"pixels a side, or HEIGHTxWIDTH (default: {default})"
                group.add_argument(flag, metavar="SIZE", default=default, help=text)
            else:
                add_argument(group, flag, hints[name], default, texts[name], name)
    return parser
