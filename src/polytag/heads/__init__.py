"""From feature maps to one logit a class: every head by its name."""

from polytag.heads.base import Head
from polytag.heads.csra import CSRA
from polytag.heads.decouple import Decouple
from polytag.heads.gat import GAT
from polytag.heads.linear import Linear
from polytag.heads.ml_decoder import MLDecoder
from polytag.heads.ml_gcn import MLGCN
from polytag.heads.query2label import Query2Label
from polytag.heads.transformer import Transformer
from polytag.heads.wildcat import Wildcat

HEADS: dict[str, type[Head]] = {
    "linear": Linear,
    "ml_decoder": MLDecoder,
    "gat": GAT,
    "ml_gcn": MLGCN,
    "csra": CSRA,
    "wildcat": Wildcat,
    "query2label": Query2Label,
    "transformer": Transformer,
    "decouple": Decouple,
}
