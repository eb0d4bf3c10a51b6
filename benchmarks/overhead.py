"""What it costs to be told and to be safe: ``python benchmarks/overhead.py``.

Measures, on a training of mobilenetv2_100 with 53 labels, the seconds of a step, of a `Step` event (the device is read,
the bar moves) and of a save of the whole training state, flushed to the disk; and gives their share of a training that
is told every ten steps and saved every minute.
"""

import argparse
import datetime
import io
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from tqdm import tqdm

from polytag._random import generator
from polytag.build import build_loss, build_model
from polytag.data.augment.flip import Flip
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.loader import Loader
from polytag.data.preprocessing import Preprocessing
from polytag.labels import Labels
from polytag.method import Context
from polytag.methods.supervised import Supervised
from polytag.recorder import Recorder
from polytag.train.loop import Step, train
from polytag.train.optimizers import adamw
from polytag.train.schedules import OneCycle

CLASSES, BATCH, STEPS_A_WORD, SECONDS_A_SAVE, LIMIT = 53, 32, 10, 60.0, 0.01


def seconds(call: Callable[[], object], times: int) -> float:
    """Median of several calls."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=192, help="pixels")
    parser.add_argument("--backbone", default="mobilenetv2_100")
    args = parser.parse_args()
    random, size = generator(0), (args.side, args.side)
    pixels = random.integers(0, 256, (2 * BATCH, *size, 3)).astype(np.uint8)
    targets = random.integers(0, 2, (2 * BATCH, CLASSES))
    data = LabelledSet(ImageArrays(pixels), Labels.from_dense(targets, [f"tag {n}" for n in range(CLASSES)]))
    method = Supervised(build_model(args.backbone, "linear", CLASSES, image_size=size), build_loss("bce"))
    steps = train(
        method,
        Loader(data, Preprocessing(size), Flip(), workers=0),
        epochs=6,
        batch_size=BATCH,
        optimizer=lambda trained: adamw(trained, 1e-3, 0.01),
        schedule=OneCycle(),
        context=Context(Accelerator(cpu=True), 0),
        average=0.9997,
        report_every=0.0,
    )
    event = next(event for event in steps if isinstance(event, Step))
    a_step = seconds(lambda: next(steps), 7)
    bar = tqdm(total=10**6, file=io.StringIO(), mininterval=0.0)

    def told() -> None:
        [float(value) for value in event.state.sums.values()]
        bar.update()
        bar.refresh()

    a_word = seconds(told, 200)
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder), {}, "mAP")
        a_save = seconds(lambda: recorder.save(event), 7)
    share = a_word / (STEPS_A_WORD * a_step) + a_save / SECONDS_A_SAVE
    print(f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}")
    print(f"step {1e3 * a_step:.0f} ms, told {1e3 * a_word:.2f} ms, saved {1e3 * a_save:.0f} ms")
    print(f"told every {STEPS_A_WORD} steps, saved every {SECONDS_A_SAVE:.0f} s: {share:.2%} of the training")
    print("under 1%" if share < LIMIT else "NOT under 1%")


if __name__ == "__main__":
    main()
