"""Which photos of a data set a command looks at, and the options that say so."""

import argparse
import shlex
from pathlib import Path

import numpy as np

from polytag.cli.console import say
from polytag.cli.reading import READING, add_reading, read, typed
from polytag.data.check import bad_images_error, find_bad_images
from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.data.splits import NO_SPLITS, three_way
from polytag.errors import DataError
from polytag.predictor import Predictor
from polytag.run import Run
from polytag.views import TTA


def add_choosing(parser: argparse.ArgumentParser, chosen: str, do: str) -> None:
    """Add RUN, DATA and the options of a command that settles something a label from the answers of a run."""
    parser.add_argument("run", metavar="RUN", help="the run folder")
    add_reading(parser)
    text = f"to {do}; all: of data that is new to the run (default: val)"
    parser.add_argument("--split", choices=("val", "train", "all"), default="val", help=text)
    parser.add_argument(
        "--shrink",
        type=float,
        metavar="N",
        default=10.0,
        help=f"positives that the {chosen} of all labels together counts for in each (default: 10)",
    )
    parser.add_argument(
        "--on-bad-image", choices=("stop", "skip"), default="stop", help="photos that cannot be read (default: stop)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(default: auto)")
    parser.add_argument("--workers", type=int, metavar="N", default=2, help="threads that decode (default: 2)")


def add_tta(parser: argparse.ArgumentParser) -> None:
    """Add the option that says which views of a photo a run is asked about."""
    text = "views of a photo to average over: none, flip (its mirror image, too), d4 (both in four quarter turns)"
    parser.add_argument("--tta", choices=tuple(TTA), help=f"{text} (default: as the run was trained)")


def chosen_part(args: argparse.Namespace, run: Run) -> LabelledSet:
    """The photos that such a command settles it on, with a warning where labels are not those of the run."""
    predictor = Predictor(run, device=args.device, workers=args.workers)
    data = part_of(readable(read_as_trained(args, run), args), args, predictor)
    for note in predictor.match_notes(data.classes):
        say(note)
    return data


def read_as_trained(args: argparse.Namespace, run: Run) -> LabelledSet:
    """The labelled photos that the options name; data of the run's training as there, unless other options are typed.

    What is taken from the run is put into ``args``, too, and told.
    """
    source = run.config["data"].get("source")
    if isinstance(source, dict) and Path(args.data).resolve() == Path(str(source.get("data"))).resolve():
        known = {name: getattr(args, name) for name in READING}
        taken = {name: source[name] for name in READING if known[name] is None and source.get(name) is not None}
        if isinstance(reader := taken.get("reader"), dict):
            taken["reader"] = {key: tuple(v) if isinstance(v, list) else v for key, v in reader.items()}
        vars(args).update(taken)
        if taken:
            words = typed(argparse.Namespace(data="", **dict.fromkeys(READING) | taken))[1:]
            say(f"read as in the training of {run.path}: {shlex.join(words)}")
    return read(args)


def readable(data: LabelledSet, args: argparse.Namespace) -> LabelledSet:
    """With ``--on-bad-image skip`` the photos that can be read: before the split, as in training, to split alike."""
    if args.on_bad_image == "stop":
        return data
    bad = find_bad_images(data.images, max(1, args.workers))
    if len(bad) == len(data):
        raise bad_images_error(bad, len(data))
    for _, sentence in bad:
        say(f"left out: {sentence}")
    return data.select(np.delete(np.arange(len(data)), [row for row, _ in bad])) if bad else data


def part_of(data: LabelledSet, args: argparse.Namespace, predictor: Predictor) -> LabelledSet:
    """The split to judge on, with a warning where it was not kept from a run."""
    if args.split == "all":
        return data
    marked = np.array([]) if data.split is None else data.split
    test = marked == SPLITS.index("test")
    if test.any() and args.split != "train":  # as the data says; a val without a test would be the test
        rows = np.flatnonzero(marked == SPLITS.index(args.split))
        if len(rows):
            for run in predictor.runs:
                if any(note.startswith(NO_SPLITS) for note in run.config["data"].get("notes", ())):
                    say(f"{run.path} was trained on data without splits: photos that it has seen may be among these")
            return data.select(rows)
    split = three_way(data, predictor.runs[0].config["training"].get("seed", 0))
    part: LabelledSet = getattr(split, args.split)
    if not len(part):
        raise DataError(f"{args.data} has no {args.split} photos; choose another --split, or all")
    learned = split.train.fingerprint()
    for run in predictor.runs:
        if run.config["data"].get("train_fingerprint") != learned:
            say(
                f"{run.path} was not trained on this split of {args.data}: photos that it has seen may be among these; "
                "if all of them are new to it, take all with --split all"
            )
    return part
