"""`polytag demo`."""

from pathlib import Path

import numpy as np
import torch

from polytag._files import write_atomic
from polytag._text import table
from polytag.cli.console import say, watch
from polytag.cli.parser import Parser
from polytag.cli.show import class_table, number
from polytag.data.digits import pixel_baseline, scenes
from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.errors import OptionError
from polytag.fit import Training
from polytag.metrics import METRICS
from polytag.predictor import Predictor
from polytag.report.contact_sheet import contact_sheet
from polytag.run import CONFIG, Run

COMMAND = "polytag demo"
SHOWN = 16  # scenes on the contact sheet


def main(words: list[str]) -> int:
    """Train on the scenes, evaluate, draw a contact sheet, and say what to type next."""
    args = _parser().parse_args(words)
    _check_free(args.out)
    data = scenes(args.seed)
    part = {name: data.select(np.flatnonzero(data.split == number)) for number, name in enumerate(SPLITS)}
    sizes = ", ".join(f"{len(scenes_of)} {name}" for name, scenes_of in part.items())
    say(f"Which of the ten digits are in the picture? Scenes of handwritten digits: {sizes}.")
    training = demo_training(data, args.out, args.epochs, args.seed)
    try:
        watch(training, training.epochs)
    except KeyboardInterrupt as stop:
        raise KeyboardInterrupt("stopped; polytag demo begins anew") from stop

    run = Run.open(args.out)
    predictor = Predictor(run)
    evaluation = predictor.evaluate(part["test"])
    say("for comparison, a logistic regression on 32 x 32 pixels ...")
    baseline = pixel_baseline(part["train"], part["test"])
    values = {
        "this model": evaluation.compute(predictor.threshold_logits),
        "logistic regression": {n: m(baseline, part["test"].labels.dense(), 0.0) for n, m in METRICS.items()},
    }
    names = ("mAP", "CF1", "OF1")
    rows = [("on the test scenes", *names), *((who, *(number(v[n]) for n in names)) for who, v in values.items())]
    print(f"\n{class_table(evaluation.per_class(predictor.threshold_logits))}")
    print(f"\n{table(rows, frozenset((1, 2, 3)))}")
    sheet = draw_sheet(predictor, run.path, part["test"])
    print(
        f"\nThe run is in {run.path}, its tags on {SHOWN} test scenes in {sheet}.\n\n"
        "Next, your own photos:\n"
        "  polytag train PHOTOS/labels.csv --out runs/mine    its rows: filename,labels\n"
        "  polytag predict runs/mine PHOTO.jpg                the tags of a photo\n"
        "  polytag --help                                     the rest\n"
    )
    return 0


def _check_free(folder: Path) -> None:
    if (folder / CONFIG).exists() and Run.open(folder).config.get("command") != COMMAND:
        raise OptionError(f"{folder} holds a run that is not the demo's; choose another folder with --out")


def demo_training(data: LabelledSet, out: Path, epochs: int, seed: int) -> Training:
    """From scratch, bounded in steps."""
    torch.set_num_threads(min(2, torch.get_num_threads()))
    return Training(
        data=data,
        out=out,
        backbone="test_resnet",
        weights="none",
        image_size=64,
        epochs=epochs,
        batch_size=64,
        lr=4e-3,
        seed=seed,
        augment="none",
        cutout=0.0,
        flip=0.0,
        overwrite=True,
        command=COMMAND,
    )


def draw_sheet(predictor: Predictor, folder: Path, test: LabelledSet) -> Path:
    """A contact sheet of the first scenes, with right, wrong and missed tags."""
    few = test.select(np.arange(min(SHOWN, len(test))))
    predictions = predictor.predict(few)
    sheet = contact_sheet(
        [few.images.load(row) for row in range(len(few))],
        [prediction.filename for prediction in predictions],
        [prediction.tags for prediction in predictions],
        [few.labels.names(row) for row in range(len(few))],
    )
    path = folder / "contact_sheet.png"
    write_atomic(path, lambda temporary: sheet.save(temporary, "PNG"))
    return path


def _parser() -> Parser:
    parser = Parser(
        prog="polytag demo",
        description="Train a model from scratch on scenes composed from handwritten digits; evaluate and show it.",
        allow_abbrev=False,
    )
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), metavar="RUN", help="(default: runs/demo)")
    parser.add_argument("--epochs", type=int, default=10, metavar="N", help="(default: 10)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="(default: 0)")
    return parser
