"""`polytag inspect`."""

import argparse
import shlex
import shutil
import textwrap
from pathlib import Path

from polytag._files import write_text
from polytag._text import counted, printable, table
from polytag.cli.console import counting, say
from polytag.cli.options import parse_with_nested
from polytag.cli.parser import Parser
from polytag.cli.reading import add_reading, check_output, read
from polytag.data.convert import convert
from polytag.data.inspection import Inspection, across_splits, copied, inspect_data, kept_together
from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.data.look_alikes import STEPS
from polytag.data.published import PUBLISHED, compare_with
from polytag.data.readers.photos import MissingPhotosError
from polytag.errors import OptionError
from polytag.report.inspection import inspection_page, summary
from polytag.report.lettering import fitted

ENDS = 10  # labels from each end of the list
PAIRS = 6  # of labels that come together
MISSING = 100  # names of photos that are not there
NAME, BAR = 26, 22  # columns of a name and of the longest bar
WIDEST = 100  # columns of the terminal that are used


def main(words: list[str]) -> int:
    """Show what there is in the data and what is wrong with it; 1 where it is not what was expected."""
    args = parse_with_nested(_parser(), words, ("reader",))
    if args.no_photos and (args.regroup or args.look_alikes):
        raise OptionError("--no-photos opens no photo, which --regroup and --look-alikes must; choose one")
    if args.expect and (args.out or args.regroup or args.look_alikes):
        raise OptionError("--expect compares counts and nothing else; leave --out, --regroup and --look-alikes away")
    if args.out and Path(args.out).suffix.lower() not in (".html", ".htm"):
        raise OptionError(f"--out writes a page, whose name must end in .html, got {args.out}")
    if args.regroup and Path(args.regroup).exists() and not args.overwrite:
        raise OptionError(f"{args.regroup} exists; choose another file with --regroup, or --overwrite it")
    check_output(args.regroup, args.data, ".csv", ".tsv")
    try:
        data = read(args)
    except MissingPhotosError as error:
        shown = [printable(name) for name, _ in zip(error.names, range(MISSING), strict=False)]
        more = [f"... and {len(error.names) - MISSING} more"] if len(error.names) > MISSING else []
        print("\n".join(["photos that are not there:", *shown, *more]))
        raise
    for note in data.notes:
        say(note)
    if args.expect:
        return _compare(data, args.expect)
    with (
        counting("opening photos", 0 if args.no_photos else len(data)) as progress,
        counting("comparing photos", STEPS) as comparing,
    ):
        found = inspect_data(data, args.workers, not args.no_photos, args.look_alikes, progress, comparing)
    print(_as_text(found))
    if args.out:
        write_text(Path(args.out), inspection_page(found, Path(args.data).name or str(args.data)))
        print(f"\nAll of it, with drawings and pictures: {printable(args.out)}")
    if args.regroup and found.photos:
        together = kept_together(data, found.photos)
        written = convert(together, Path(args.regroup), "csv")
        command = " ".join([shlex.quote(args.regroup), *written.options])
        print("\nPhotos that belong together share a group, and splits can be cut anew:")
        print(f"    polytag train {printable(command)}")
    return 0


def _compare(data: LabelledSet, name: str) -> int:
    rows = compare_with(data, name)
    cells = [(what, str(expected), str(there), "yes" if equal else "NO") for what, expected, there, equal in rows]
    print(table([("", "published", "here", "equal"), *cells], frozenset((1, 2))))
    return int(not all(equal for *_, equal in rows))


def _as_text(found: Inspection) -> str:
    """The inspection in at most 80 columns, or as wide as the terminal."""
    width = max(60, min(shutil.get_terminal_size().columns, WIDEST))
    parts = [summary(found), _average(found), *_problems(found, width), "", _labels(found)]
    if found.together:
        parts += ["", _together(found)]
    if leaks := _leaks(found):
        parts += ["", leaks]
    if found.photos and found.photos.bad:
        parts += ["", "Photos that cannot be read"]
        parts += [f"  {printable(sentence)}" for _, sentence in found.photos.bad[:ENDS]]
        more = len(found.photos.bad) - ENDS
        parts += [f"  ... and {more} more"] if more > 0 else []
    return "\n".join(parts)


