"""The metrics, by name: functions of scores, targets and a threshold, all masked where a label is unknown."""

from collections.abc import Callable
from functools import partial

from polytag.metrics._inputs import Scores, Targets, Threshold
from polytag.metrics.ap import (
    average_precision,
    mean_average_precision,
    mean_voc12_average_precision,
    voc12_average_precision,
)
from polytag.metrics.calibration import brier, expected_calibration_error
from polytag.metrics.decisions import over_80, top3, top3_over_80, top3_thresholded
from polytag.metrics.evaluation import ClassRow, Evaluation
from polytag.metrics.precision_recall import (
    class_f1,
    class_f1_mean,
    class_precision,
    class_recall,
    mean_accuracy,
    overall_f1,
    overall_precision,
    overall_recall,
    undefined_classes,
)
from polytag.metrics.ranking import coverage_error, lrap, ranking_loss
from polytag.metrics.samples import (
    accuracy_samples,
    f1_samples,
    f1_samples_harmonic,
    hamming_loss,
    precision_samples,
    recall_samples,
    subset_accuracy,
)

__all__ = [
    "METRICS",
    "ClassRow",
    "Evaluation",
    "average_precision",
    "undefined_classes",
    "voc12_average_precision",
]

METRICS: dict[str, Callable[[Scores, Targets, Threshold], float]] = {
    "mAP": mean_average_precision,
    "mAP_voc12": mean_voc12_average_precision,
    "CP": class_precision,
    "CR": class_recall,
    "CF1": class_f1,
    "CF1_mean": class_f1_mean,
    "OP": overall_precision,
    "OR": overall_recall,
    "OF1": overall_f1,
    "CP_top3": partial(class_precision, decide=top3),
    "CR_top3": partial(class_recall, decide=top3),
    "CF1_top3": partial(class_f1, decide=top3),
    "OP_top3": partial(overall_precision, decide=top3),
    "OR_top3": partial(overall_recall, decide=top3),
    "OF1_top3": partial(overall_f1, decide=top3),
    "CP_top3_thresholded": partial(class_precision, decide=top3_thresholded),
    "CR_top3_thresholded": partial(class_recall, decide=top3_thresholded),
    "CF1_top3_thresholded": partial(class_f1, decide=top3_thresholded),
    "OP_top3_thresholded": partial(overall_precision, decide=top3_thresholded),
    "OR_top3_thresholded": partial(overall_recall, decide=top3_thresholded),
    "OF1_top3_thresholded": partial(overall_f1, decide=top3_thresholded),
    "CP_at_80": partial(class_precision, decide=over_80),
    "CR_at_80": partial(class_recall, decide=over_80),
    "CF1_at_80": partial(class_f1, decide=over_80),
    "OP_at_80": partial(overall_precision, decide=over_80),
    "OR_at_80": partial(overall_recall, decide=over_80),
    "OF1_at_80": partial(overall_f1, decide=over_80),
    "CP_top3_at_80": partial(class_precision, decide=top3_over_80),
    "CR_top3_at_80": partial(class_recall, decide=top3_over_80),
    "CF1_top3_at_80": partial(class_f1, decide=top3_over_80),
    "OP_top3_at_80": partial(overall_precision, decide=top3_over_80),
    "OR_top3_at_80": partial(overall_recall, decide=top3_over_80),
    "OF1_top3_at_80": partial(overall_f1, decide=top3_over_80),
    "mA": mean_accuracy,
    "f1_macro": class_f1_mean,
    "f1_micro": overall_f1,
    "precision_samples": precision_samples,
    "recall_samples": recall_samples,
    "f1_samples": f1_samples,
    "f1_samples_harmonic": f1_samples_harmonic,
    "accuracy_samples": accuracy_samples,
    "hamming_loss": hamming_loss,
    "subset_accuracy": subset_accuracy,
    "ranking_loss": ranking_loss,
    "coverage_error": coverage_error,
    "lrap": lrap,
    "brier": brier,
    "ECE": expected_calibration_error,
}
