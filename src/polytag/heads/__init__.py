"""From feature maps to one logit a class: every head by its name."""

from polytag.heads.base import Head
from polytag.heads.gat import GAT
from polytag.heads.linear import Linear
from polytag.heads.ml_decoder import MLDecoder
from polytag.heads.ml_gcn import MLGCN

HEADS: dict[str, type[Head]] = {
    "linear": Linear,
    "ml_decoder": MLDecoder,
    "gat": GAT,
    "ml_gcn": MLGCN,
}
