"""The photos of a suite, prepared once for all of its trainings."""

import dataclasses
import shutil
from collections.abc import Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from polytag._checks import check_number
from polytag._files import write_atomic
from polytag._random import generator
from polytag.backbones import preprocessing_defaults
from polytag.bench.types import Row, Suite
from polytag.build import made
from polytag.data.digits import scenes
from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.data.longtail import long_tailed
from polytag.data.open import open_data
from polytag.data.pack import pack
from polytag.data.preprocessing import Preprocessing
from polytag.data.ready import Cache, Progress, ready
from polytag.data.splits import TRAIN, three_way
from polytag.errors import DataError, OptionError
from polytag.fit import Training
from polytag.labels import Labels
from polytag.labels.matrix import UNKNOWN
from polytag.relations import VECTORS

DIGITS = "digits"  # scenes of handwritten digits, which need no file
SEED = 0  # of splits, scenes and unknown entries: all trainings of a suite see the same

GROUPS = ("together", "apart")  # options of cpsd that name a file
NO_FILE = (None, "none", "pretrained")  # weights that are no file
STREAM = 20231  # of the draws of unknown entries, so that nothing else drawn with the same seed goes along with them


def suite_data(suite: Suite, root: Path | None) -> LabelledSet:
    """The photos that a suite names, split, with the long tail and as many unknown training labels as it wants.

    Where a suite drops photos without any label, that is before anything else.

    Args:
        suite: what to read.
        root: the folder that the path in the suite starts from.

    Raises:
        DataError: if there is no such data.
    """
    if suite.data == DIGITS:
        data = scenes(SEED)
    elif root is None:
        raise DataError(f"the suite {suite.name} reads {suite.data}; say with --data where that is")
    else:
        data = open_data(root / suite.data)
    if suite.unlabelled == "drop":
        data = data.select(np.flatnonzero(np.diff(data.labels.present.starts)))
    whole = long_tailed(data, suite.imbalance, SEED) if suite.imbalance else three_way(data, SEED).whole
    if suite.photos and whole.split is not None:
        firsts = [np.flatnonzero(whole.split == part)[: suite.photos] for part in range(len(SPLITS))]
        whole = whole.select(np.sort(np.concatenate(firsts)))
    return with_unknown(whole, suite.unknown) if suite.unknown else whole


def with_unknown(data: LabelledSet, share: float, seed: int = SEED) -> LabelledSet:
    """The same photos, with a share of the entries of the training photos made unknown, present and absent ones alike.

    Args:
        data: photos with splits.
        share: in ``[0, 1)``, the probability with which an entry is made unknown.
        seed: of the choice.
    """
    check_number("unknown", share, 0.0, 0.99)
    targets = data.labels.dense()  # (photos, classes)
    hidden = generator(seed, STREAM).random(targets.shape) < share
    if data.split is not None:
        hidden &= (data.split == TRAIN)[:, None]
    targets[hidden] = UNKNOWN
    labels = Labels.from_dense(targets, data.classes)
    return LabelledSet(data.images, labels, data.split, data.groups, data.notes, data.settled)


def pack_suite(
    suite: Suite, root: Path | None, folder: Path, quality: int | None = None
) -> Generator[Progress, None, None]:
    """Write what a suite needs at its size below another folder, which then takes the place of ``root``.

    Args:
        suite: whose rows must all take photos of one size.
        root: the folder that paths in the suite start from.
        folder: where the photos, labels and weights go, under the same paths.
        quality: see :func:`polytag.data.pack.pack`.

    Raises:
        OptionError: if there is nothing to pack, or the rows take photos of several sizes.
        PolytagError: if the data cannot be read or written.
    """
    if suite.data == DIGITS or root is None:
        raise OptionError(f"the suite {suite.name} has no photos in files to pack; choose one that reads from --data")
    shapes = {preprocessing_of(row) for row in suite.trained}
    if len(shapes) > 1:
        raise OptionError(f"the rows of {suite.name} take photos of several sizes; pack some --rows at a time")
    photos = 0 if suite.imbalance else suite.photos  # the first ones are counted once the others are left out
    plain = suite_data(
        dataclasses.replace(suite, unknown=0.0, imbalance=0.0, photos=photos), root
    )  # drawn on both sides
    table = folder / suite.data
    yield from pack(plain, shapes.pop(), table if table.suffix else table / "labels.csv", quality)
    for file in {file for row in suite.trained for _, file in files_of(row.options)}:
        write_atomic(folder / file, partial(shutil.copyfile, root / file))


def files_of(options: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The files that a row names below the folder of the data, each with its option: weights, words, groups."""
    files = [(key, value) for key, value in options.items() if _is_file(key, value)]
    return files + [file for value in options.values() if isinstance(value, Mapping) for file in files_of(value)]


def below(root: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """The same options with the paths of :func:`files_of` from ``root`` on."""
    return {
        key: below(root, value) if isinstance(value, Mapping) else str(root / value) if _is_file(key, value) else value
        for key, value in options.items()
    }


def _is_file(key: str, value: Any) -> bool:
    if key in GROUPS:
        return bool(value)
    return (key == "weights" and value not in NO_FILE) or (key == "vectors" and value not in VECTORS)


def preprocessing_of(row: Row) -> Preprocessing:
    """How the photos of a row are resized."""
    fields = {field.name: field.default for field in dataclasses.fields(Training)}
    return preprocessing_defaults(*(row.options.get(name, fields[name]) for name in ("backbone", "image_size")))


def skips(rows: Sequence[Row]) -> bool:
    """Whether every row is to leave out photos that cannot be read."""
    return all(row.options.get("on_bad_image") == "skip" for row in rows)


def decoded(data: LabelledSet, rows: Sequence[Row]) -> Generator[Progress, None, LabelledSet]:
    """The photos, opened once for all trainings of some rows, and kept in memory as their option ``cache`` says.

    They stay as they are where rows take them at several sizes or crops enlarge them: each training then decodes for
    itself. A photo that cannot be read is refused by name, or left out where every row is to skip such photos.

    Raises:
        DataError: if a photo cannot be read and may not be skipped, or there is no memory to keep them in.
    """
    shapes = {preprocessing_of(row) for row in rows}
    caches: set[Cache] = {row.options.get("cache", Training.cache) for row in rows}
    skip = skips(rows)
    if len(shapes) > 1 or any(made("crop", row.options.get("crop", Training.crop)).enlarges for row in rows):
        caches = {"none"}
    if caches == {"none"} and not skip:
        return data
    cache: Cache = caches.pop() if len(caches) == 1 else "auto"
    return (yield from ready(data, shapes.pop(), cache=cache, on_bad_image="skip" if skip else "stop"))
