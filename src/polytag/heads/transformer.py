"""A transformer over the cells of the map and one token a label, which begins as the label's vector.

The "+TF" head of the CPSD paper. Part of polytag.methods.cpsd.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from polytag._checks import check_number
from polytag.heads.base import ClassDims, Head, LabelGraph, with_scaled_input
from polytag.layers.attention import Attention, FeedForward
from polytag.layers.label_nodes import LabelNodes


class Transformer(Head):
    """Logits of the label tokens after encoder layers, with norms in front, over ``h * w`` cells and ``C`` labels.

    Time grows with the ``h * w + C`` tokens, and with their square beyond about 2,300, where attention costs more
    than the linear layers: at 1,000 labels a step of 16 small maps takes 8.4 GB, and 200 times as long as
    ML-Decoder's. Cells have no position. :class:`polytag.Training` tells it the vectors of the labels.

    Args:
        in_channels: channels ``D`` of the feature maps.
        num_classes: ``C``.
        vectors: of the labels: "cooccurrence", "images" (means of their photos), "random", or a file of words.
        vector_size: numbers in each; 300 as in the paper's file of words.
        width: of tokens.
        layers: how many, ``>= 1``.
        attention_heads: ``>= 1``.
        head_width: of a token in an attention head.
        hidden: width of the feed-forward parts.
        dropout: probability in ``[0, 1)`` behind attention and in the feed-forward parts, in training.

    Raises:
        OptionError: if an option is out of its range, or features are not ``(batch, D, h, w)``.
    """

    wanted_graph: LabelGraph | None = None

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        vectors: str = "cooccurrence",
        vector_size: int = 300,
        width: int = 1024,
        layers: int = 3,
        attention_heads: int = 4,
        head_width: int = 1024,
        hidden: int = 1024,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(in_channels, num_classes)
        for name, value in (("width", width), ("head_width", head_width), ("hidden", hidden)):
            check_number(name, value, 1, 65536)
        check_number("layers", layers, 1, 100)
        check_number("attention_heads", attention_heads, 1, 1024)
        check_number("dropout", dropout, 0.0, 0.99)
        self.vectors_from, self.vector_size = vectors, vector_size
        self.nodes = LabelNodes(num_classes, vector_size, None)
        self.embed_map, self.embed_labels = nn.Linear(in_channels, width), nn.Linear(vector_size, width)
        sizes = (width, attention_heads, head_width, hidden, dropout)
        self.layers = nn.ModuleList(Layer(*sizes) for _ in range(layers))
        self.classifier = nn.Linear(width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        tokens = self._through(features, len(self.layers))
        return self.classifier(tokens[:, -self.num_classes :]).squeeze(2)  # type: ignore[no-any-return]  # (batch, C)

    def looks(self, features: Tensor) -> Tensor:
        """See :class:`~polytag.heads.base.LookingHead`: the last layer's attention of labels to cells."""
        last = cast(Layer, self.layers[-1])
        tokens = last.norms[0](self._through(features, len(self.layers) - 1))
        labels = tokens[:, -self.num_classes :]
        weights = last.attention.weights(labels, tokens)[:, :, : -self.num_classes]  # (batch, C, h * w)
        return torch.unflatten((weights / weights.sum(dim=2, keepdim=True)), 2, features.shape[2:])

    def _through(self, features: Tensor, layers: int) -> Tensor:
        """Tokens after some layers: ``(batch, h * w + C, width)``."""
        self.check_features(features)
        cells = self.embed_map(features.flatten(2).transpose(1, 2))  # (batch, h * w, width)
        labels = relu(self.embed_labels(self.nodes.vectors)).expand(cells.shape[0], -1, -1)  # (batch, C, width)
        tokens = torch.cat([cells, labels], dim=1)
        for layer in self.layers[:layers]:
            tokens = layer(tokens)
        return tokens

    def tell(self, graph: Tensor | None, vectors: Tensor) -> None:
        """See :class:`~polytag.heads.base.LabelHead`."""
        self.nodes.tell(graph, vectors)

    def told(self) -> tuple[str, ...]:
        """See :meth:`Head.told`."""
        return ("nodes.vectors",)

    def weighted(self, weights: Tensor) -> Head:
        """See :meth:`Head.weighted`: the same kind of head."""
        return with_scaled_input(self, {"embed_map.weight": 1}, weights)

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`: labels differ in their vectors alone."""
        return {}


class Layer(nn.Module):
    """Attention and a feed-forward part, a norm in front of each.

    Args:
        width: of tokens.
        heads: of attention.
        head_width: of a token in one.
        hidden: of the feed-forward part.
        dropout: probability in training.
    """

    def __init__(self, width: int, heads: int, head_width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads, head_width, bias=False)
        self.forth = FeedForward(width, hidden, nn.GELU(), dropout)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """``(batch, n, width)`` to the same."""
        seen = self.norms[0](tokens)
        tokens = tokens + self.dropout(self.attention(seen, seen, seen))
        result: Tensor = tokens + self.dropout(self.forth(self.norms[1](tokens)))
        return result