def _average(found: Inspection) -> str:
    total = sum(number * photos for number, photos in enumerate(found.per_photo))
    head, medium, tail = found.groups
    none = f", {counted(found.per_photo[0], 'photo')} without any" if found.per_photo[0] else ""
    return (
        f"{total / max(len(found.data), 1):.1f} labels a photo, at most {len(found.per_photo) - 1}{none}; "
        f"head {head}, medium {medium}, tail {tail}"
    )


def _problems(found: Inspection, width: int) -> list[str]:
    lines = []
    for problem in found.problems:
        mark = "! " if problem.grave else "- "
        lines += textwrap.wrap(printable(problem.text), width, initial_indent=mark, subsequent_indent="  ")
    return ["", *lines] if lines else ["", "Nothing stands out."]


def _labels(found: Inspection) -> str:
    """The most and the least frequent labels."""
    rows = list(found.rows)
    kept = rows if len(rows) <= 2 * ENDS + 2 else [*rows[:ENDS], None, *rows[-ENDS:]]
    most = max((row.present for row in rows), default=0) or 1
    there = [number for number, name in enumerate(SPLITS) if name in found.splits] if rows[0].parts else []
    head = ("label", "photos", *(SPLITS[number] for number in there), "")
    cells: list[tuple[str, ...]] = [head]
    for row in kept:
        if row is None:
            cells.append((f"... {len(rows) - 2 * ENDS} more", *([""] * (len(head) - 1))))
        else:
            bar = "#" * max(round(BAR * row.present / most), int(row.present > 0))
            parts = (str(row.parts[number]) for number in there)
            cells.append((fitted(printable(row.name), NAME), str(row.present), *parts, bar))
    return table(cells, frozenset(range(1, len(head) - 1)))


def _together(found: Inspection) -> str:
    names = found.data.classes
    cells = [("labels together", "photos", "of the rarer")]
    for pair in found.together[:PAIRS]:
        both = " + ".join(fitted(printable(names[column]), NAME) for column in (pair.first, pair.second))
        cells.append((both, str(pair.photos), f"{pair.share:.0%}"))
    return table(cells, frozenset((1, 2)))


def _leaks(found: Inspection) -> str:
    """The first photos that are the same or overlap in different splits."""
    data, photos = found.data, found.photos
    if photos is None or data.split is None:
        return ""
    found_alike = [*copied(photos.copies), *(pair[:2] for pair in photos.alike)]
    pairs = across_splits(data, dict.fromkeys(found_alike))
    if not pairs:
        return ""
    cells: list[tuple[str, ...]] = [("the same or overlapping", "", "splits")]
    for pair in pairs[:PAIRS]:
        names = (fitted(printable(data.images.name(row)), NAME) for row in pair)
        cells.append((*names, ", ".join(SPLITS[data.split[row]] for row in pair)))
    more = len(pairs) - PAIRS
    return table(cells) + (f"\n... and {more} more pairs (-o FILE.html shows them)" if more > 0 else "")


def _parser() -> Parser:
    parser = Parser(
        prog="polytag inspect",
        description="What there is in a data set, and what is wrong with it: labels, splits, damaged photos, copies, "
        "overlaps, leaks between splits.",
        allow_abbrev=False,
    )
    add_reading(parser)
    parser.add_argument("-o", "--out", metavar="FILE.html", help="also write a page with drawings and pictures")
    text = f"compare the counts with those published, and nothing else: {', '.join(PUBLISHED)}"
    parser.add_argument("--expect", metavar="NAME", help=text)
    text = "find photos that look alike from afar, such as tiles of one shore (default: where photos are square tiles)"
    parser.add_argument("--look-alikes", action=argparse.BooleanOptionalAction, default=None, help=text)
    text = "write a table without splits, in which photos that are the same or overlap share a group"
    parser.add_argument("--regroup", metavar="FILE.csv", help=text)
    parser.add_argument("--overwrite", action="store_true", help="replace FILE.csv if it is there")
    parser.add_argument("--no-photos", action="store_true", help="labels only; open no photo")
    parser.add_argument("--workers", type=int, metavar="N", default=2, help="threads that decode (default: 2)")
    return parser
