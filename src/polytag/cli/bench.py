"""`polytag bench`."""

import shlex
import sys
from functools import partial
from pathlib import Path

from polytag._checks import check_number
from polytag._files import write_text
from polytag._text import counted, printable
from polytag.bench.data import pack_suite
from polytag.bench.markdown import as_csv, as_markdown, as_text
from polytag.bench.page import as_page
from polytag.bench.runner import Planned, finish, run_suite
from polytag.bench.selection import as_ladder, select_rows, with_baseline, with_metrics, with_seeds, with_split
from polytag.bench.suite import read_suite
from polytag.bench.table import make_table
from polytag.bench.types import SCORES_OF
from polytag.cli.console import say, watch_task
from polytag.cli.parser import Parser
from polytag.cli.show import number
from polytag.errors import OptionError
from polytag.metrics.bootstrap import LEAST_DRAWS
from polytag.run import Run

LIMITS = "100,20"


def main(words: list[str]) -> int:
    """Train what is not trained yet, and make the table."""
    args = _parser().parse_args(words)
    limits = _limits(args.tail_limits)
    check_number("draws", args.draws, LEAST_DRAWS, 1_000_000)
    suite = read_suite(args.suite, args.protocol)
    if args.baseline and args.ladder:
        raise OptionError("--baseline and --ladder exclude each other: in a ladder the first row is the baseline")
    if args.baseline:
        suite = with_baseline(suite, args.baseline)
    if args.seeds is not None:
        suite = with_seeds(suite, args.seeds)
    if args.metrics is not None:
        suite = with_metrics(suite, args.metrics)
    suite = with_split(suite, args.split)
    if args.ladder:
        suite = as_ladder(suite, args.rows or ())
    elif args.rows:
        suite = select_rows(suite, args.rows)
    if args.pack:
        watch_task(pack_suite(suite, args.data, args.pack, args.pack_quality))
        say(f"packed; --data {args.pack} takes the place of {args.data}")
        return 0
    out = args.out or Path("runs") / "bench" / f"{suite.name}-{suite.protocol}"
    trainings = len(suite.trained) * len(suite.seeds)
    sizes = (len(suite.rows), "row"), (len(suite.seeds), "seed"), (trainings, "training")
    say(f"{suite.title}: {', '.join(counted(*size) for size in sizes)}; to {out}")
    runs = watch_task(
        run_suite(suite, args.data, out, jobs=args.jobs, jobs_on=args.jobs_on, train=partial(train, split=args.split))
    )
    table = make_table(suite, runs, limits, args.draws)
    command = f"polytag bench {shlex.join(words)}"
    end = "" if args.split == "test" else f"-{args.split}"  # neither table takes the other's place
    write_text(out / f"table{end}.md", as_markdown(table, command))
    write_text(out / f"table{end}.csv", as_csv(table))
    write_text(out / f"index{end}.html", as_page(table, command))
    print(as_text(table))
    print(f"\nThe same as a page: {out / f'index{end}.html'}; as Markdown and CSV beside it.")
    return 0


def train(planned: Planned, split: str = "test") -> None:
    """Train to the end, and say so; also in a process of its own."""
    try:
        finish(planned)
    except KeyboardInterrupt as stopped:
        raise KeyboardInterrupt(
            f"stopped in {planned.row}, seed {planned.seed}; what is finished or saved is kept, and the same command "
            "goes on"
        ) from stopped
    run = Run.open(planned.training.out)
    best = run.metrics["best"]
    score = number(run.metrics.get(split, {}).get("mAP"))
    place = f"{planned.number:>{len(str(planned.total))}}/{planned.total}"
    text = f"{place}  {planned.row}, seed {planned.seed}: {split} mAP {score}, best epoch {best['epoch']}"
    print(printable(text), file=sys.stderr, flush=True)


def _limits(text: str) -> tuple[int, int]:
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts) or int(parts[0]) < int(parts[1]):
        raise OptionError(f"--tail-limits must be two numbers, the larger one first, like {LIMITS}, got {text!r}")
    return int(parts[0]), int(parts[1])


def _parser() -> Parser:
    parser = Parser(
        prog="polytag bench",
        description="Train every row of a suite for every seed, and compare them in one table: paired seeds, "
        "intervals, verdicts. What is finished is kept: the same command goes on.",
        allow_abbrev=False,
    )
    parser.add_argument("suite", type=Path, metavar="SUITE", help="a TOML file, as in benchmarks/suites")
    parser.add_argument("--data", type=Path, metavar="ROOT", help="the folder that paths in the suite start from")
    parser.add_argument("--out", type=Path, metavar="DIR", help="(default: runs/bench/NAME-PROTOCOL)")
    parser.add_argument("--protocol", choices=("fast", "full"), default="full", help="(default: full)")
    parser.add_argument("--rows", nargs="+", metavar="NAME", help="these alone, beside the baseline")
    parser.add_argument("--seeds", nargs="+", type=int, metavar="N", help="instead of the suite's")
    parser.add_argument("--baseline", metavar="NAME", help="the row to compare with (default: as the suite says)")
    parser.add_argument("--ladder", action="store_true", help="compare each row with the one above it instead")
    parser.add_argument("--metrics", nargs="*", metavar="NAME", help="further columns instead of the suite's")
    parser.add_argument("--split", choices=tuple(SCORES_OF), default="test", help="photos to judge on: " + _SPLIT)
    parser.add_argument("--tail-limits", default=LIMITS, metavar="N,N", help=f"{_TAIL} (default: {LIMITS})")
    parser.add_argument("--draws", type=int, default=1000, metavar="N", help="resamples (default: 1000)")
    parser.add_argument("--pack", type=Path, metavar="DIR", help="write the photos at the suite's size, train nothing")
    parser.add_argument("--pack-quality", type=int, metavar="N", help="JPEG of this quality (default: lossless)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="trainings at once (default: 1)")
    parser.add_argument("--jobs-on", choices=("processes", "ray"), default="processes", help="(default: processes)")
    return parser


_SPLIT = "test, or val to choose among rows (default: test)"
_TAIL = "training photos that make a label head, and below which it is tail"
