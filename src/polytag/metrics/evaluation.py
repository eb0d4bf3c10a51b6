"""All metrics of a model, from batches of any size."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import polytag.metrics as metrics  # looked up when called: its table is not filled yet when it imports this file
from polytag.errors import OptionError
from polytag.labels.facts import tail_groups
from polytag.labels.matrix import PRESENT, UNKNOWN
from polytag.metrics._inputs import Scores, Targets, Threshold, check_pair
from polytag.metrics.ap import average_precision, mean_of_defined
from polytag.metrics.precision_recall import class_scores, undefined_classes


class ClassRow(NamedTuple):
    """What is known of one class; the last four are NaN if it lacks a known positive or a known negative."""

    name: str
    positives: int
    average_precision: float
    precision: float
    recall: float
    f1: float


class Evaluation:
    """Collects scores (as float32) and targets (as int8), 5 bytes an entry, and computes every metric at the end.

    The numbers do not depend on how items were split into batches.

    Args:
        classes: one name a column.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self._scores = [np.empty((0, len(self.classes)), np.float32)]
        self._targets = [np.empty((0, len(self.classes)), np.int8)]

    def update(self, scores: Scores, targets: Targets) -> None:
        """Add a batch: ``(batch, classes)`` each, targets of 1 present, 0 absent, -1 unknown. Both are copied.

        Raises:
            OptionError: if the shapes differ or do not fit the classes, a score is NaN, or a target is something else.
        """
        checked, dense = check_pair(scores, targets)
        if checked.shape[1] != len(self.classes):
            raise OptionError(f"scores must have {len(self.classes)} columns, one a class, got {checked.shape[1]}")
        self._scores.append(checked.astype(np.float32))
        self._targets.append(dense.copy())

    def compute(self, threshold: Threshold = 0.0, train_positives: Sequence[int] | None = None) -> dict[str, float]:
        """Every metric of ``METRICS``, then how many ``undefined_classes`` and ``known_labels`` there are.

        Args:
            threshold: one number or ``(classes,)``, in the unit of the scores.
            train_positives: photos that each class was trained on; then the mAP of the classes with many, some and few
                comes along, as ``mAP_head``, ``mAP_medium`` and ``mAP_tail``.
        """
        scores, targets = self.collected()
        values = {name: metric(scores, targets, threshold) for name, metric in metrics.METRICS.items()}
        if train_positives is not None:
            precisions, counts = average_precision(scores, targets), np.asarray(train_positives)
            values |= {f"mAP_{name}": mean_of_defined(precisions[of]) for name, of in tail_groups(counts).items()}
        known = int(np.count_nonzero(targets != UNKNOWN))
        return {**values, "undefined_classes": undefined_classes(targets), "known_labels": known}

    def per_class(self, threshold: Threshold = 0.0) -> list[ClassRow]:
        """One row a class, in the order of ``classes``."""
        scores, targets = self.collected()
        columns = (
            np.count_nonzero(targets == PRESENT, axis=0),
            average_precision(scores, targets),
            *class_scores(scores, targets, threshold),
        )
        return [ClassRow(*row) for row in zip(self.classes, *(column.tolist() for column in columns), strict=True)]

    def collected(self) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
        """All scores and targets so far, ``(items, classes)`` each."""
        self._scores, self._targets = [np.concatenate(self._scores)], [np.concatenate(self._targets)]
        return self._scores[0], self._targets[0]
