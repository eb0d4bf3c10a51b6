"""CSRA: the mean of a class's scores over the map, and a share of where they are high.

Paper: Zhu, Wu, "Residual Attention: A Simple but Effective Method for Multi-Label Recognition", ICCV 2021.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from polytag._checks import check_number
from polytag.errors import OptionError
from polytag.heads.base import ClassDims, Head
from polytag.layers.cosine import unit

# Sharpness of the softmax over places in each head; infinity is the highest place alone.
TEMPERATURES: dict[int, tuple[float, ...]] = {
    1: (1,),
    2: (1, torch.inf),
    4: (1, 2, 4, torch.inf),
    6: (1, 2, 3, 4, 5, torch.inf),
    8: (1, 2, 3, 4, 5, 6, 7, torch.inf),
}


class CSRA(Head):
    """Class-specific residual attention: the sum over heads of ``mean(s) + strength * sum(softmax(T s) s)``.

    ``s_c = w_c . x / |w_c|`` are the scores of the places, with a weight of its own and another ``T`` in each head.

    Args:
        in_channels: channels ``D`` of the feature maps.
        num_classes: ``C``.
        attention_heads: 1, 2, 4, 6 or 8.
        strength: ``>= 0``, of the second part; the paper's lambda, 0.1 on VOC with one head, 0.5 on COCO with six.

    Raises:
        OptionError: if an option is out of its range, or features are not ``(batch, D, h, w)``.
    """

    def __init__(self, in_channels: int, num_classes: int, attention_heads: int = 1, strength: float = 0.1) -> None:
        super().__init__(in_channels, num_classes)
        if attention_heads not in TEMPERATURES:
            raise OptionError(f"attention_heads must be one of 1, 2, 4, 6, 8, got {attention_heads}")
        check_number("strength", strength, 0.0, 1000.0)
        self.temperatures, self.strength = TEMPERATURES[attention_heads], strength
        self.weight = nn.Parameter(torch.empty(attention_heads, num_classes, in_channels))
        nn.init.uniform_(self.weight, -(in_channels**-0.5), in_channels**-0.5)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        scores = self._scores(features).flatten(3)  # (batch, heads, C, h * w)
        attended = [_attended(scores[:, head], sharp) for head, sharp in enumerate(self.temperatures)]
        return scores.mean(dim=3).sum(dim=1) + self.strength * torch.stack(attended).sum(dim=0)  # (batch, C)

    def class_maps(self, features: Tensor) -> Tensor:
        """See :class:`~polytag.heads.base.MapHead`: the scores, summed over heads."""
        return self._scores(features).sum(dim=1)  # (batch, C, h, w)

    def _scores(self, features: Tensor) -> Tensor:
        self.check_features(features)
        weight = unit(self.weight, 2).to(self.weight.dtype)
        scores = conv2d(features, weight.flatten(0, 1)[:, :, None, None])  # (batch, heads * C, h, w)
        return torch.unflatten(scores, 1, (-1, self.num_classes))

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`."""
        return {"weight": (1,)}


def _attended(scores: Tensor, sharpness: float) -> Tensor:
    """``(batch, C, places)`` to ``(batch, C)``."""
    if sharpness == torch.inf:
        return scores.amax(dim=2)
    return ((sharpness * scores).softmax(dim=2) * scores).sum(dim=2)
