"""Labels with three values, and what can be computed from them alone."""

from polytag.labels.matrix import ABSENT, PRESENT, UNKNOWN, Labels, LabelsBuilder

__all__ = ["ABSENT", "PRESENT", "UNKNOWN", "Labels", "LabelsBuilder"]
