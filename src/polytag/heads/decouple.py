"""DecoupleNet: maps of each class on its own, coupled again by attention over all classes.

Paper: Liu, Guo, Huang, Scott, "Decoupling Category-Wise Independence and Relevance with Self-Attention for Multi-Label
Image Classification", ICASSP 2019.

=========  ==========================================================================================
section    code
=========  ==========================================================================================
2.1        ``upsampling``, class-wise space-to-depth and category maximum: :meth:`Decouple.independent`
2.2        attention: "arch1" from the maps of all classes, "arch2" from the features; equations 1 and 2
eq. 3      ``layers/wildcat.py``
=========  ==========================================================================================

The paper's "arch1 + arch2" is an ensemble of two networks: give both runs to ``polytag evaluate`` or ``Predictor``.
Stride 2, 4 maps and the numbers of the pooling are not in the text; its shapes and WILDCAT's code ask for them.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from polytag._checks import check_choice, check_number
from polytag.errors import OptionError
from polytag.heads.base import ClassDims, Head, with_scaled_input
from polytag.layers.wildcat import WildcatPooling, upsampled


class Decouple(Head):
    """Pooled ``(1 + a_c) Z_c``: the class's own map ``Z_c``, and ``a_c`` in ``(0, 1)`` by attention over all classes.

    Args:
        in_channels: channels ``D`` of the feature maps.
        num_classes: ``C``; the weights of "arch1" grow with its square, 4 million at 1,000. Above some 600
            ML-Decoder takes less time.
        upsampling: to twice the size, one channel a class: a transposed convolution; a 1x1 convolution and bilinear; or
            none, a 3x3 convolution.
        maps: of a class after space-to-depth, ``>= 1``.
        attention: from the classes' own maps ("arch1"), from the features ("arch2"), or none.
        highest, lowest, alpha: see :class:`~polytag.layers.wildcat.WildcatPooling`.

    Raises:
        OptionError: if an option is out of its range, features are not ``(batch, D, h, w)``, or attention is trained on
            a single place.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        upsampling: Literal["transposed", "bilinear", "none"] = "transposed",
        maps: int = 4,
        attention: Literal["arch1", "arch2", "none"] = "arch1",
        highest: float = 0.2,
        lowest: float = 0.2,
        alpha: float = 0.7,
    ) -> None:
        super().__init__(in_channels, num_classes)
        check_choice("upsampling", upsampling, UPSAMPLINGS)
        check_number("maps", maps, 1, 1024)
        check_choice("attention", attention, ("arch1", "arch2", "none"))
        self.upsampling, self.attention = upsampling, attention
        self.upsample = UPSAMPLINGS[upsampling](in_channels, num_classes)
        self.stride = 1 if upsampling == "none" else 2
        self.depth_weight = nn.Parameter(torch.empty(num_classes, maps, 3, 3))
        self.depth_bias = nn.Parameter(torch.empty(num_classes, maps))
        for weights in (self.depth_weight, self.depth_bias):
            nn.init.uniform_(weights, -1 / 3, 1 / 3)  # as a convolution of 9 inputs begins
        seen = {"arch1": num_classes * maps, "arch2": in_channels, "none": 0}[attention]
        if seen:
            self.attend_weight = nn.Parameter(torch.empty(num_classes, seen))
            self.attend_bias = nn.Parameter(torch.empty(num_classes))
            for weights in (self.attend_weight, self.attend_bias):
                nn.init.uniform_(weights, -(seen**-0.5), seen**-0.5)
            if attention == "arch1":  # so that both dimensions of classes are there
                self.attend_weight = nn.Parameter(torch.unflatten(self.attend_weight.detach(), 1, (num_classes, maps)))
            self.attend_norm = nn.BatchNorm2d(num_classes)
        self.pooling = WildcatPooling(highest, lowest, alpha)

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        return self.pooling(self.class_maps(features))  # type: ignore[no-any-return]  # (batch, C)

    def class_maps(self, features: Tensor) -> Tensor:
        """See :class:`~polytag.heads.base.MapHead`: the coupled maps of equation 2."""
        own, many = self.independent(features)
        return own if self.attention == "none" else (1 + self._attended(features, many)[:, :, None, None]) * own

    def class_attention(self, features: Tensor) -> Tensor:
        """How relevant each class is, by the attention of equation 1: ``(batch, C)`` in ``(0, 1)``; 0 without one."""
        own, many = self.independent(features)
        return torch.zeros_like(own[:, :, 0, 0]) if self.attention == "none" else self._attended(features, many)

    def independent(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Each class's own map ``(batch, C, h', w')``, the maximum of its maps ``(batch, C * maps, h', w')``."""
        self.check_features(features)
        large = self.upsample(features)  # (batch, C, 2 h, 2 w)
        weight, bias = self.depth_weight.flatten(0, 1)[:, None], self.depth_bias.flatten()
        many = conv2d(large, weight, bias, self.stride, padding=1, groups=self.num_classes)  # (batch, C * maps, h', w')
        return torch.unflatten(many, 1, (self.num_classes, -1)).amax(dim=2), many

    def _attended(self, features: Tensor, many: Tensor) -> Tensor:
        seen = many if self.attention == "arch1" else features
        scores = conv2d(seen, self.attend_weight.flatten(1)[:, :, None, None], self.attend_bias)  # (batch, C, h', w')
        if self.training and scores.numel() == self.num_classes:
            raise OptionError(
                "attention over classes is trained on at least two places, got one photo with a map of 1 x 1; "
                "give larger batches or photos"
            )
        return self.attend_norm(scores).amax(dim=(2, 3)).sigmoid()  # type: ignore[no-any-return]  # (batch, C)

    def weighted(self, weights: Tensor) -> Head:
        """See :meth:`Head.weighted`: the same kind of head."""
        first = {"upsample.weight": 0} if self.upsampling == "transposed" else {"upsample.weight": 1}
        first = {"upsample.0.weight": 1} if self.upsampling == "bilinear" else first
        return with_scaled_input(self, first | ({"attend_weight": 1} if self.attention == "arch2" else {}), weights)

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`."""
        layer = "upsample.0" if self.upsampling == "bilinear" else "upsample"
        dims: ClassDims = {f"{layer}.weight": (int(self.upsampling == "transposed"),), f"{layer}.bias": (0,)}
        dims |= {"depth_weight": (0,), "depth_bias": (0,)}
        if self.attention != "none":
            norm = ("weight", "bias", "running_mean", "running_var")
            dims |= {"attend_weight": (0, 1) if self.attention == "arch1" else (0,), "attend_bias": (0,)}
            dims |= {f"attend_norm.{name}": (0,) for name in norm}
        return dims


class Bilinear(nn.Module):
    """Twice the size, bilinear."""

    def forward(self, maps: Tensor) -> Tensor:
        """``(batch, C, h, w)`` to ``(batch, C, 2 h, 2 w)``."""
        return upsampled(maps)


def _transposed(channels: int, classes: int) -> nn.Module:
    layer = nn.ConvTranspose2d(channels, classes, 3, stride=2, padding=1, output_padding=1)
    bound = (9 / 4 * channels) ** -0.5  # a pixel sums 9 / 4 places in the mean; torch begins as if it were of classes
    for weights in layer.parameters():
        nn.init.uniform_(weights, -bound, bound)
    return layer


def _bilinear(channels: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, classes, 1), Bilinear())  # the other way round is the same, and dearer


def _none(channels: int, classes: int) -> nn.Module:
    return nn.Conv2d(channels, classes, 3, padding=1)


UPSAMPLINGS = {"transposed": _transposed, "bilinear": _bilinear, "none": _none}
