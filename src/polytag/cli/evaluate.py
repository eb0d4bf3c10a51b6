"""`polytag evaluate`."""

import json

from polytag._text import counted, printable, table, without_nan
from polytag.cli.console import say
from polytag.cli.options import parse_with_nested
from polytag.cli.parser import Parser
from polytag.cli.parts import add_tta, part_of, read_as_trained, readable
from polytag.cli.reading import add_reading
from polytag.cli.show import class_table, number
from polytag.data.check import bad_images_error, find_bad_images
from polytag.predictor import Predictor


def main(words: list[str]) -> int:
    """Print every metric of one run, or of several as one model."""
    args = parse_with_nested(_parser(), words, ("reader",))
    predictor = Predictor(args.run, *args.ensemble, device=args.device, workers=args.workers, tta=args.tta)
    data = part_of(readable(read_as_trained(args, predictor.runs[0]), args), args, predictor)
    for note in predictor.match_notes(data.classes):
        say(note)
    if args.on_bad_image == "stop" and (bad := find_bad_images(data.images, max(1, args.workers))):
        raise bad_images_error(bad, len(data))
    evaluation = predictor.evaluate(data)
    trained_on = predictor.runs[0].config["data"].get("train_positives")
    metrics = evaluation.compute(predictor.threshold_logits, trained_on)
    rows = evaluation.per_class(predictor.threshold_logits)
    if args.json:
        per_class = {row.name: row._asdict() for row in rows}
        print(json.dumps(without_nan({"photos": len(data), **metrics, "classes": per_class}), indent=2))
        return 0
    print(f"{counted(len(data), 'photo')} of {printable(str(args.data))} ({args.split})\n")
    print(table([(name, number(value)) for name, value in metrics.items()], frozenset((1,))))
    print(f"\n{class_table(rows)}")
    if undefined := int(metrics["undefined_classes"]):
        print(f"\n{counted(undefined, 'label')} without a known positive or a known negative: undefined (-), left out")
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="polytag evaluate", description="Every metric of a run on labelled photos.", allow_abbrev=False
    )
    parser.add_argument("run", metavar="RUN", help="the run folder")
    add_reading(parser)
    parser.add_argument("--ensemble", metavar="RUN", action="append", default=[], help="another run to average with")
    add_tta(parser)
    parser.add_argument("--split", choices=("train", "val", "test", "all"), default="test", help="(default: test)")
    parser.add_argument(
        "--on-bad-image", choices=("stop", "skip"), default="stop", help="photos that cannot be read (default: stop)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: auto)")
    parser.add_argument("--workers", type=int, metavar="N", default=2, help="threads that decode (default: 2)")
    return parser
