"""The options that say how labels are read, alike in every command that reads them."""

import argparse
import os
from pathlib import Path
from typing import Any

from polytag.build import factory, option_parameters
from polytag.data.labelled_set import LabelledSet
from polytag.data.open import open_data
from polytag.data.readers import READERS


def add_reading(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Add DATA, which may be left out where it is ``optional``, and its options."""
    text = "a table of tags (CSV, TSV), a COCO JSON, or a folder with one"
    parser.add_argument("data", metavar="DATA", nargs="?" if optional else None, help=text)
    group = parser.add_argument_group("data")
    group.add_argument("--reader", metavar="NAME", help=f"{', '.join(READERS)} (default: found out from DATA)")
    group.add_argument("--images", metavar="DIR", help="the folder that the photos' names start from")
    group.add_argument("--group-by", metavar="COLUMN", help="photos alike in this column of the table share a split")


def read(args: argparse.Namespace) -> LabelledSet:
    """The labelled photos that the parsed options name."""
    shortcuts = {"images": args.images, "group_by": args.group_by}
    options: dict[str, Any] = {name: value for name, value in shortcuts.items() if value is not None}
    choice = args.reader
    if choice is None and not options:
        return open_data(args.data)
    if choice is None:
        choice = _first_that_takes(options, Path(args.data))
    named = {"name": choice} if isinstance(choice, str) else choice
    return open_data(args.data, factory("reader", {**named, **options})())


def source(args: argparse.Namespace) -> dict[str, Any]:
    """What :func:`read` goes by; its paths are absolute, so that it can be read again from anywhere."""
    reader = args.reader
    if isinstance(reader, dict) and reader.get("images"):
        reader = {**reader, "images": os.path.abspath(reader["images"])}
    data, images = (path and os.path.abspath(path) for path in (args.data, args.images))
    values = {"data": data, "reader": reader, "images": images, "group_by": args.group_by}
    return {name: value for name, value in values.items() if value is not None}


def _first_that_takes(options: dict[str, Any], place: Path) -> str:
    """The reader that has these options and finds something at ``place``, in the order of the table."""
    able = [name for name in READERS if options.keys() <= option_parameters("reader", name).keys()]
    for name in able:
        if place.exists() and factory("reader", {"name": name, **options})().candidates(place):
            return name
    return able[0]
