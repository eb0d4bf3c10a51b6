"""Graph-attention re-weighting: what is known of the labels decides how much each channel of the feature map counts.

Part of polytag.methods.aam_gat, which cites the paper (section 3.3).
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from polytag._checks import check_number
from polytag.heads.base import Around, Head, LabelGraph
from polytag.heads.linear import Linear
from polytag.layers.graph import GraphAttention
from polytag.layers.label_nodes import LabelNodes


class GAT(Around):
    """Another head on ``w * F``, where ``w = sigmoid(max over labels of two graph-attention layers)`` weighs channels.

    The layers see label vectors and the label graph, and not the photo: folded, ``w`` is a part of the other head.
    :class:`polytag.Training` tells it graph and vectors; see :class:`~polytag.layers.label_nodes.LabelNodes` before.

    Args:
        in_channels: channels ``D`` of the feature maps.
        num_classes: ``C``; memory and time of the layers grow with its square, 0.4 GB for the graph of 10,000.
        around: the other head; a linear one with the sum of mean and maximum, unless given.
        vectors: of the labels: "cooccurrence", "images" (means of their photos), "random", or a file of words.
        vector_size: numbers in each; 300 as in the paper's file of words.
        hidden: numbers between the two layers; 0 for ``D``.
        dropout: probability in ``[0, 1)`` with which a neighbour is not heard, in training.
        graph_mode, threshold, share: see :func:`polytag.labels.cooccurrence.label_graph`.

    Raises:
        OptionError: if an option is out of its range, or features are not ``(batch, D, h, w)``.
    """

    AROUND: ClassVar[Mapping[str, str]] = {"name": "linear", "pooling": "avg_max"}  # the other head, unless given

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        around: Head | None = None,
        vectors: str = "cooccurrence",
        vector_size: int = 300,
        hidden: int = 0,
        dropout: float = 0.1,
        graph_mode: Literal["public", "paper"] = "public",
        threshold: float = 0.4,
        share: float = 0.2,
    ) -> None:
        super().__init__(Linear(in_channels, num_classes, pooling="avg_max") if around is None else around)
        check_number("hidden", hidden, 0, 65536)
        check_number("dropout", dropout, 0.0, 0.99)
        self.vectors_from, self.vector_size = vectors, vector_size
        self.wanted_graph: LabelGraph | None = LabelGraph(threshold, share, graph_mode)
        self.nodes = LabelNodes(num_classes, vector_size, self.wanted_graph)
        width = hidden or in_channels
        self.first = GraphAttention(vector_size, width, dropout)
        self.second = GraphAttention(width, in_channels, dropout)

    def channel_weights(self) -> Tensor:
        """How much each channel counts: ``(D,)`` in ``(0, 1)``."""
        nodes = leaky_relu(self.first(self.nodes.vectors, self.nodes.graph), 0.2)  # (C, hidden)
        nodes = leaky_relu(self.second(nodes, self.nodes.graph), 0.2)  # (C, D)
        return nodes.amax(dim=0).sigmoid()  # (D,)

    def fold(self) -> Head:
        """The other head with the weights in it, or behind one product if it takes cosines; see :meth:`Head.fold`."""
        modes = {module: module.training for module in self.modules()}
        with torch.no_grad():
            weights = self.eval().channel_weights()
        for module, training in modes.items():
            module.training = training
        return self.around.fold().weighted(weights)

    def tell(self, graph: Tensor | None, vectors: Tensor) -> None:
        """See :class:`~polytag.heads.base.LabelHead`."""
        self.nodes.tell(graph, vectors)

    def told(self) -> tuple[str, ...]:
        """See :meth:`Head.told`."""
        return ("nodes.graph", "nodes.vectors", *(f"around.{key}" for key in self.around.told()))
