"""The options that say how labels are read, alike in every command that reads them."""

import argparse
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from polytag.build import factory, option_parameters
from polytag.cli.console import looking_for_photos
from polytag.data.labelled_set import LabelledSet
from polytag.data.manifest import with_manifest
from polytag.data.open import open_data
from polytag.data.readers import READERS
from polytag.data.readers.photos import is_image
from polytag.data.vocabulary import choose_labels
from polytag.errors import OptionError

SHORTCUTS = ("images", "group_by", "unlisted")  # options of readers that have a name of their own
VOCABULARY = ("classes", "min_count", "rename")
READING = (*SHORTCUTS, *VOCABULARY, "manifest", "reader")  # all options of data
FILES = ("data", "images", "rename", "classes", "manifest")  # options that are paths


def add_reading(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Add DATA, which may be left out where it is ``optional``, and its options."""
    text = "a file of labels (a table, COCO, ...) or a folder with one"
    parser.add_argument("data", metavar="DATA", nargs="?" if optional else None, help=text)
    group = parser.add_argument_group("data")
    text = "the format of DATA (default: found out; polytag list readers)"
    group.add_argument("--reader", metavar="NAME", help=text)
    group.add_argument("--images", metavar="DIR", help="the folder that the photos' names start from")
    group.add_argument("--group-by", metavar="COLUMN", help="photos alike in this column of the table share a split")
    text = "what labels are that a photo does not list, where the format leaves it open"
    group.add_argument("--unlisted", choices=("absent", "unknown"), help=text)
    group.add_argument("--rename", metavar="FILE", help="new names of labels: a CSV with old,new, or a JSON object")
    group.add_argument("--classes", metavar="FILE", help="the labels to keep, one a line")
    text = "leave out labels on fewer photos than this"
    group.add_argument("--min-count", metavar="N", type=int, help=text)
    text = "what sha256sum printed of the photos: those that changed since are refused"
    group.add_argument("--manifest", metavar="FILE", help=text)


def read(args: argparse.Namespace) -> LabelledSet:
    """The labelled photos that the parsed options name."""
    with looking_for_photos():
        data = _as_it_is(args)
    if args.manifest is not None:
        data = with_manifest(data, args.manifest)
    return choose_labels(data, args.rename, args.classes, args.min_count or 0)


def source(args: argparse.Namespace) -> dict[str, Any]:
    """What :func:`read` goes by; its paths are absolute, so that it can be read again from anywhere."""
    reader = args.reader
    if isinstance(reader, dict):
        reader = {key: os.path.abspath(v) if key in ("images", "names") and v else v for key, v in reader.items()}
    values = {name: getattr(args, name) for name in (*SHORTCUTS, *VOCABULARY, "data", "manifest")}
    values |= {name: values[name] and os.path.abspath(values[name]) for name in FILES}
    return {name: value for name, value in {**values, "reader": reader}.items() if value is not None}


def check_output(out: Path | str | None, data: str | None = None, *suffixes: str, photos: Sequence[str] = ()) -> None:
    """Refuse a file to write that is DATA or in it, a folder, in no folder to write to, or ends like another format.

    A new file may be made in DATA: only what is there already may be what is read. Nor is it one of ``photos``, which
    are files or folders.

    Raises:
        OptionError: if it is.
    """
    if out is None:
        return
    path = Path(out)
    if data is not None and path.exists() and Path(data).exists() and path.samefile(data):
        raise OptionError(f"{out} is DATA itself, which is never written to; choose another file")
    if path.is_dir():
        raise OptionError(f"{out} is a folder; name a file in it")
    if data is not None and path.exists() and path.resolve().is_relative_to(Path(data).resolve()):
        raise OptionError(f"{out} is in DATA, where no file is written over; choose another one")
    for place in map(Path, photos) if path.is_file() else ():
        within = place.is_dir() and is_image(path.name) and path.resolve().is_relative_to(place.resolve())
        if within or (place.is_file() and path.samefile(place)):
            raise OptionError(f"{out} is one of the photos, which are never written over; choose another file")
    above = next(folder for folder in path.absolute().parents if folder.exists())  # those below it are made
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise OptionError(f"{out} cannot be written, as {above} is no folder to write to; choose another place")
    if suffixes and path.suffix.lower() not in suffixes:
        raise OptionError(f"the name of what is written here must end in {' or '.join(suffixes)}, got {out}")


def likely_reader(words: list[str]) -> str:
    """The reader that some words are about which give it options and not its name.

    Of those that have the options, the first that finds something at one of the paths among the words.
    """
    pairs = re.findall(r"^--reader\.([\w-]+)(?:[=\n](.*))?$", "\n".join(words), re.MULTILINE)
    options = {name.replace("-", "_"): value for name, value in pairs}
    places = [Path(word) for word in words if not word.startswith("-") and os.path.exists(word)]
    found = (_first_that_takes(options, place) for place in places)
    return next((name for name in found if name), None) or _able(options)[0]


def typed(args: argparse.Namespace) -> list[str]:
    """The words that make another command read what the parsed options name: DATA and its options."""
    words = [str(args.data)]
    for name in (*SHORTCUTS, *VOCABULARY, "manifest"):
        if (value := getattr(args, name)) is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
    chosen = {"name": args.reader} if isinstance(args.reader, str) else dict(args.reader or {})
    words += ["--reader", chosen.pop("name")] if chosen else []
    for name, value in chosen.items():
        flag = f"reader.{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{flag}")
        else:
            words += [
                word for each in (value if isinstance(value, tuple) else (value,)) for word in (f"--{flag}", str(each))
            ]
    return words


def _as_it_is(args: argparse.Namespace) -> LabelledSet:
    options: dict[str, Any] = {name: getattr(args, name) for name in SHORTCUTS if getattr(args, name) is not None}
    choice = args.reader
    if choice is None and not options:
        return open_data(args.data)
    if choice is None:
        choice = _first_that_takes(options, Path(args.data))
    if choice is None:
        flags = " and ".join(f"--{name.replace('_', '-')}" for name in options)
        able = ", ".join(_able(options))
        raise OptionError(f"{flags} is for the readers {able}, and {args.data} is none of these; leave it away")
    named = {"name": choice} if isinstance(choice, str) else choice
    return open_data(args.data, factory("reader", {**named, **options})())


def _able(options: Collection[str]) -> list[str]:
    """The readers that have these options; the table's where none has."""
    return [name for name in READERS if set(options) <= option_parameters("reader", name).keys()] or ["table"]


def _first_that_takes(options: Mapping[str, Any], place: Path) -> str | None:
    """The reader that has these options and finds something at ``place`` by them, in the order of the ranks."""
    if not place.exists():
        return None
    for name in sorted(_able(options), key=lambda name: READERS[name].rank):
        texts = {key for key, known in option_parameters("reader", name).items() if known.default == ""}
        reader = READERS[name](**{key: value for key, value in options.items() if key in texts})
        if reader.candidates(place):
            return name
    return None
