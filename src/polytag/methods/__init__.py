"""How batches become losses. This file is the table of methods."""

from polytag.method import Method
from polytag.methods.collaborative import Collaborative
from polytag.methods.cpsd import CPSD
from polytag.methods.grouped import Grouped
from polytag.methods.manifold_mixup import ManifoldMixup
from polytag.methods.supervised import Supervised
from polytag.methods.vfa import VFA

METHODS: dict[str, type[Method]] = {
    "supervised": Supervised,
    "vfa": VFA,
    "manifold_mixup": ManifoldMixup,
    "collaborative": Collaborative,
    "cpsd": CPSD,
    "grouped": Grouped,
}
