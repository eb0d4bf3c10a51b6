"""`polytag tune`."""

import shlex
from collections.abc import Sequence

from polytag._text import counted, printable, table
from polytag.bench.words import interval, points
from polytag.cli.options import parse_with_nested
from polytag.cli.parser import Parser
from polytag.cli.parts import add_choosing, chosen_part
from polytag.cli.reading import typed
from polytag.cli.show import number
from polytag.labels.thresholds import OBJECTIVES
from polytag.metrics.adapted import Adapted
from polytag.run import Run
from polytag.tuning import tune

SHOWN = ("CF1", "OF1", "CP", "CR", "OP", "OR")


def main(words: list[str]) -> int:
    """Choose thresholds, keep them, and show what they change on the photos that they were chosen on."""
    args = parse_with_nested(_parser(), words, ("reader",))
    run = Run.open(args.run)
    data = chosen_part(args, run)
    found = tune(
        run,
        data,
        args.objective,
        args.level,
        args.shrink,
        args.grid,
        args.always,
        device=args.device,
        workers=args.workers,
    )
    if found.adapted and not found.adapted.taken:
        print(f"{_worth(found.adapted)}\nSo the threshold of all labels is 0.5; --always takes those that were chosen.")
        return 0
    counts = data.labels.with_classes(run.classes).counts()
    columns = zip(run.classes, counts.present.tolist(), found.thresholds.tolist(), strict=True)
    rows = [(printable(name), f"{photos:,}", f"{value:.3f}") for name, photos, value in columns]
    print(table([("label", "photos", "threshold"), *rows], frozenset((1, 2))))
    if alone := int(((counts.present == 0) | (counts.absent == 0)).sum()):
        print(
            f"\n{counted(alone, 'label')} without a known positive or a known negative: the threshold of all together"
        )
    if found.short:
        print(f"\nNo cut brings {_listed(found.short)} to that {args.objective}; the nearest is taken.")
    changes = [(name, number(found.before[name]), number(found.after[name])) for name in SHOWN]
    print(f"\n{table([(f'on {args.split}', 'before', 'after'), *changes], frozenset((1, 2)))}")
    folder = printable(str(run.path))
    print(f"\nChosen on {counted(len(data), 'photo')} and kept in {folder}.")
    if found.adapted:
        print(_worth(found.adapted))
    print("What they are worth on the test photos says")
    print(f"    polytag evaluate {printable(shlex.join([str(run.path), *typed(args)]))}")
    return 0


def _listed(names: Sequence[str]) -> str:
    more = f" and {counted(len(names) - 5, 'more label')}" if len(names) > 5 else ""
    return printable(", ".join(names[:5])) + more


def _worth(adapted: Adapted) -> str:
    """What thresholds of F1 gain on photos that they were not chosen on."""
    gained = f"{points(adapted.gain.value)} points of CF1 {interval(adapted.gain)} over 0.5: {adapted.gain.verdict}."
    return f"In five folds, on photos that thresholds were not chosen on, they gain\n{gained}"


def _parser() -> Parser:
    parser = Parser(
        prog="polytag tune",
        description="Choose the probability above which each label counts as present; kept in the run, used by predict "
        "and evaluate.",
        allow_abbrev=False,
    )
    add_choosing(parser, "threshold", "choose on")
    parser.add_argument(
        "--objective",
        choices=OBJECTIVES,
        default="f1",
        help="f1: as high as can be; precision or recall: at least --level, at the best of the other (default: f1)",
    )
    parser.add_argument("--level", type=float, metavar="P", help="of precision or recall (default: 0.9)")
    parser.add_argument("--grid", type=float, metavar="X", default=0.0, help="multiples of this alone; 0 for any cut")
    parser.add_argument(
        "--always", action="store_true", help="take those of f1 even where they are not found to help on other photos"
    )
    return parser
