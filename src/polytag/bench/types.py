"""What a suite asks for and what a table says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polytag.labels.facts import TAIL
from polytag.metrics.bootstrap import Difference
from polytag.scores import PARTS, SCORES, VAL_SCORES

MEASURES = ("mAP", "CF1", "OF1")
COMPARED = (*MEASURES, *TAIL)  # in every table, with the baseline by an interval
SCORES_OF = {"test": SCORES, "val": VAL_SCORES}  # what a run keeps of the photos that a table may be about
ADAPTED = {"CF1_adapted": "CF1", "OF1_adapted": "OF1"}  # at thresholds that were chosen on the validation photos


@dataclass(frozen=True)
class Row:
    """One row of a suite: a training, told by its name and what is special about it, or an ensemble of such rows."""

    name: str
    options: Mapping[str, Any]  # of polytag.Training, but for data, out and seed; the protocol's are in it already
    ensemble: tuple[str, ...] = ()  # names of the rows that it averages, seed by seed; it is not trained itself


@dataclass(frozen=True)
class Suite:
    """Trainings that are to be compared with each other."""

    name: str  # of the file, without its end
    title: str
    data: str  # "digits", or the path of a label file or folder, below the root that the user gives
    rows: tuple[Row, ...]
    baseline: str  # name of the row that all others are compared with; in a ladder the first
    seeds: tuple[int, ...]
    protocol: str  # "fast" or "full"
    photos: int = 0  # of each split at most, the first ones; 0 for all
    unknown: float = 0.0  # share of the training labels that is made unknown, seeded
    unlabelled: str = "keep"  # or "drop": photos without any label
    imbalance: float = 0.0  # of the training labels, made by leaving photos out, seeded; 0 for as they are
    about: str = ""  # a paragraph for the page
    paper: str = ""  # key of the papers' numbers that stand beside ours
    metrics: tuple[str, ...] = ()  # of polytag.metrics.METRICS and ADAPTED, shown beside MEASURES
    split: str = "test"  # or "val": the photos that rows are judged on
    ladder: bool = False  # each row is compared with the one above it: what one part adds to all before it

    def compared_with(self, name: str) -> str | None:
        """Name of the row that a row is compared with; None for the baseline."""
        if name == self.baseline:
            return None
        names = [row.name for row in self.rows]
        return names[names.index(name) - 1] if self.ladder else self.baseline

    @property
    def judged_on(self) -> str:
        """``test`` or ``validation``, for a sentence."""
        return PARTS[SCORES_OF[self.split]]

    @property
    def trained(self) -> tuple[Row, ...]:
        """The rows that are no ensembles."""
        return tuple(row for row in self.rows if not row.ensemble)


@dataclass(frozen=True)
class Cost:
    """What a row costs; a median over its seeds where it was measured in training."""

    train_seconds: float
    parameters: int  # of the model that is left at inference
    gmacs: float  # a photo, forward
    inference_ms: float  # a photo, batch 1
    memory_mb: float  # peak of the process that trained, or of its GPU


@dataclass(frozen=True)
class Line:
    """One row of a table."""

    name: str
    runs: tuple[Path, ...]  # one a seed, of an ensemble those of its members
    means: Mapping[str, float]  # MEASURES, head, medium, tail and the suite's metrics; NaN where undefined
    deviations: Mapping[str, float]  # standard deviation over seeds of the same; NaN with one seed
    differences: Mapping[str, Difference]  # of COMPARED and the metrics, to Suite.compared_with; the baseline has none
    cost: Cost


@dataclass(frozen=True)
class Table:
    """A finished suite."""

    suite: Suite
    lines: tuple[Line, ...]  # in the order of the suite's rows
    classes: int
    photos: int  # of the suite's split
    groups: int  # of photos that are drawn together; 0 where each is on its own
    sizes: Mapping[str, int]  # how many classes are head, medium, tail
    undefined: Mapping[str, int]  # how many of these have no known positive or no known negative among the photos
    tail_limits: tuple[int, int]  # head has at least the first, tail fewer than the second
    detectable: float  # smallest difference of mAP that its verdicts would find four times of five; NaN with one seed
    machine: str  # a line: date, processor, cores, GPU, versions
