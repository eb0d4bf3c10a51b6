"""`polytag predict`."""

import csv
import io
import json
import sys
from pathlib import Path

from polytag._files import write_text
from polytag._text import counted, csv_cell, one_line, printable, table
from polytag.cli.console import report_bad, say, write_data
from polytag.cli.parser import Parser
from polytag.cli.parts import add_tta
from polytag.cli.reading import check_output
from polytag.data.readers.photos import is_image
from polytag.errors import OptionError
from polytag.predictor import Prediction, Predictor


def main(words: list[str]) -> int:
    """Print the tags of photos; 1 where one of them could not be read."""
    args = _parser().parse_args(words)
    if args.threshold is not None and args.topk is not None:
        raise OptionError("--threshold and --topk are two ways to choose tags; give one of them")
    check_output(args.out or None, photos=args.photos)
    if args.out and is_image(args.out):
        raise OptionError(f"tags are text, and {args.out} ends like a photo; choose another name for --out")
    predictor = Predictor(args.run, *args.ensemble, device=args.device, workers=args.workers, tta=args.tta)
    if args.format == "csv" and (joined := [name for name in predictor.classes if ";" in name]):
        raise OptionError(f"the label {joined[0]!r} has a semicolon, which joins labels in CSV; use --format jsonl")
    predictions = predictor.predict(args.photos, threshold=args.threshold, topk=args.topk, on_bad_image="skip")
    text = FORMATS[args.format](predictions)
    if args.out:
        write_text(Path(args.out), text)
        say(f"{counted(len(predictions), 'photo')}, tags written to {args.out}")
    else:
        (sys.stdout.write if args.format == "table" else write_data)(text)
    return report_bad(prediction.error for prediction in predictions)


def as_csv(predictions: list[Prediction]) -> str:
    """Columns ``filename,labels,scores``, labels and scores joined by semicolons; photos without an error only."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("filename", "labels", "scores"))
    for name, tags, error in predictions:
        if error is None:
            labels = ";".join(label for label, _ in tags)
            scores = ";".join(f"{score:.4f}" for _, score in tags)
            writer.writerow((csv_cell(one_line(name)), csv_cell(one_line(labels)), scores))
    return text.getvalue()


def as_jsonl(predictions: list[Prediction]) -> str:
    """One object a line: ``{"filename": ..., "tags": [{"label": ..., "score": ...}]}``, or with an ``"error"``."""
    rows = (
        {"filename": name, "error": error}
        if error
        else {"filename": name, "tags": [{"label": label, "score": round(score, 6)} for label, score in tags]}
        for name, tags, error in predictions
    )
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    return "".join((line if line == printable(line) else json.dumps(json.loads(line))) + "\n" for line in lines)


def as_table(predictions: list[Prediction]) -> str:
    """For a person."""
    rows = [
        (printable(name), "(not readable)" if error else ", ".join(f"{printable(t)} {s:.2f}" for t, s in tags) or "-")
        for name, tags, error in predictions
    ]
    return table([("photo", "tags"), *rows]) + "\n"


FORMATS = {"table": as_table, "csv": as_csv, "jsonl": as_jsonl}


def _parser() -> Parser:
    parser = Parser(prog="polytag predict", description="The tags of photos.", allow_abbrev=False)
    parser.add_argument("run", metavar="RUN", help="the run folder")
    parser.add_argument("photos", metavar="PHOTO", nargs="+", help="photos, or folders of photos")
    parser.add_argument("--ensemble", metavar="RUN", action="append", default=[], help="another run to average with")
    add_tta(parser)
    parser.add_argument("--format", choices=FORMATS, default="table", help="(default: table)")
    parser.add_argument("-o", "--out", metavar="FILE", help="write there instead of to the terminal")
    parser.add_argument("--threshold", type=float, metavar="P", help="a probability (default: those of the run)")
    parser.add_argument("--topk", type=int, metavar="K", help="the K most probable tags instead")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: auto)")
    parser.add_argument("--workers", type=int, metavar="N", default=2, help="threads that decode (default: 2)")
    return parser
