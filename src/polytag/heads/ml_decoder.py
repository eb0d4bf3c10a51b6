"""ML-Decoder: a few fixed queries look at the feature map, and each answers for a group of classes.

Paper: Ridnik, Sharir, Ben-Cohen, Ben-Baruch, Noy, "ML-Decoder: Scalable and Versatile Classification Head", WACV 2023.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear, pad, relu, scaled_dot_product_attention

from polytag._checks import check_number
from polytag.errors import OptionError, RunError
from polytag.heads.base import ClassDims, Head, with_scaled_input
from polytag.layers.cosine import automatic_scale, full_precision, unit

# Names in the state dict of the public code, where the head's parts may stand in front of or within its ``decoder``;
# ``duplicate_pooling`` is cut into one row a class.
POOLING = "duplicate_pooling"
PUBLIC_KEYS = {
    "query_embed.weight": "queries",
    "layers.0.multihead_attn.in_proj_weight": "project.weight",
    "layers.0.multihead_attn.in_proj_bias": "project.bias",
    "duplicate_pooling_bias": "bias",
} | {
    f"{public}.{kind}": f"{here}.{kind}"
    for public, here in {
        "embed_standart": "embed",
        "layers.0.norm1": "norms.0",
        "layers.0.norm2": "norms.1",
        "layers.0.norm3": "norms.2",
        "layers.0.multihead_attn.out_proj": "merge",
        "layers.0.linear1": "widen",
        "layers.0.linear2": "narrow",
    }.items()
    for kind in ("weight", "bias")
}


class MLDecoder(Head):
    """Attention of ``K = min(groups, C)`` queries to the map, and a product of each with the weights of its classes.

    Cells of the map become tokens of ``width`` numbers; one decoder layer without self-attention follows; class ``c``
    belongs to query ``c // ceil(C / K)``. Normalised, the logit is ``scale * cos``, and tokens may be negative.

    Args:
        in_channels: channels ``D`` of the feature maps.
        num_classes: ``C``.
        groups: queries at most, ``>= 1``; they are drawn once and not trained.
        width: of tokens and queries, a multiple of ``attention_heads``.
        attention_heads: ``>= 1``.
        hidden: width of the layer's feed-forward part.
        dropout: probability in ``[0, 1)`` within the layer, in training.
        normalize: queries and weights get length 1.
        scale: ``> 0``, what cosines are multiplied with, kept with the weights; 0 for
            ``min(max(sqrt(5) ln(C - 1), 7), 30)``.
        cosine_bias: ``scale * (cos + bias)``, as in public code of the AAM paper; without normalisation there is one.

    Raises:
        OptionError: if an option is out of its range, or features are not ``(batch, D, h, w)``.
    """

    scale: Tensor
    queries: Tensor

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        groups: int = 100,
        width: int = 768,
        attention_heads: int = 8,
        hidden: int = 2048,
        dropout: float = 0.1,
        normalize: bool = False,
        scale: float = 23.0,
        cosine_bias: bool = False,
    ) -> None:
        super().__init__(in_channels, num_classes)
        check_number("groups", groups, 1, 1_000_000)
        check_number("attention_heads", attention_heads, 1, 1024)
        check_number("width", width, 1, 65536)
        check_number("hidden", hidden, 1, 1_000_000)
        check_number("dropout", dropout, 0.0, 0.99)
        if width % attention_heads:
            raise OptionError(f"width must be a multiple of attention_heads {attention_heads}, got {width}")
        if scale:
            check_number("scale", scale, 1e-6, float("inf"))
        self.groups, self.attention_heads = min(groups, num_classes), attention_heads
        self.share = math.ceil(num_classes / self.groups)  # classes a query
        self.normalize = normalize
        self.embed = nn.Linear(in_channels, width)
        self.register_buffer("queries", torch.randn(self.groups, width))
        self.project = nn.Linear(width, 3 * width)  # of queries, keys and values
        self.merge, self.widen, self.narrow = (
            nn.Linear(width, width),
            nn.Linear(width, hidden),
            nn.Linear(hidden, width),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)
        self.weight = nn.Parameter(torch.empty(num_classes, width))
        has_bias = not normalize or cosine_bias
        self.bias = nn.Parameter(torch.zeros(num_classes)) if has_bias else None
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        nn.init.zeros_(self.merge.bias)
        # As torch's xavier_normal_ draws a tensor (K, width, share), which is what public code fills.
        nn.init.normal_(self.weight, std=math.sqrt(2 / (self.share * (width + self.groups))))
        if normalize:
            self.register_buffer("scale", torch.tensor(float(scale or automatic_scale(num_classes))))

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        self.check_features(features)
        answers = self._answers(self._tokens(features))  # (batch, K, width)
        missing = self.groups * self.share - self.num_classes
        weight = pad(self.weight, (0, 0, 0, missing)).view(self.groups, self.share, -1)  # (K, share, width)
        if not self.normalize:
            products = torch.einsum("bkw,ksw->bks", answers, weight)  # (batch, K, share)
        else:
            with full_precision(answers):
                products = torch.einsum("bkw,ksw->bks", unit(answers, 2), unit(weight, 2)).clamp(-1, 1)
        products = products.flatten(1)[:, : self.num_classes]  # (batch, C)
        if self.bias is not None:
            products = products + self.bias
        return self.scale * products if self.normalize else products

    def looks(self, features: Tensor) -> Tensor:
        """See :class:`~polytag.heads.base.LookingHead`: the attention of each class's query, the mean over heads."""
        self.check_features(features)
        width = self.queries.shape[1]
        asked = self.norms[0](2 * self.queries)[None]
        query, key = (
            self._in_heads(x)
            for x in (
                linear(asked, self.project.weight[:width], self.project.bias[:width]),
                linear(
                    self._tokens(features), self.project.weight[width : 2 * width], self.project.bias[width : 2 * width]
                ),
            )
        )
        weights = (query @ key.transpose(2, 3) / math.sqrt(query.shape[3])).softmax(dim=3).mean(dim=1)  # (batch, K, n)
        classes = torch.arange(self.num_classes, device=weights.device) // self.share
        return torch.unflatten(weights[:, classes], 2, features.shape[2:])

    def _tokens(self, features: Tensor) -> Tensor:
        """The cells of the map: ``(batch, h * w, width)``."""
        cells = self.embed(features.flatten(2).transpose(1, 2))
        return leaky_relu(cells, 0.2) if self.normalize else relu(cells)

    def _answers(self, tokens: Tensor) -> Tensor:
        """The decoder layer: ``(batch, n, width)`` to ``(batch, K, width)``."""
        drops = self.training and self.dropout.p > 0
        queries = self.queries.expand(tokens.shape[0] if drops else 1, -1, -1)  # (batch or 1, K, width)
        asked = self.norms[0](queries + self.dropout(queries))  # the first residual doubles them, as in public code
        width = self.queries.shape[1]
        asking, keys_values = torch.split(self.project.weight, [width, 2 * width])
        asking_bias, keys_values_bias = torch.split(self.project.bias, [width, 2 * width])
        query = self._in_heads(linear(asked, asking, asking_bias))
        key, value = linear(tokens, keys_values, keys_values_bias).chunk(2, dim=2)
        query = query.expand(tokens.shape[0], -1, -1, -1)  # (batch, heads, K, width / heads)
        chance = self.dropout.p if self.training else 0.0
        seen = scaled_dot_product_attention(query, self._in_heads(key), self._in_heads(value), dropout_p=chance)
        merged = self.merge(seen.transpose(1, 2).flatten(2))  # (batch, K, width)
        answers = self.norms[1](asked + self.dropout(merged))
        thought = self.narrow(self.dropout(relu(self.widen(answers))))
        result: Tensor = self.norms[2](answers + self.dropout(thought))
        return result

    def _in_heads(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 2, (self.attention_heads, -1)).transpose(1, 2)  # (batch, heads, n, width / heads)

    def weighted(self, weights: Tensor) -> Head:
        """See :meth:`Head.weighted`: the same kind of head, as tokens are linear in the channels."""
        return with_scaled_input(self, {"embed.weight": 1}, weights)

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`; where each class has a query of its own, that goes along with it."""
        keys = ["weight", *(["bias"] if self.bias is not None else [])]
        return dict.fromkeys([*keys, *(["queries"] if self.groups == self.num_classes else [])], (0,))

    def group_dims(self) -> dict[str, int]:
        """See :meth:`Head.group_dims`: the classes of a query follow each other."""
        return {"queries": self.share}


def from_public(state: Mapping[str, Tensor], num_classes: int) -> dict[str, Tensor]:
    """The state dict of a head from that of the public code, earlier or current, of the head alone or of a whole model.

    Args:
        state: as saved there, under any prefix (``head.``, ``module.fc.``); what is not of the head is left out.
        num_classes: ``C``, as groups of equal size may have room for more.

    Returns:
        All of a plain :class:`MLDecoder`, whose ``groups``, ``width`` and ``hidden`` must be those of the weights. A
        normalised one has a ``scale``, too, and its ``bias`` with ``cosine_bias`` alone.

    Raises:
        RunError: if there is no such head, it lacks weights, is of other classes, or has layers without a place here.
    """
    before = [name.removesuffix(POOLING) for name in state if name == POOLING or name.endswith(f".{POOLING}")]
    if len(before) != 1:
        raise RunError(
            f"a public ML-Decoder must have one {POOLING}, got {len(before)}; give the state dict of its model"
        )
    within = {  # of the head, wherever its ``decoder`` stands
        name.removeprefix(before[0]).removeprefix("decoder."): value
        for name, value in state.items()
        if name.startswith(before[0])
    }
    if missing := [name for name in PUBLIC_KEYS if name not in within]:
        raise RunError(
            f"a public ML-Decoder must have {', '.join(missing)}, and these weights have none; give all of it"
        )
    if extra := [name for name in within if name.startswith("layers.") and name not in PUBLIC_KEYS]:
        raise RunError(
            f"a public ML-Decoder must be one layer without self-attention, got {extra[0]}; give another one"
        )
    biases = within["duplicate_pooling_bias"]
    if len(biases) != num_classes:
        raise RunError(f"a public ML-Decoder must be of {num_classes} classes, and these weights are of {len(biases)}")
    pooling = within[POOLING].transpose(1, 2).flatten(0, 1)[:num_classes]  # (K, width, share) to (C, width)
    return {"weight": pooling} | {here: within[public] for public, here in PUBLIC_KEYS.items()}
