"""Whether heat maps are where things are: ``python benchmarks/pointing.py RUN ... --data VOC``.

On the boxes of a VOC folder's test photos; boxes that cover the whole photo are left out. Each run is asked by every
way that its head has; runs that differ in their seed alone are one line, the mean over seeds.

The pointing game (Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016): how often the hottest
place of a label that is there lies in one of its boxes or within 15 of 224 pixels of it, a mean over labels with boxes
on enough photos, and the difference to the first line: its 95% interval covers seeds and photos. A map of zeros, as
Grad-CAM may give, points nowhere and misses; their share is "empty". What the middle of every photo scores, where most
things are, and what any place by chance, stand above the table. Maps are coarse, so not every box can be hit: "at
best" is the score of a map of that size that always points at the right cell.

Insertion and deletion (Petsiuk, Das, Saenko, "RISE", BMVC 2018), for some of the pairs, the same for every run: the
mean probability of the label while a tenth of the photo at a time is put into a blurred copy, or blurred, the hottest
places first; how much higher, and how much lower, than with places in a random order. The same model is asked for both,
so that a model is not ahead by being surer of itself. Places that are equally hot take turns in that random order, too.
"""

import argparse
import datetime
import json
import random
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from polytag import Explainer
from polytag._random import generator
from polytag.metrics.bootstrap import Difference, Measured, difference_of_measured, photo_counts
from polytag.run import Run

Box = tuple[float, float, float, float]  # left, top, right, bottom, as shares of the photo
Photos = Mapping[Path, Mapping[str, Sequence[Box]]]
TOLERANCE = 15 / 224  # of a side
STEPS, DRAWS = 10, 1000
FINE = (16, 16)  # places of a photo that are tried for what chance hits
COLUMNS = ("pointing", "at best", "difference to the first line", "insertion", "deletion", "empty")
WIDTHS = (12, 8, 36, 10, 9, 6)


class Answers(NamedTuple):
    """Of one run, asked by one way."""

    hits: NDArray[np.float64]  # (photos, labels) of 1 and 0, NaN where a label has no box
    within: NDArray[np.float64]  # the same of a map that always points at the right place
    inserted: float  # points of probability above a random order
    deleted: float  # and below it
    empty: float  # share of maps that are zero


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


def near(place: tuple[float, float], boxes: Sequence[Box]) -> bool:
    """Whether a place, shares of width and height, is in one of the boxes or within ``TOLERANCE`` of it."""
    outside = [
        (max(left - place[0], place[0] - right, 0.0), max(top - place[1], place[1] - bottom, 0.0))
        for left, top, right, bottom in boxes
    ]
    return any(np.hypot(*far) <= TOLERANCE for far in outside)


def middle_of(shape: tuple[int, ...], row: int, column: int) -> tuple[float, float]:
    """The middle of a cell of a map, shares of width and height."""
    return (column + 0.5) / shape[1], (row + 0.5) / shape[0]


def hits(heat: NDArray[np.float32], boxes: Sequence[Box]) -> bool:
    """Whether the hottest place is in or near a box; a map of zeros has none."""
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    return bool(heat.any()) and near(middle_of(heat.shape, row, column), boxes)


def within_reach(shape: tuple[int, ...], boxes: Sequence[Box]) -> bool:
    """Whether any cell of a map could hit."""
    return any(near(middle_of(shape, *cell), boxes) for cell in np.ndindex(shape[0], shape[1]))


def hit_by(places: Sequence[tuple[float, float]], photos: Photos, labels: Sequence[str]) -> NDArray[np.float64]:
    """The share of places that hit a label on a photo: ``(photos, labels)`` in ``[0, 1]``, NaN where it has no box."""
    shares = np.full((len(photos), len(labels)), np.nan)
    for row, boxes in enumerate(photos.values()):
        for label, own in boxes.items():
            shares[row, labels.index(label)] = np.mean([near(place, own) for place in places])
    return shares


