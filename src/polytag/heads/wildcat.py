"""WILDCAT: several maps a class, their mean pooled by its highest and lowest places.

Paper: Durand, Mordan, Thome, Cord, "WILDCAT: Weakly Supervised Learning of Deep ConvNets for Image Classification,
Pointwise Localization and Segmentation", CVPR 2017.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from polytag._checks import check_number
from polytag.heads.base import ClassDims, Head, with_scaled_input
from polytag.layers.wildcat import WildcatPooling


class Wildcat(Head):
    """Pooled class maps, each the mean of ``maps`` 1x1 convolutions of the features.

    Args:
        in_channels: channels ``D`` of the feature maps.
        num_classes: ``C``.
        maps: a class, ``>= 1``.
        highest, lowest: places that are pooled; see :class:`~polytag.layers.wildcat.WildcatPooling`.
        alpha: weight of the lowest.
        halve: divide by 2, as public code does.

    Raises:
        OptionError: if an option is out of its range, or features are not ``(batch, D, h, w)``.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        maps: int = 8,
        highest: float = 0.2,
        lowest: float = 0.2,
        alpha: float = 0.7,
        halve: bool = True,
    ) -> None:
        super().__init__(in_channels, num_classes)
        check_number("maps", maps, 1, 1024)
        self.weight = nn.Parameter(torch.empty(num_classes, maps, in_channels))
        self.bias = nn.Parameter(torch.empty(num_classes, maps))
        bound = in_channels**-0.5  # as a convolution begins
        nn.init.uniform_(self.weight, -bound, bound)
        nn.init.uniform_(self.bias, -bound, bound)
        self.pooling = WildcatPooling(highest, lowest, alpha, halve)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        return self.pooling(self.class_maps(features))  # type: ignore[no-any-return]  # (batch, C)

    def class_maps(self, features: Tensor) -> Tensor:
        """See :class:`~polytag.heads.base.MapHead`."""
        self.check_features(features)
        # The mean of convolutions is the convolution of their mean.
        weight, bias = self.weight.mean(dim=1)[:, :, None, None], self.bias.mean(dim=1)
        return conv2d(features, weight, bias)  # (batch, C, h, w)

    def weighted(self, weights: Tensor) -> Head:
        """See :meth:`Head.weighted`: the same kind of head."""
        return with_scaled_input(self, {"weight": 2}, weights)

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`."""
        return {"weight": (0,), "bias": (0,)}
