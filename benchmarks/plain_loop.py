"""polytag against the plain timm loop that an afternoon gives, on the same photos, weights, epochs and seeds.

    python benchmarks/plain_loop.py DATA --weights FILE --epochs 12 --seeds 0 1 2

Both have their photos decoded in memory and take turns, seed by seed. Each keeps the epoch with the best validation
mAP and is judged once on the test photos. Prints test mAP (percent) and training images a second of every run, the
means with their standard deviations, and whether polytag is ahead by more than the larger of the two. With --keep FILE
a run that is finished is not done again, so that seeds may be computed one after the other or side by side. With --row
NAME polytag trains as that row of suites/ucm10.toml instead of by its defaults; where the row is asked about several
views of a photo, the plain loop is judged a second time by the same ones, which need nothing of polytag's training.
"""

import argparse
import copy
import csv
import dataclasses
import datetime
import json
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch.nn.functional import binary_cross_entropy_with_logits

from polytag import LabelledSet, Training, open_data
from polytag.backbones import preprocessing_defaults
from polytag.bench.suite import read_suite
from polytag.data.preprocessing import Preprocessing
from polytag.data.splits import three_way
from polytag.metrics import average_precision
from polytag.views import with_views

BACKBONE, BATCH, SIDE = "mobilenetv2_100", 32, 192


class Result(NamedTuple):
    """What one run gave."""

    test_map: float  # percent
    speed: float  # training images a second
    in_views: float = math.nan  # test mAP of the plain loop in the views of polytag's row, percent


def plain(data: LabelledSet, weights: Path, epochs: int, every: int, seed: int, tta: str = "none") -> Result:
    """Written as one writes it: BCE, AdamW at a constant rate, flips, channels last; trains without polytag."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    parts = [decoded(part) for part in three_way(data, 0)[:3]]
    (photos, targets), val, test = parts
    model: Any = timm.create_model(BACKBONE)
    model.load_state_dict(load_file(weights))
    model.reset_classifier(targets.shape[1])
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.01)
    best, kept, seconds, seen = -1.0, model.state_dict(), 0.0, 0
    for epoch in range(1, epochs + 1):
        model.train()
        start = time.perf_counter()
        order = random.permutation(len(photos))
        for at in range(0, len(order) - BATCH + 1, BATCH):
            rows = torch.from_numpy(order[at : at + BATCH])
            images = photos[rows]
            flipped = torch.from_numpy(random.random(BATCH) < 0.5)
            images[flipped] = images[flipped].flip(3)
            loss = binary_cross_entropy_with_logits(model(normalized(images)), targets[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            seen += BATCH
        seconds += time.perf_counter() - start
        if epoch % every == 0 or epoch == epochs:
            score = judged(model, val)
            if score > best:
                best, kept = score, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    views = math.nan if tta == "none" else 100 * judged(with_views(model, tta), test)
    return Result(100 * judged(model, test), seen / seconds, views)


Decoded = tuple[torch.Tensor, torch.Tensor]


def decoded(part: LabelledSet) -> Decoded:
    """Photos ``(n, 3, h, w)`` of uint8, squashed, and targets ``(n, classes)``."""
    resize = sized().resize
    pixels = np.stack([resize(part.images.load(row)) for row in range(len(part))])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(part.labels.dense().astype(np.float32))


def sized() -> Preprocessing:
    """The preprocessing of the backbone at the side of this comparison."""
    return dataclasses.replace(preprocessing_defaults(BACKBONE), image_size=(SIDE, SIDE))


def normalized(images: torch.Tensor) -> torch.Tensor:
    """Float pixels, ImageNet's mean and deviation taken out."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (sized().mean, sized().std))
    return (images.float() / 255 - mean) / std


def judged(model: torch.nn.Module, part: Decoded) -> float:
    """The mAP of a model, 0 to 1."""
    model.eval()
    with torch.inference_mode():
        scores = torch.cat([model(normalized(photos)) for photos in torch.split(part[0], 64)])
    values: NDArray[np.float64] = average_precision(scores.numpy(), part[1].numpy().astype(np.int8))
    return float(np.nanmean(values))


def options_of(row: str) -> dict[str, Any]:
    """The options of a row of the suite; none for the defaults."""
    rows = read_suite(Path(__file__).parent / "suites" / "ucm10.toml", "full").trained
    known = {one.name: one.options for one in rows}
    if row and row not in known:
        raise SystemExit(f"--row must be one of {', '.join(known)}, got {row!r}")
    return dict(known[row]) if row else {}


