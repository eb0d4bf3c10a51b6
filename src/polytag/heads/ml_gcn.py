"""ML-GCN: each label's weight vector is worked out from its word and those of the labels that come with it.

Paper: Chen, Wei, Wang, Guo, "Multi-Label Image Recognition with Graph Convolutional Networks", CVPR 2019.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import conv2d, leaky_relu

from polytag._checks import check_number
from polytag.heads.base import ClassDims, Head, LabelGraph
from polytag.heads.linear import Linear
from polytag.layers.graph import GraphConvolution
from polytag.layers.label_nodes import LabelNodes


class MLGCN(Head):
    """Logits ``w_c . v``, with ``v`` the maximum over the map, and ``w = A LeakyReLU_0.2(A x W1) W2`` of a label graph.

    :class:`polytag.Training` tells it graph and vectors ``x``. Folded, it is a linear head.

    Args:
        in_channels: channels ``D`` of the feature maps.
        num_classes: ``C``; the graph takes memory with its square, 0.4 GB for 10,000.
        vectors: of the labels: "cooccurrence", "images" (means of their photos), "random", or a file of words.
        vector_size: numbers in each; 300 as in the paper's file of words.
        hidden: numbers between the two layers.
        graph_mode, threshold, share: see :func:`polytag.labels.cooccurrence.label_graph`.

    Raises:
        OptionError: if an option is out of its range, or features are not ``(batch, D, h, w)``.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        vectors: str = "cooccurrence",
        vector_size: int = 300,
        hidden: int = 1024,
        graph_mode: Literal["public", "paper"] = "public",
        threshold: float = 0.4,
        share: float = 0.2,
    ) -> None:
        super().__init__(in_channels, num_classes)
        check_number("hidden", hidden, 1, 65536)
        self.vectors_from, self.vector_size = vectors, vector_size
        self.wanted_graph: LabelGraph | None = LabelGraph(threshold, share, graph_mode)
        self.nodes = LabelNodes(num_classes, vector_size, self.wanted_graph)
        self.first = GraphConvolution(vector_size, hidden)
        self.second = GraphConvolution(hidden, in_channels)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        return self.classify(self.embed(features))  # (batch, C)

    def embed(self, features: Tensor) -> Tensor:
        """The maximum over the map: ``(batch, D, h, w)`` to ``(batch, D)``."""
        self.check_features(features)
        return features.amax(dim=(2, 3))  # (batch, D)

    def classify(self, vectors: Tensor) -> Tensor:
        """Logits of such vectors: ``(batch, D)`` to ``(batch, C)``."""
        return vectors @ self.class_weights().T  # (batch, C)

    def class_maps(self, features: Tensor) -> Tensor:
        """See :class:`~polytag.heads.base.MapHead`."""
        self.check_features(features)
        return conv2d(features, self.class_weights()[:, :, None, None])  # (batch, C, h, w)

    def class_weights(self) -> Tensor:
        """The weight vector of each class: ``(C, D)``."""
        nodes = leaky_relu(self.first(self.nodes.vectors, self.nodes.graph), 0.2)  # (C, hidden)
        return self.second(nodes, self.nodes.graph)  # type: ignore[no-any-return]  # (C, D)

    def fold(self) -> Head:
        """A linear head with the same weights and no bias; see :meth:`Head.fold`."""
        weights = self.class_weights().detach()
        head = Linear(self.in_channels, self.num_classes, pooling="max").to(weights)
        with torch.no_grad():
            head.classifier.weight.copy_(weights)
            head.classifier.bias.zero_()
        return head.train(self.training)

    def tell(self, graph: Tensor | None, vectors: Tensor) -> None:
        """See :class:`~polytag.heads.base.LabelHead`."""
        self.nodes.tell(graph, vectors)

    def told(self) -> tuple[str, ...]:
        """See :meth:`Head.told`."""
        return ("nodes.graph", "nodes.vectors")

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`: no weight belongs to one class."""
        return {}
