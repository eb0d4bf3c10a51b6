"""Trainings killed without warning at random moments, again and again, against one that was left alone.

    OMP_NUM_THREADS=1 python benchmarks/soak.py --kills 50

Each training is killed five times, wherever it is: within a step, a validation, a save or its start; the sixth attempt
may finish. Half of the trainings save every step, the others every third epoch alone, as where epochs are short. Then
its weights, its state and its history are compared with those of the undisturbed one, bit for bit.
Prints every training and the number of differences.
"""

import argparse
import csv
import datetime
import hashlib
import itertools
import os
import platform
import shutil
import signal
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import polytag.session
import polytag.train.saving
from polytag import Training
from polytag._random import generator
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.labels import Labels
from polytag.run import HISTORY, STATE, WEIGHTS
from polytag.train.saving import Pace
from polytag.train.state import load_tree

KILLS_EACH = 5
OF_TIME = ("seconds", "images_per_second")  # columns of the history that no two runs share


def photos(count: int = 96, side: int = 32) -> LabelledSet:
    """Noise with four labels: what is learned does not matter here."""
    random = generator(7)
    pixels = random.integers(0, 256, (count, side, side, 3)).astype(np.uint8)
    return LabelledSet(ImageArrays(pixels), Labels.from_dense(random.integers(0, 2, (count, 4)), list("abcd")))


def train(out: Path, workers: int, die_after: float | None, seldom: bool = False) -> int:
    """Train, or go on, in a forked process that may die by a signal it cannot handle; its exit status."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if die_after is not None:
        signal.setitimer(signal.ITIMER_REAL, die_after)  # nobody handles SIGALRM: the process ends at once
    polytag.session.REPORT_EVERY = polytag.train.saving.EVERY = 0.0  # every step is told and saved
    if seldom:
        epochs = itertools.count()
        Pace.due = lambda self, after_epoch: after_epoch and next(epochs) % 3 == 0  # type: ignore[method-assign]
    Training(
        data=photos(),
        out=out,
        backbone="test_efficientnet",
        weights="none",
        image_size=32,
        epochs=12,
        batch_size=16,
        accumulate=2,
        average=0.9,
        sam="plain",
        crop="sides",
        mix="mixup",
        frozen_epochs=3,
        patience=30,
        clip=1.0,
        workers=workers,
        resume=(out / "config.json").exists(),
    ).finish()
    os._exit(0)


def digest(out: Path) -> str:
    """Of everything that must not differ."""
    with (out / HISTORY).open() as file:
        rows = [[value for key, value in row.items() if key not in OF_TIME] for row in csv.DictReader(file)]
    whole = hashlib.sha256((out / WEIGHTS).read_bytes())
    state = load_tree(out / STATE)
    for name, value in sorted(state["train"]["method"].items()):
        whole.update(name.encode() + value.numpy().tobytes())
    for values in state["train"]["optimizer"]["state"].values():
        for value in values.values():
            whole.update(torch.as_tensor(value).numpy().tobytes())
    whole.update(repr((rows, state["train"]["step"], state["best"])).encode())
    return whole.hexdigest()


def main() -> None:
    """Kill, resume, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(f"{datetime.date.today()}, {platform.machine()}, torch {torch.__version__}, seed {args.seed}")
    random, folder = generator(args.seed), Path(tempfile.mkdtemp())
    started = time.monotonic()
    train(folder / "alone", 0, None)
    seconds, expected = time.monotonic() - started, digest(folder / "alone")
    print(f"left alone: {seconds:.1f} s, {expected[:16]}")
    kills = differences = number = 0
    while kills < args.kills:
        out, died = folder / f"run-{number}", 0
        workers, seldom = (0, 2)[number % 2], number % 4 > 1
        while died < KILLS_EACH and train(out, workers, float(random.uniform(0.02, 0.6) * seconds), seldom) < 0:
            died += 1
        train(out, workers, None, seldom)
        differs = digest(out) != expected
        kills, differences, number = kills + died, differences + differs, number + 1
        how = f"{workers} workers, saved {'seldom' if seldom else 'often'}, killed {died} times"
        print(f"training {number}: {how}: {'DIFFERS' if differs else 'equal'}", flush=True)
        shutil.rmtree(out)
    shutil.rmtree(folder)
    print(f"{kills} kills in {number} trainings: {differences} differences")


if __name__ == "__main__":
    main()
