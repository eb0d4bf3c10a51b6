"""Recipes: options of a training that belong together. Those of one paper only stand with its method."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Options of a training: ``Training(data=data, out=out, **RECIPES["plain"].options)``."""

    about: str  # what it is and where its values come from, a sentence
    options: Mapping[str, Any]  # of polytag.Training


UNAUGMENTED: dict[str, Any] = {  # and without SAM: what a recipe begins with
    "crop": "none",
    "augment": "none",
    "cutout": 0.0,
    "flip": 0.0,
    "flip_vertical": 0.0,
    "rotate90": 0.0,
    "mix": "none",
    "sam": "none",
}


def _adam(batch_size: int) -> dict[str, Any]:
    """Of public code that sums over the batch: Adam takes the same steps for a mean, if decay counts a batch-th."""
    return {
        **UNAUGMENTED,
        "loss": {"name": "asl", "gamma_neg": 4.0, "gamma_pos": 0.0, "clip": 0.05},
        "optimizer": "adam",
        "lr": 1e-4,
        "weight_decay": 1e-4 / batch_size,
        "average": 0.9997,
        "batch_size": batch_size,
        "augment": "randaugment",
        "cutout": 0.5,
        "cutout_probability": 1.0,
    }


def _cycle(warmup: float) -> dict[str, Any]:
    """One cycle as torch has it, which moves the momentum against the rate."""
    rates = {"warmup": warmup, "div_factor": 25.0, "final_div_factor": 1e4}
    return {"name": "one_cycle", **rates, "low_momentum": 0.85, "high_momentum": 0.95}


GENERAL: dict[str, Recipe] = {
    "plain": Recipe(
        "An ordinary loop, with the usual values of one that is written in an afternoon: the baseline of comparisons.",
        {
            "loss": "bce",
            "optimizer": "adamw",
            "lr": 3e-4,
            "schedule": "constant",  # without a warm-up
            "weight_decay": 0.01,
            "clip": 0.0,
            "sam": "none",
            "frozen_epochs": 0,
            "patience": 0,
            "average": 0.0,
            "batch_size": 32,
            "crop": "none",
            "augment": "none",
            "cutout": 0.0,
            "flip": 0.5,
            "flip_vertical": 0.0,
            "rotate90": 0.0,
            "mix": "none",
        },
    ),
    "asl": Recipe(
        "The asymmetric loss as its public training script uses it on COCO: Adam, one cycle, RandAugment, Cutout.",
        {**_adam(batch_size=128), "image_size": 224, "epochs": 80, "schedule": _cycle(0.2)},
    ),
    "cpsd": Recipe(
        "The teachers of self-distillation (the CPSD paper) as in its public code: as asl, with a shorter rise.",
        {**_adam(batch_size=24), "image_size": 448, "epochs": 80, "schedule": _cycle(0.1)},
    ),
    "par": Recipe(
        "The baseline of pedestrian attributes (the VFA paper): ResNet-50, 256 x 192 px, weighted BCE, padded crops.",
        {
            **UNAUGMENTED,
            "backbone": "resnet50.tv_in1k",
            "loss": "weighted_bce",
            "optimizer": "adam",
            "lr": 1e-4,
            "schedule": {"name": "plateau", "warmup": 0.0, "decay": 0.1, "patience": 4},  # of the score, there the loss
            "weight_decay": 5e-4,
            "clip": 10.0,
            "average": 0.0,
            "image_size": (256, 192),
            "epochs": 30,
            "batch_size": 64,
            "crop": {"name": "shift", "pixels": 10},
            "flip": 0.5,
        },
    ),
    "longtail": Recipe(
        "Long-tailed labels as the LTML paper trains them: SGD at falling rates, crops, light and colour moved.",
        {
            **UNAUGMENTED,
            "backbone": "resnet50.tv_in1k",
            "loss": "weighted_bce",
            "optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": False},
            # 0.01, 1e-4 and 35 are for a mean over labels, of which VOC-LT has 20. Here they are summed.
            "lr": 0.01 / 20,
            "schedule": {"name": "step", "warmup": 0.05, "decay": 0.1, "first": 0.6, "second": 0.87},
            "weight_decay": 1e-4 * 20,
            "clip": 35.0 * 20,
            "average": 0.0,
            "image_size": 224,
            "epochs": 8,
            "batch_size": 32,
            "crop": {"name": "sides", "smallest": 0.8, "stretch": 2.0},
            "augment": "photometric",
            "flip": 0.5,
        },
    ),
    "decouple": Recipe(
        "DecoupleNet as its paper trains it on COCO: ResNet-101, 448 px; the rest as in WILDCAT and ML-GCN.",
        {
            **UNAUGMENTED,
            "backbone": "resnet101.tv_in1k",
            "head": {"name": "decouple", "attention": "arch1"},
            "loss": "bce",
            "optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": False, "backbone_lr": 0.1},
            # 0.01 and 1e-4 are for a mean over labels, of which COCO has 80. Here they are summed.
            "lr": 0.01 / 80,
            "schedule": {"name": "step", "warmup": 0.0, "decay": 0.1, "first": 0.75, "second": 1.0},  # once
            "weight_decay": 1e-4 * 80,
            "clip": 0.0,
            "average": 0.0,
            "image_size": 448,
            "epochs": 20,
            "batch_size": 16,
            "crop": "multi_scale",
            "flip": 0.5,
        },
    ),
    "strategy": Recipe(
        "The strategy of the AAM paper, for any head: SAM, average, one cycle, RandAugment, Cutout, an early end.",
        {
            "optimizer": "adamw",
            "lr": 5e-4,
            "schedule": "one_cycle",
            "weight_decay": 0.01,
            "average": 0.9997,
            "sam": "plain",
            "patience": 5,
            "crop": "none",
            "augment": "randaugment",
            "cutout": 0.4,
            "cutout_probability": 0.5,
            "flip": 0.5,
            "flip_vertical": 0.0,
            "rotate90": 0.0,
            "mix": "none",
        },
    ),
}
