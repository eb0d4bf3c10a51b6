"""Metric learning and label graphs for efficient tagging: the presets of the paper, and where its parts are.

Paper: Prokofiev, Sovrasov, "Combining Metric Learning and Attention Heads For Accurate and Efficient Multilabel Image
Classification", VISAPP 2023.

The loss, heads and strategy work with everything else here; this file only puts the paper's values together.

=================  ====================================================================================
section            code
=================  ====================================================================================
3.1 backbones      any of timm; ``tf_efficientnetv2_s.in21k`` in the presets
3.2 ML-Decoder     ``heads/ml_decoder.py``, with ``normalize`` for cosines
3.3 GAT            ``heads/gat.py``; graph and vectors: ``labels/{cooccurrence,vectors}.py``
3.4 AAM, eq. 1     ``losses/aam.py``
3.5 strategy       ``train/{sam,ema,rate_finder,schedules,stopping}.py``, ``data/augment/``
4.3 pretraining    a run on the larger set, given to ``--weights``: heads are matched by the names of classes
6.2 thresholds     ``labels/thresholds.py``, ``polytag tune``
=================  ====================================================================================

Scale, margin, balance and rates are those of public configurations for COCO and VOC 2007; both exponents are 0 there,
and here the best of the paper's Table 7. For NUS-WIDE and VG500 scale and rate are not published: these are ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from polytag.train.recipe import UNAUGMENTED, Recipe

_BATCH = 84  # photos; public code sums over them, so its rates are multiplied with this where the mean is taken


@dataclass(frozen=True)
class _Values:
    """What differs from one dataset to the next."""

    dataset: str
    scale: float
    gamma_neg: float
    gamma_pos: float
    lr: float  # of public code
    average: float
    image_size: int


_DATASETS = {
    "": _Values("COCO", 23.0, 1.0, 0.0, 0.007, 0.9997, 448),
    "_voc": _Values("VOC 2007", 17.0, 2.0, 1.0, 0.005, 0.9993, 448),
    "_nus": _Values("NUS-WIDE", 23.0, 2.0, 1.0, 0.007, 0.9997, 448),
    "_vg500": _Values("VG500", 25.0, 1.0, 0.0, 0.005, 0.9997, 576),
}


def _options(values: _Values, head: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **UNAUGMENTED,
        "backbone": "tf_efficientnetv2_s.in21k",
        "head": head,
        "loss": {
            "name": "aam",
            "balance": 0.7,
            "gamma_neg": values.gamma_neg,
            "gamma_pos": values.gamma_pos,
            "margin": 0.0,
            "clip": 0.05,
        },
        "image_size": values.image_size,
        "epochs": 60,
        "batch_size": _BATCH,
        "optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": False, "bias_lr": 2.0},
        "lr": values.lr * _BATCH,
        "schedule": {"name": "one_cycle", "warmup": 0.2, "div_factor": 100.0, "final_div_factor": 1000.0},
        "weight_decay": 5e-4 / _BATCH,
        "sam": {"name": "plain", "rho": 0.05},
        "average": values.average,
        "patience": 5,
        "augment": "randaugment",
        "cutout": 0.4,
        "cutout_probability": 0.5,
        "flip": 0.5,
    }


def _mld(values: _Values) -> Recipe:
    about = f"AAM with ML-Decoder as the AAM paper trains them on {values.dataset}: EfficientNetV2-S, SAM with SGD."
    return Recipe(about, _options(values, {"name": "ml_decoder", "scale": values.scale}))


def _gat(values: _Values) -> Recipe:
    about = f"AAM with graph attention as the AAM paper trains them on {values.dataset}, with co-occurrence for words."
    linear = {"name": "linear", "pooling": "avg_max", "scale": values.scale}
    return Recipe(about, _options(values, {"name": "gat", "around": linear}))


RECIPES: dict[str, Recipe] = {f"aam_mld{of}": _mld(values) for of, values in _DATASETS.items()} | {
    # The labels of VG500 have no names, so that the paper has no label vectors for it.
    f"aam_gat{of}": _gat(values)
    for of, values in _DATASETS.items()
    if of != "_vg500"
}
