"""`polytag convert`."""

import shlex
from pathlib import Path

import numpy as np

from polytag._text import counted, printable
from polytag.cli.console import say
from polytag.cli.options import parse_with_nested
from polytag.cli.parser import Parser
from polytag.cli.reading import add_reading, check_output, read
from polytag.data.convert import FORMS, convert
from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.errors import DataError, OptionError

SUFFIXES = {
    "csv": (".csv", ".tsv", ".txt"),
    "jsonl": (".jsonl", ".ndjson"),
    "parquet": (".parquet",),
    "coco": (".json",),
}


def main(words: list[str]) -> int:
    """Write labels in another format."""
    args = parse_with_nested(_parser(), words, ("reader",))
    out = Path(args.out or f"labels{SUFFIXES[args.to][0]}")
    check_output(out, args.data, *SUFFIXES[args.to])
    if out.exists() and not args.overwrite:
        raise OptionError(f"{out} exists; choose another file with --out, or --overwrite it")
    data = read(args)
    for note in data.notes:
        say(note)
    if args.split != "all":
        data = _of_split(data, args.split)
    written = convert(data, out, args.to)
    unknown = int(data.labels.counts().unknown.sum())
    content = f"{counted(len(data), 'photo')}, {counted(len(data.classes), 'label')}, {unknown} unknown"
    print(f"{content}: written to {printable(str(out))}, and read back the same. Have a look at it:")
    print(f"    polytag inspect {printable(' '.join([shlex.quote(str(out)), *written.options]))}")
    return 0


def _of_split(data: LabelledSet, name: str) -> LabelledSet:
    if data.split is None:
        raise DataError(f"the data says nothing about splits, so there is no {name} to convert; leave --split away")
    rows = np.flatnonzero(data.split == SPLITS.index(name))
    if not len(rows):
        raise DataError(f"the data has no photo in {name}; choose another --split")
    return data.select(rows)


def _parser() -> Parser:
    parser = Parser(
        prog="polytag convert",
        description="Photos' names and labels in another format; the photos stay where they are.",
        epilog="csv, jsonl and parquet hold all that was read, unknown labels, splits and groups included.",
        allow_abbrev=False,
    )
    add_reading(parser)
    parser.add_argument("--to", choices=tuple(FORMS), required=True, help="the format")
    parser.add_argument("-o", "--out", metavar="FILE", help="(default: labels.csv, .jsonl, .parquet or .json here)")
    parser.add_argument(
        "--split", choices=("all", *SPLITS), default="all", help="the photos of one split (default: all)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace FILE if it is there")
    return parser