def curves(
    explainer: Explainer, photo: NDArray[np.uint8], heat: NDArray[np.float32], column: int
) -> NDArray[np.float64]:
    """Insertion and deletion, in the pixels that the model sees: mean probabilities over the steps, ``(2,)``."""
    photo = explainer.run.preprocessing.resize(photo)
    size = (photo.shape[1], photo.shape[0])
    smooth = np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.BILINEAR))
    ties = generator(0).permutation(smooth.size)  # where a map is flat, no place is hotter than another
    ranks = np.lexsort((ties, smooth.ravel())).argsort().reshape(smooth.shape) / smooth.size  # hottest last
    blurred = np.asarray(Image.fromarray(photo).filter(ImageFilter.GaussianBlur(max(size) / 20)))
    pictures = []
    for step in range(STEPS + 1):
        hot = (ranks >= 1 - step / STEPS)[..., None]
        pictures += [np.where(hot, photo, blurred), np.where(hot, blurred, photo)]
    with torch.no_grad():
        images = torch.from_numpy(explainer.run.preprocessing.normalize(np.stack(pictures))).to(explainer.device)
        scores = explainer.model(images)[:, column].double().sigmoid().cpu().numpy()
    mean: NDArray[np.float64] = scores.reshape(-1, 2).mean(axis=0)
    return mean


def judge(
    explainer: Explainer,
    photos: Photos,
    labels: Sequence[str],
    chosen: set[tuple[Path, str]],
    by_chance: dict[tuple[Path, str], NDArray[np.float64]],
) -> Answers:
    """Ask one run by one way.

    Args:
        explainer: of the run.
        photos: the boxes of each label of each photo.
        labels: all that have boxes.
        chosen: pairs of photo and label whose places are put in and taken out.
        by_chance: what a random order gave this model; filled here, and shared by its ways.
    """
    hit, within = np.full((2, len(photos), len(labels)), np.nan)
    gained, empty = [np.zeros((0, 2))], []
    for row, (path, boxes) in enumerate(photos.items()):
        (explanation,) = explainer.explain([path], list(boxes))
        for heat in explanation.heats:
            own, place = boxes[heat.label], labels.index(heat.label)
            hit[row, place], within[row, place] = hits(heat.map, own), within_reach(heat.map.shape, own)
            empty.append(not heat.map.any())
            if (pair := (path, heat.label)) in chosen:
                asked = (explainer, explanation.photo, heat.map, explainer.classes.index(heat.label))
                if pair not in by_chance:
                    by_chance[pair] = curves(asked[0], asked[1], np.zeros_like(heat.map), asked[3])
                gained.append((curves(*asked) - by_chance[pair])[None])
    better = np.concatenate(gained).mean(axis=0) if len(gained) > 1 else np.full(2, np.nan)
    return Answers(hit, within, float(better[0]), -float(better[1]), float(np.mean(empty)))


def pointing(hit: NDArray[np.float64], least: int, counts: NDArray[np.int32] | None = None) -> NDArray[np.float64]:
    """The mean over labels with boxes on ``least`` photos, on photos drawn ``counts`` times: ``(draws,)``."""
    drawn = np.ones((len(hit), 1)) if counts is None else counts  # (photos, draws)
    known = ~np.isnan(hit)
    kept = known.sum(axis=0) >= least
    there = known[:, kept].T.astype(float) @ drawn  # (labels, draws)
    found = np.nan_to_num(hit)[:, kept].T @ drawn
    mean: NDArray[np.float64] = np.nanmean(np.where(there > 0, found / np.maximum(there, 1), np.nan), axis=0)
    return mean


def measured(answers: Answers, least: int) -> Measured:
    """Its pointing game on the photos as they are, and on photos drawn anew."""
    counts = np.stack([photo_counts(len(answers.hits), 0, draw) for draw in range(DRAWS)], axis=1)
    return Measured({"hits": float(pointing(answers.hits, least)[0])}, {"hits": pointing(answers.hits, least, counts)})


def rows_of(runs: Sequence[Path]) -> dict[str, list[Path]]:
    """Runs that differ in their seed alone together, by the name of the first one without its seed."""
    rows: dict[str, list[Path]] = defaultdict(list)
    for run in runs:
        config = Run.open(run).config
        same = {key: value for key, value in config["training"].items() if key not in ("seed", "out", "command")}
        rows[json.dumps([config["model"], same], sort_keys=True)].append(run)
    for row in rows.values():  # differences are taken seed by seed
        row.sort(key=lambda run: int(Run.open(run).config["training"]["seed"]))
    short = [re.sub(r"-seed-\d+.*", "", row[0].name) for row in rows.values()]
    whole = [re.sub(r"-seed-\d+", "", row[0].name) for row in rows.values()]  # with what tells it from others
    names = [long if short.count(name) > 1 else name for name, long in zip(short, whole, strict=True)]
    if len(set(names)) < len(names):
        raise SystemExit(f"two of these runs have one name and are not alike; leave one out: {', '.join(names)}")
    return dict(zip(names, rows.values(), strict=True))