def ours(data: LabelledSet, weights: Path, epochs: int, every: int, seed: int, row: str = "") -> Result:
    """`polytag train` with its defaults or as a row says, but for what the comparison fixes and the measured speed."""
    fixed: dict[str, Any] = {
        "backbone": BACKBONE,
        "weights": str(weights),
        "image_size": SIDE,
        "epochs": epochs,
        "batch_size": BATCH,
        "evaluate_every": every,
        "speed": "auto",
    }
    with tempfile.TemporaryDirectory() as folder:
        run = Training(data=data, out=Path(folder), seed=seed, **{**options_of(row), **fixed}).finish()
        with (run.path / "history.csv").open() as file:
            rows = list(csv.DictReader(file))
        photos = sum(float(row["seconds"]) * float(row["images_per_second"]) for row in rows)
        return Result(100 * run.metrics["test"]["mAP"], photos / sum(float(row["seconds"]) for row in rows))


def _key_value(line: str) -> tuple[tuple[Any, ...], Result]:
    key, values = json.loads(line)
    return tuple(key), Result(*values)


def told(maps: Sequence[float]) -> str:
    """Mean and standard deviation over seeds."""
    deviation = statistics.stdev(maps) if len(maps) > 1 else math.nan
    return f"mean {statistics.mean(maps):.2f}  sd {deviation:.2f}"


def compared(maps: Sequence[float], base: Sequence[float]) -> str:
    """Whether the mean is higher by more than the larger standard deviation."""
    gain = statistics.mean(maps) - statistics.mean(base)
    noise = max(map(statistics.stdev, (maps, base))) if len(maps) > 1 else math.nan
    return f"difference {gain:+.2f}, larger sd {noise:.2f}: {'ahead' if gain > noise else 'NOT ahead'}"


def main() -> None:
    """Run both in turn and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help=f"ImageNet weights of timm's {BACKBONE}")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--every", type=int, default=1, help="epochs from one validation to the next")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--row", default="", metavar="NAME", help="of suites/ucm10.toml (default: polytag's defaults)")
    parser.add_argument("--keep", type=Path, help="JSON lines of finished runs, read and added to")
    args = parser.parse_args()
    torch.set_num_threads(len(os.sched_getaffinity(0)))  # `taskset` gives it fewer cores
    data = open_data(args.data)
    print(f"{args.data.name}: {args.epochs} epochs, {BACKBONE}, {SIDE} px, batch {BATCH}")
    print(f"{datetime.date.today()}, {platform.machine()}, {torch.get_num_threads()} cores, torch {torch.__version__}")
    own = args.row or "polytag"
    tta = options_of(args.row).get("tta", "none")  # a wrong name is refused before anything is trained
    runs_of: dict[str, Callable[..., Result]] = {
        "plain loop": partial(plain, tta=tta),
        own: partial(ours, row=args.row),
    }
    results: dict[str, list[Result]] = {name: [] for name in runs_of}
    width = max(map(len, runs_of))
    for seed in args.seeds:
        for name, run in runs_of.items():
            judged_in = f"{name}, tta {tta}" if run is runs_of["plain loop"] and tta != "none" else name
            key = [args.data.parent.name, args.data.name, args.epochs, args.every, judged_in, seed]
            kept = dict(map(_key_value, args.keep.read_text().splitlines())) if args.keep and args.keep.exists() else {}
            last = kept.get(tuple(key)) or run(data, args.weights, args.epochs, args.every, seed)
            if args.keep and tuple(key) not in kept:
                with args.keep.open("a") as file:
                    file.write(json.dumps([key, last]) + "\n")
            results[name].append(last)
            print(f"seed {seed}  {name:{width}}  test mAP {last.test_map:6.2f}  {last.speed:6.1f} img/s", flush=True)
    bases, runs = results.values()
    for name, of in results.items():
        speed = statistics.median(run.speed for run in of)
        print(f"{name:{width}}  {told([run.test_map for run in of])}  median {speed:.1f} img/s")
    ratio = statistics.median(b.speed / a.speed for a, b in zip(bases, runs, strict=True))
    maps = [run.test_map for run in runs]
    print(f"{compared(maps, [run.test_map for run in bases])}; speed {ratio:.2f}x")
    if tta != "none":
        in_views = [run.in_views for run in bases]
        print(f"plain loop asked by tta {tta}: {told(in_views)}; {compared(maps, in_views)}")


if __name__ == "__main__":
    main()
