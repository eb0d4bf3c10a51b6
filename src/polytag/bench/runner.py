"""Every training of a suite: what is finished is kept, what was interrupted goes on."""

import dataclasses
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from polytag.bench.data import below, decoded, files_of, skips, suite_data
from polytag.bench.types import Row, Suite
from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.data.ready import Progress
from polytag.errors import OptionError
from polytag.fit import Training
from polytag.fits import arguments_of, content_name, finish_once
from polytag.parallel import run_all
from polytag.run import FITS, METRICS
from polytag.run_config import FREE
from polytag.run_folder import has_run
from polytag.scores import LARGEST

RUNS = "runs"  # folder of the run folders


@dataclass(frozen=True)
class Planned:
    """One training of a suite."""

    row: str
    seed: int
    training: Training
    number: int  # from 1
    total: int


def finish(planned: Planned) -> None:
    """Train to the end, or wait where another process does the same training."""
    finish_once(planned.training)


def run_suite(
    suite: Suite,
    root: Path | None,
    out: Path,
    *,
    jobs: int = 1,
    jobs_on: Literal["processes", "ray"] = "processes",
    train: Callable[[Planned], None] = finish,
) -> Generator[Progress, None, dict[str, list[Path]]]:
    """Train what is not trained yet; an ensemble is no training.

    Args:
        suite: the trainings.
        root: the folder that paths in the suite start from.
        out: where run folders go, below ``runs/``, one for each row, seed and what they are made of: a suite that is
            changed trains again what the change is about.
        jobs: trainings at once.
        jobs_on: what runs them, where they are several.
        train: does one; picklable.

    Returns:
        The run folders of each row that is trained, in the order of the seeds.

    Raises:
        PolytagError: if the data cannot be read, or a training is refused or fails; the finished ones are kept.
    """
    data = suite_data(suite, root)
    planned, waiting = _planned(suite, data, root, out)
    if waiting or skips(suite.trained):  # photos that cannot be read are not in the data that a run is known by
        data = yield from decoded(data, suite.trained)
        planned, waiting = _planned(suite, data, root, out)
    _check_size(data, suite)
    if root is not None:
        _check_files([row for row in suite.trained if row.name in {one.row for one in waiting.values()}], root)
    run_all(train, waiting, backend=jobs_on if jobs > 1 else "sequence", processes=jobs)
    folders: dict[str, list[Path]] = {row.name: [] for row in suite.trained}
    for one in planned.values():
        folders[one.row].append(one.training.out)
    return folders


def _planned(
    suite: Suite, data: LabelledSet, root: Path | None, out: Path
) -> tuple[dict[str, Planned], dict[str, Planned]]:
    """All trainings by what they are called, and those that are not finished."""
    fingerprint = data.fingerprint()
    total = len(suite.trained) * len(suite.seeds)
    planned: dict[str, Planned] = {}
    for seed in suite.seeds:  # all rows of a seed before the next one: a table can be made early
        for row in suite.trained:
            training = _training(row, seed, data, fingerprint, root, out / RUNS)
            planned[f"{row.name}, seed {seed}"] = Planned(row.name, seed, training, len(planned) + 1, total)
    return planned, {name: one for name, one in planned.items() if not (one.training.out / METRICS).exists()}


def _check_size(data: LabelledSet, suite: Suite) -> None:
    """Refuse before any training what no table could be made of."""
    photos = 0 if data.split is None else int((data.split == SPLITS.index(suite.split)).sum())
    if data.split is not None and not photos:
        raise OptionError(
            f"no photo is marked as {suite.split} in {suite.data}, so there could be no table; mark some, or leave the "
            "column of splits out"
        )
    if photos * len(data.classes) > LARGEST:
        raise OptionError(
            f"the answers on {photos} {suite.judged_on} photos and {len(data.classes)} labels are over {LARGEST} "
            "numbers, which no run keeps, so there could be no table; set photos, in the suite, to fewer a split"
        )


def _check_files(rows: Sequence[Row], root: Path) -> None:
    """Refuse before any training what rows would not find when their turn comes."""
    for row in rows:
        for _, file in files_of(row.options):
            if not (root / file).exists():
                raise OptionError(f"the row {row.name} starts from {file}, and there is none in {root}")


def _training(row: Row, seed: int, data: LabelledSet, fingerprint: str, root: Path | None, folder: Path) -> Training:
    plain = Training(data=data, out=folder, seed=seed, command=f"{row.name}, seed {seed}", **row.options)
    for _, file in files_of(row.options):
        if root is None:
            raise OptionError(f"the row {row.name} starts from {file}; say with --data where that is")
    weights = row.options.get("weights")
    key = {"arguments": arguments_of(plain, (*FREE, "weights")), "weights": weights, "data": fingerprint}
    out = folder / content_name(f"{row.name} seed {seed}", key)  # wherever the files are
    there = {} if root is None else below(root, {name: getattr(plain, name) for name in ("weights", "head", "method")})
    shared = str(folder.parent / FITS)  # by all rows: teachers that two of them need are trained once
    return dataclasses.replace(plain, **there, out=out, resume=has_run(out), fits=shared)
