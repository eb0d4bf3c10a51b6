"""Losses: logits and targets in, one number out."""

from polytag.losses.aam import AAM
from polytag.losses.asl import ASL
from polytag.losses.base import Loss
from polytag.losses.bce import BCE
from polytag.losses.cb_focal import CBFocal
from polytag.losses.db import DB
from polytag.losses.focal import Focal
from polytag.losses.ldam import LDAM
from polytag.losses.weighted_bce import WeightedBCE

__all__ = ["AAM", "ASL", "BCE", "DB", "LDAM", "LOSSES", "CBFocal", "Focal", "Loss", "WeightedBCE"]

LOSSES: dict[str, type[Loss]] = {
    "bce": BCE,
    "weighted_bce": WeightedBCE,
    "asl": ASL,
    "aam": AAM,
    "focal": Focal,
    "cb_focal": CBFocal,
    "ldam": LDAM,
    "db": DB,
}
