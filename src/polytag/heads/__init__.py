"""From feature maps to one logit a class: every head by its name."""

from polytag.heads.base import Head
from polytag.heads.linear import Linear

HEADS: dict[str, type[Head]] = {
    "linear": Linear,
}
