"""Attention and the layers of transformers. Part of polytag.heads.query2label and polytag.heads.transformer."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Attention(nn.Module):
    """What each query takes from all values: ``softmax(q k / sqrt(head_width)) v`` in several heads, side by side.

    All four projections begin as linear layers of torch do.

    Args:
        width: numbers of a token.
        heads: attention heads.
        head_width: numbers of a token in a head; 0 for ``width / heads``.
        dropout: probability with which a value is not heard, in training.
        bias: whether the projections into the heads have one.
    """

    def __init__(self, width: int, heads: int, head_width: int = 0, dropout: float = 0.0, bias: bool = True) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        inner = heads * (head_width or width // heads)
        self.query, self.key, self.value = (nn.Linear(width, inner, bias=bias) for _ in range(3))
        self.merge = nn.Linear(inner, width)

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """``(batch, n, width)`` of queries, ``(batch, m, width)`` of keys and values, to ``(batch, n, width)``."""
        chance = self.dropout if self.training else 0.0
        q, k, v = self._split(self.query(query)), self._split(self.key(key)), self._split(self.value(value))
        heard = scaled_dot_product_attention(q, k, v, dropout_p=chance)  # (batch, heads, n, head_width)
        return self.merge(heard.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def weights(self, query: Tensor, key: Tensor) -> Tensor:
        """How much each query hears of each key, the mean over heads: ``(batch, n, m)``, rows sum to 1."""
        q, k = self._split(self.query(query)), self._split(self.key(key))
        return (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(dim=3).mean(dim=1)

    def _split(self, tokens: Tensor) -> Tensor:
        return torch.unflatten(tokens, 2, (self.heads, -1)).transpose(1, 2)  # (batch, heads, n, head_width)


class FeedForward(nn.Sequential):
    """Two linear layers with an activation between them: ``(..., width)`` to ``(..., width)``.

    Args:
        width: numbers of a token.
        hidden: numbers between the layers.
        activation: between them.
        dropout: probability in training.
    """

    def __init__(self, width: int, hidden: int, activation: nn.Module, dropout: float) -> None:
        super().__init__(nn.Linear(width, hidden), activation, nn.Dropout(dropout), nn.Linear(hidden, width))


def sine_positions(height: int, width: int, channels: int, like: Tensor) -> Tensor:
    """Where each cell of a map is, as sines and cosines: ``(height * width, channels)`` in ``[-1, 1]``.

    The first half of the channels is of rows, the second of columns; sine and cosine in turns, of wavelengths up to
    10,000; places are shares of the map, times ``2 pi`` (Carion et al., ECCV 2020).

    Args:
        height: of the map.
        width: of the map.
        channels: a multiple of 4.
        like: gives type and device.
    """
    quarter = torch.arange(channels // 4, device=like.device, dtype=torch.float32)
    scales = 10000 ** (2 * quarter / (channels // 2))  # (channels / 4,)

    def waves(size: int) -> Tensor:
        places = torch.arange(1, size + 1, device=like.device, dtype=torch.float32) / (size + 1e-6) * 2 * math.pi
        angles = places[:, None] / scales  # (size, channels / 4)
        return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)  # (size, channels / 2)

    rows = waves(height)[:, None].expand(-1, width, -1)
    columns = waves(width)[None].expand(height, -1, -1)
    return torch.cat([rows, columns], dim=2).flatten(0, 1).to(like.dtype)  # (height * width, channels)
