"""`polytag calibrate`."""

import shlex

from polytag._text import counted, printable, table
from polytag.cli.options import parse_with_nested
from polytag.cli.parser import Parser
from polytag.cli.parts import add_choosing, chosen_part
from polytag.cli.reading import typed
from polytag.cli.show import number
from polytag.metrics.bootstrap import Difference
from polytag.run import Run
from polytag.tuning import calibrate


def main(words: list[str]) -> int:
    """Fit a calibration, keep it, and show what it does to probabilities of photos that it was not fitted to."""
    args = parse_with_nested(_parser(), words, ("reader",))
    run = Run.open(args.run)
    data = chosen_part(args, run)
    found = calibrate(run, data, args.shrink, args.always, device=args.device, workers=args.workers)
    rows = [(name, number(value), number(found.after[name])) for name, value in found.before.items()]
    print(table([(f"on {args.split}", "before", "after"), *rows], frozenset((1, 2))))
    gain = _worth(found.calibrated.gain)
    print(f"\nIn five folds of {counted(len(data), 'photo')}, each calibrated by the others, {gain}")
    folder = printable(str(run.path))
    if not found.calibrated.taken:
        print(f"So the probabilities of {folder} are those of the model; --always calibrates them.")
        return 0
    print(f"Kept in {folder}, which gives the same tags, with other probabilities.")
    print("What it is worth on the test photos says")
    print(f"    polytag evaluate {printable(shlex.join([str(run.path), *typed(args)]))} --json")
    return 0


def _worth(gain: Difference) -> str:
    interval = f"{gain.value:+.4f} nats a label [{gain.low:+.4f}, {gain.high:+.4f}]"
    return f"that saves\n{interval} of log loss: {gain.verdict}."


def _parser() -> Parser:
    parser = Parser(
        prog="polytag calibrate",
        description="Make probabilities come true: of photos whose tag has 0.8, about 80 in 100 should have it. "
        "Kept in the run, used by predict, explain and evaluate; the tags stay the same.",
        allow_abbrev=False,
    )
    add_choosing(parser, "calibration", "fit to")
    parser.add_argument("--always", action="store_true", help="even where it is not found to help on other photos")
    return parser