def opened(runs: Sequence[Path]) -> dict[str, list[Path]]:
    """:func:`rows_of`, of runs that have weights and the same classes."""
    first = Run.open(runs[0])
    for run in map(Run.open, runs):
        run.load_weights()  # refuses where there are none
        if set(run.classes) != set(first.classes):
            raise SystemExit(f"{run.path} has other labels than {first.path}; give runs of the same data")
    return rows_of(runs)


def cells(asked: Sequence[Answers], least: int, difference: Difference | None) -> list[str]:
    """What the table says of a row, in percent and points."""
    values = [100 * float(pointing(one.hits, least)[0]) for one in asked]
    spread = f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else ""
    best = 100 * float(np.mean([pointing(one.within, least)[0] for one in asked]))
    means = 100 * np.array([[one.inserted, one.deleted, one.empty] for one in asked]).mean(axis=0)
    told = ""
    if difference:
        value, low, high = (100 * number for number in difference[:3])
        told = f"{value:+.1f} [{low:+.1f}, {high:+.1f}] {difference.verdict}"
    rest = ["-" if np.isnan(mean) else f"{mean:+.1f}" for mean in means[:2]]
    return [f"{np.mean(values):.1f}{spread}", f"{best:.1f}", told, *rest, f"{means[2]:.1f}"]


def main() -> None:
    """Print a table of runs and ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="the first is compared with")
    parser.add_argument("--data", type=Path, required=True, metavar="VOC", help="with Annotations and ImageSets")
    parser.add_argument("--photos", type=int, default=0, metavar="N", help="only the first N")
    parser.add_argument("--pairs", type=int, default=200, metavar="N", help="of insertion and deletion (default: 200)")
    parser.add_argument(
        "--least", type=int, default=10, metavar="N", help="photos of a label that counts (default: 10)"
    )
    args = parser.parse_args()
    rows = opened(args.runs)
    names = (args.data / "ImageSets" / "Main" / "test.txt").read_text().split()
    annotated = {name: boxes_of(args.data / "Annotations" / f"{name}.xml") for name in names}
    classes = set(Run.open(args.runs[0]).classes)
    known = {name: {k: v for k, v in boxes.items() if k in classes} for name, boxes in annotated.items()}
    photos = {args.data / "JPEGImages" / f"{name}.jpg": boxes for name, boxes in known.items() if boxes}
    photos = dict(list(photos.items())[: args.photos or None])
    labels = sorted({label for boxes in photos.values() for label in boxes})
    pairs = sorted((path, label) for path, boxes in photos.items() for label in boxes)
    counted = [label for label in labels if sum(label in boxes for boxes in photos.values()) >= args.least]
    if not counted:
        raise SystemExit(f"no label has boxes on {args.least} of these photos; choose a smaller --least")
    chosen = set(random.Random(0).sample(pairs, min(args.pairs, len(pairs))))
    middle = hit_by([(0.5, 0.5)], photos, labels)
    anywhere = hit_by([middle_of(FINE, *cell) for cell in np.ndindex(FINE)], photos, labels)
    print(f"{datetime.date.today()}, {len(photos)} test photos, {len(pairs)} pairs of a photo and a label with boxes;")
    print(f"{len(counted)} labels have boxes on {args.least} photos or more; {len(chosen)} pairs put in and taken out")
    head = "".join(f"{column:>{width + 2}}" for column, width in zip(COLUMNS, WIDTHS, strict=True))
    widest = max(map(len, [*rows, "the middle of the photo"])) + 2
    print(f"{'row':<{widest}}{'way':<10}{'runs':>4}{head}")
    print(f"{'the middle of the photo':<{widest + 14}}{100 * pointing(middle, args.least)[0]:>11.1f}")
    print(f"{'any place, by chance':<{widest + 14}}{100 * pointing(anywhere, args.least)[0]:>11.1f}")
    first: list[Measured] = []
    for name, runs in rows.items():
        by_chance: dict[Path, dict[tuple[Path, str], NDArray[np.float64]]] = defaultdict(dict)
        for way in Explainer(runs[0]).ways:
            asked = [judge(Explainer(run, way, workers=0), photos, labels, chosen, by_chance[run]) for run in runs]
            own = [measured(one, args.least) for one in asked]
            comparable = first and len(own) == len(first)
            difference = difference_of_measured(own, first)["hits"] if comparable else None
            first = first or own
            line = "".join(
                f"{cell:>{width + 2}}" for cell, width in zip(cells(asked, args.least, difference), WIDTHS, strict=True)
            )
            print(f"{name:<{widest}}{way:<10}{len(runs):>4}{line}", flush=True)


if __name__ == "__main__":
    main()
