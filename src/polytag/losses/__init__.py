"""Losses: logits and targets in, one number out."""

from polytag.losses.aam import AAM
from polytag.losses.asl import ASL
from polytag.losses.base import Loss
from polytag.losses.bce import BCE
from polytag.losses.weighted_bce import WeightedBCE

__all__ = ["AAM", "ASL", "BCE", "LOSSES", "Loss", "WeightedBCE"]

LOSSES: dict[str, type[Loss]] = {
    "bce": BCE,
    "weighted_bce": WeightedBCE,
    "asl": ASL,
    "aam": AAM,
}
