"""Whether heat maps are where things are: ``python benchmarks/pointing.py RUN ... --data VOC``.

On the boxes of a VOC folder's test photos. The pointing game: how often the hottest place of a label that is there lies
in one of its boxes, a mean over labels, beside the same for the middle of the photo. Insertion and deletion: the mean
probability of the label while the hottest places, a tenth at a time, are put into a blurred photo (higher is better) or
taken out of it (lower is better); for some of the pairs, the same ones for every run. Each run is asked by every way
that its head has. A map of zeros, as Grad-CAM may give, points nowhere and misses; their share stands beside. Places
that are equally hot are put in and taken out in a random order, the same for all runs.
Runs that differ in their seed alone are one line: the mean, and in brackets the standard deviation. Boxes that cover
the whole photo are left out.
"""

import argparse
import datetime
import json
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from polytag import Explainer
from polytag._random import generator
from polytag.run import Run

Box = tuple[float, float, float, float]  # left, top, right, bottom, as shares of the photo
STEPS = 10
COLUMNS = ("pointing", "insertion", "deletion", "empty")


def boxes_of(path: Path) -> dict[str, list[Box]]:
    """The boxes of each label of one photo."""
    root = ElementTree.parse(path).getroot()
    width, height = (float(root.findtext(f"size/{side}", "0")) for side in ("width", "height"))
    found: dict[str, list[Box]] = defaultdict(list)
    for thing in root.iter("object"):
        left, top, right, bottom = (float(thing.findtext(f"bndbox/{s}", "0")) for s in ("xmin", "ymin", "xmax", "ymax"))
        box = ((left - 1) / width, (top - 1) / height, right / width, bottom / height)  # the first pixel is 1
        if (box[2] - box[0]) * (box[3] - box[1]) < 0.95:
            found[thing.findtext("name", "")].append(box)
    return found


def hits(heat: NDArray[np.float32], boxes: Sequence[Box]) -> bool:
    """Whether the hottest place is in a box; a map of zeros has none."""
    if not heat.any():
        return False
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    return inside(((column + 0.5) / heat.shape[1], (row + 0.5) / heat.shape[0]), boxes)


def inside(place: tuple[float, float], boxes: Sequence[Box]) -> bool:
    """Whether a place, shares of width and height, is in one of the boxes."""
    return any(left <= place[0] <= right and top <= place[1] <= bottom for left, top, right, bottom in boxes)


def curves(
    explainer: Explainer, photo: NDArray[np.uint8], heat: NDArray[np.float32], column: int
) -> tuple[float, float]:
    """Insertion and deletion: mean probabilities over the steps."""
    size = (photo.shape[1], photo.shape[0])
    smooth = np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.BILINEAR))
    ties = generator(0).permutation(smooth.size)  # where a map is flat, no place is hotter than another
    ranks = np.lexsort((ties, smooth.ravel())).argsort().reshape(smooth.shape) / smooth.size  # hottest last
    blurred = np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(max(size) / 20)))
    pictures = []
    for step in range(STEPS + 1):
        hot = (ranks >= 1 - step / STEPS)[..., None]
        pictures += [np.where(hot, photo, blurred), np.where(hot, blurred, photo)]
    resized = np.stack([explainer.run.preprocessing.resize(picture) for picture in pictures])
    with torch.no_grad():
        images = torch.from_numpy(explainer.run.preprocessing.normalize(resized)).to(explainer.device)
        scores = explainer.model(images)[:, column].sigmoid().cpu().numpy().reshape(-1, 2).mean(axis=0)
    return float(scores[0]), float(scores[1])


def judge(explainer: Explainer, photos: dict[Path, dict[str, list[Box]]], chosen: set[tuple[Path, str]]) -> list[float]:
    """The numbers of ``COLUMNS`` of one run and way, in percent."""
    pointed: dict[str, list[bool]] = defaultdict(list)
    inserted, deleted, empty = [], [], []
    for path, boxes in photos.items():
        labels = [label for label in boxes if label in explainer.classes]
        (explanation,) = explainer.explain([path], labels)
        for heat in explanation.heats:
            pointed[heat.label].append(hits(heat.map, boxes[heat.label]))
            empty.append(not heat.map.any())
            if (path, heat.label) in chosen:
                scores = curves(explainer, explanation.photo, heat.map, explainer.classes.index(heat.label))
                inserted.append(scores[0])
                deleted.append(scores[1])
    parts = ([np.mean(h) for h in pointed.values()], inserted, deleted, empty)
    return [100 * float(np.mean(part)) for part in parts]


def rows_of(runs: Sequence[Path]) -> dict[str, list[Path]]:
    """Runs that differ in their seed alone together, by the name of the first one without its seed."""
    rows: dict[str, list[Path]] = defaultdict(list)
    for run in runs:
        config = Run.open(run).config
        same = {key: value for key, value in config["training"].items() if key not in ("seed", "out", "command")}
        rows[json.dumps([config["model"], same], sort_keys=True)].append(run)
    return {re.sub(r"-seed-\d+.*", "", row[0].name): row for row in rows.values()}


def main() -> None:
    """Print a table of runs and ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--data", type=Path, required=True, metavar="VOC", help="with Annotations and ImageSets")
    parser.add_argument("--photos", type=int, default=0, metavar="N", help="only the first N")
    parser.add_argument("--pairs", type=int, default=200, metavar="N", help="of insertion and deletion (default: 200)")
    args = parser.parse_args()
    names = (args.data / "ImageSets" / "Main" / "test.txt").read_text().split()
    annotated = {name: boxes_of(args.data / "Annotations" / f"{name}.xml") for name in names}
    kept = {args.data / "JPEGImages" / f"{name}.jpg": boxes for name, boxes in annotated.items() if boxes}
    classes = set(Explainer(args.runs[0]).classes)
    photos = {path: {k: v for k, v in boxes.items() if k in classes} for path, boxes in kept.items()}
    photos = dict([item for item in photos.items() if item[1]][: args.photos or None])
    pairs = sorted((path, label) for path, boxes in photos.items() for label in boxes)
    chosen = set(random.Random(0).sample(pairs, min(args.pairs, len(pairs))))
    middle: dict[str, list[bool]] = defaultdict(list)
    for boxes in photos.values():
        for label, own in boxes.items():
            middle[label].append(inside((0.5, 0.5), own))
    print(
        f"{datetime.date.today()}, {len(photos)} test photos, {len(pairs)} labels with boxes, "
        f"{len(chosen)} of them put in and taken out"
    )
    print(f"{'row':<36}{'way':<12}{'runs':>4}" + "".join(f"{column:>14}" for column in COLUMNS))
    print(f"{'the middle of the photo':<52}{100 * np.mean([np.mean(h) for h in middle.values()]):>7.1f}")
    for name, runs in rows_of(args.runs).items():
        for way in Explainer(runs[0]).ways:
            numbers = np.array([judge(Explainer(run, way, workers=0), photos, chosen) for run in runs])  # (runs, 4)
            spread = numbers.std(axis=0, ddof=1) if len(runs) > 1 else np.full(len(COLUMNS), np.nan)
            cells = (
                f"{mean:.1f} ({deviation:.1f})" for mean, deviation in zip(numbers.mean(axis=0), spread, strict=True)
            )
            print(f"{name:<36}{way:<12}{len(runs):>4}" + "".join(f"{cell:>14}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
