"""Query2Label: a trained query for each class looks at the map through transformer layers.

Paper: Liu, Zhang, Yang, Su, Zhu, "Query2Label: A Simple Transformer Way to Multi-Label Classification", arXiv 2021.
"""

from typing import cast

import torch
from torch import Tensor, nn

from polytag._checks import check_number
from polytag.errors import OptionError
from polytag.heads.base import ClassDims, Head, with_scaled_input
from polytag.layers.attention import Attention, FeedForward, sine_positions


class Query2Label(Head):
    """Logits ``w_c . h_c + b_c`` of what each query has heard of the map after encoder and decoder layers.

    Layers are those of DETR with norms behind; the decoder has no self-attention. Time grows with
    ``C * width ** 2``, as each class goes through the decoder's linear layers, and little with the size of the map: at
    1,000 classes a step of 16 small maps takes 3.8 GB, and 70 times as long as ML-Decoder's. Queries begin as standard
    normal numbers, the layers as those of DETR do: matrices by Xavier's uniform rule, the projections of queries,
    keys and values as one matrix, the biases of attention at 0.

    Args:
        in_channels: channels ``D`` of the feature maps.
        num_classes: ``C``.
        width: of tokens and queries, a multiple of 4 and of ``attention_heads``; 0 for ``D``, as in the paper.
        attention_heads: ``>= 1``.
        encoder_layers, decoder_layers: how many, ``>= 0`` and ``>= 1``.
        hidden: width of the feed-forward parts; 0 for four times ``width``.
        dropout: probability in ``[0, 1)`` within the layers, in training.

    Raises:
        OptionError: if an option is out of its range, or features are not ``(batch, D, h, w)``.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        width: int = 0,
        attention_heads: int = 4,
        encoder_layers: int = 1,
        decoder_layers: int = 2,
        hidden: int = 0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__(in_channels, num_classes)
        check_number("width", width, 0, 65536)
        check_number("attention_heads", attention_heads, 1, 1024)
        check_number("encoder_layers", encoder_layers, 0, 100)
        check_number("decoder_layers", decoder_layers, 1, 100)
        check_number("hidden", hidden, 0, 1_000_000)
        check_number("dropout", dropout, 0.0, 0.99)
        width = width or in_channels
        if width % 4 or width % attention_heads:
            raise OptionError(f"width must be a multiple of 4 and of attention_heads {attention_heads}, got {width}")
        sizes = (width, attention_heads, hidden or 4 * width, dropout)
        self.embed_map = nn.Linear(in_channels, width)
        self.encoder = nn.ModuleList(Layer(*sizes) for _ in range(encoder_layers))
        self.decoder = nn.ModuleList(Layer(*sizes) for _ in range(decoder_layers))
        self.norm = nn.LayerNorm(width)
        self.queries = nn.Parameter(torch.randn(num_classes, width))
        self.weight = nn.Parameter(torch.empty(num_classes, width))
        self.bias = nn.Parameter(torch.empty(num_classes))
        for weights in (self.weight, self.bias):
            nn.init.uniform_(weights, -(width**-0.5), width**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        tokens, places = self._encoded(features)
        heard = self.norm(self._decoded(tokens, places, len(self.decoder)))  # (batch, C, width)
        logits: Tensor = (heard * self.weight).sum(dim=2) + self.bias  # (batch, C)
        return logits

    def looks(self, features: Tensor) -> Tensor:
        """See :class:`~polytag.heads.base.LookingHead`: the attention of the last decoder layer."""
        tokens, places = self._encoded(features)
        heard = self._decoded(tokens, places, len(self.decoder) - 1)
        last = cast(Layer, self.decoder[-1])
        weights = last.attention.weights(heard + self.queries, tokens + places)  # (batch, C, h * w)
        return torch.unflatten(weights, 2, features.shape[2:])

    def _encoded(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """The cells of the map after the encoder ``(batch, h * w, width)``, and where they are ``(h * w, width)``."""
        self.check_features(features)
        tokens = self.embed_map(features.flatten(2).transpose(1, 2))
        places = sine_positions(features.shape[2], features.shape[3], tokens.shape[2], tokens)
        for layer in self.encoder:
            tokens = layer(tokens, tokens + places, tokens + places, tokens)
        return tokens, places

    def _decoded(self, tokens: Tensor, places: Tensor, layers: int) -> Tensor:
        heard = torch.zeros_like(self.queries).expand(tokens.shape[0], -1, -1)  # (batch, C, width)
        for layer in self.decoder[:layers]:
            heard = layer(heard, heard + self.queries, tokens + places, tokens)
        return heard

    def weighted(self, weights: Tensor) -> Head:
        """See :meth:`Head.weighted`: the same kind of head."""
        return with_scaled_input(self, {"embed_map.weight": 1}, weights)

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`."""
        return {"queries": (0,), "weight": (0,), "bias": (0,)}

    def no_weight_decay(self) -> set[str]:
        """Names of weights that an optimizer is not to decay: embeddings of labels."""
        return {"queries"}


class Layer(nn.Module):
    """Attention and a feed-forward part, a norm behind each.

    Args:
        width: of tokens.
        heads: of attention.
        hidden: of the feed-forward part.
        dropout: probability in training.
    """

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attention = Attention(width, heads, dropout=dropout)
        self.forth = FeedForward(width, hidden, nn.ReLU(), dropout)
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.dropout = nn.Dropout(dropout)
        projections = (self.attention.query, self.attention.key, self.attention.value)
        for linear in projections:
            nn.init.uniform_(
                linear.weight, -((6 / (4 * width)) ** 0.5), (6 / (4 * width)) ** 0.5
            )  # of (3 width, width)
        for weight in (self.attention.merge.weight, self.forth[0].weight, self.forth[-1].weight):
            nn.init.xavier_uniform_(cast(Tensor, weight))
        for linear in (*projections, self.attention.merge):
            nn.init.zeros_(linear.bias)

    def forward(self, tokens: Tensor, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """``(batch, n, width)``, with queries of the same shape, and keys and values ``(batch, m, width)``."""
        tokens = self.norms[0](tokens + self.dropout(self.attention(query, key, value)))
        result: Tensor = self.norms[1](tokens + self.dropout(self.forth(tokens)))
        return result
