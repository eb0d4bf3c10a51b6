"""What a head knows of the labels: their graph and one vector each, saved with its weights.

Part of polytag.methods.aam_gat, of polytag.methods.cpsd and of polytag.heads.ml_gcn.
"""

import torch
from torch import Tensor, nn

from polytag._checks import check_choice, check_number
from polytag.errors import OptionError


class LabelNodes(nn.Module):
    """Labels as the nodes of a graph. Until told, all are neighbours of all, and their vectors are random.

    Args:
        labels: how many, ``C``.
        size: numbers in a vector, ``>= 1``.
        graph: how their graph is to be made (threshold, share, mode; see
            :func:`polytag.labels.cooccurrence.label_graph`), or None where there is none.

    Raises:
        OptionError: if a number is out of its range, or what is told has another shape or is not finite.
    """

    graph: Tensor | None
    vectors: Tensor

    def __init__(self, labels: int, size: int, graph: tuple[float, float, str] | None) -> None:
        super().__init__()
        check_number("vector_size", size, 1, 65536)
        self.register_buffer("graph", None)
        if graph:
            threshold, share, mode = graph
            check_choice("graph_mode", mode, ("public", "paper"))
            check_number("threshold", threshold, 0.0, 1.0)
            check_number("share", share, 0.0, 0.99)
            self.register_buffer("graph", torch.full((labels, labels), 1 / labels))
        self.register_buffer("vectors", torch.randn(labels, size))

    def tell(self, graph: Tensor | None, vectors: Tensor) -> None:
        """Take the graph ``(C, C)``, where one is wanted, and the vectors ``(C, size)``."""
        _check("vectors", vectors, self.vectors)
        if self.graph is not None and graph is not None:
            _check("graph", graph, self.graph)
            if not (graph > 0).any(dim=1).all():
                raise OptionError("graph must give every label a neighbour, if only itself, and some have none")
            self.graph.copy_(graph)
        self.vectors.copy_(vectors)


def _check(name: str, given: Tensor, kept: Tensor) -> None:
    if given.shape != kept.shape:
        raise OptionError(f"{name} must have the shape {tuple(kept.shape)}, got {tuple(given.shape)}")
    if not given.isfinite().all():
        raise OptionError(f"{name} must be finite numbers, and some are not")
