"""`polytag longtail`."""

import shlex
from pathlib import Path

import numpy as np

from polytag._text import counted, printable, table
from polytag.cli.console import say
from polytag.cli.options import parse_with_nested
from polytag.cli.parser import Parser
from polytag.cli.reading import add_reading, check_output, read
from polytag.data.convert import convert
from polytag.data.labelled_set import LabelledSet
from polytag.data.longtail import long_tailed, published_tail
from polytag.data.open import open_data
from polytag.data.splits import TEST, TRAIN
from polytag.data.vocabulary import choose_labels, read_lines
from polytag.errors import OptionError

ENDS = 8  # labels shown from each end
IMBALANCE = 100.0


def main(words: list[str]) -> int:
    """Write a table whose training photos have a long tail of labels."""
    args = parse_with_nested(_parser(), words, ("reader",))
    out = Path(args.out)
    check_output(out, args.data, ".csv", ".tsv", ".txt")
    if out.exists() and not args.overwrite:
        raise OptionError(f"{out} exists; choose another file with --out, or --overwrite it")
    if args.photos is None and args.test is not None:
        raise OptionError("--test goes with --photos, a published list; without one the test of DATA is kept")
    if args.photos is not None and (args.imbalance is not None or args.seed is not None):
        raise OptionError("--imbalance and --seed make a list, and --photos names one; leave one of both away")
    data = read(args)
    if args.photos is None:
        made = long_tailed(data, IMBALANCE if args.imbalance is None else args.imbalance, args.seed or 0)
    else:
        test = args.test and choose_labels(open_data(args.test), args.rename, args.classes)
        made = published_tail(data, read_lines(Path(args.photos)), test)
    for note in made.notes:
        say(note)
    if made.split is not None and not (made.split == TEST).any():
        say("there are no test photos, so a training takes val for them and a part of the training photos for val")
    written = convert(made, out, "csv")
    print(_as_text(data, made))
    print(f"\n{counted(len(made), 'photo')}, written to {printable(str(out))}. Train on it, rare labels and all:")
    command = " ".join([shlex.quote(str(out)), *written.options])
    print(f"    polytag train {printable(command)} --method collaborative --method.length photos --loss weighted_bce")
    return 0


def _as_text(before: LabelledSet, made: LabelledSet) -> str:
    """How many photos have each label, before and after."""
    assert made.split is not None
    kept = made.labels.select(np.flatnonzero(made.split == TRAIN)).counts().present
    had = before.labels.with_classes(made.classes).counts().present
    order = np.argsort(-kept, kind="stable").tolist()
    shown = order if len(order) <= 2 * ENDS + 1 else [*order[:ENDS], -1, *order[-ENDS:]]
    rows = [("label", "photos in DATA", "for training")]
    for column in shown:
        more = f"... {len(order) - 2 * ENDS} more"
        rows.append(
            (printable(made.classes[column]), str(had[column]), str(kept[column])) if column >= 0 else (more, "", "")
        )
    return table(rows, frozenset((1, 2)))


def _parser() -> Parser:
    parser = Parser(
        prog="polytag longtail",
        description="A long-tailed training split of any data, its test kept; or one that was published as a list.",
        allow_abbrev=False,
    )
    add_reading(parser)
    parser.add_argument("-o", "--out", metavar="FILE.csv", default="longtail.csv", help="(default: longtail.csv)")
    text = f"how many times the photos of the rarest label the most frequent one has (default: {IMBALANCE:g})"
    parser.add_argument("--imbalance", type=float, metavar="X", help=text)
    parser.add_argument("--seed", type=int, metavar="N", help="(default: 0)")
    text = "a published list of training photos instead, one a line (VOC-LT over VOC2012, COCO-LT over COCO 2017)"
    parser.add_argument("--photos", metavar="LIST", help=text)
    parser.add_argument("--test", metavar="DATA", help="with --photos: test photos of other data, read by its defaults")
    parser.add_argument("--overwrite", action="store_true", help="replace FILE.csv if it is there")
    return parser
