"""The linear head: pool the feature map, then one weight vector a class."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear

from polytag._checks import check_choice, check_number
from polytag.heads.base import ClassDims, Head, with_scaled_input
from polytag.layers.cosine import automatic_scale, full_precision, unit


class Linear(Head):
    """Logits of the pooled features ``v``: ``w_c . v + b_c``, or ``scale * cos(w_c, v)`` where normalised.

    Args:
        in_channels: channels ``D`` of the feature maps.
        num_classes: ``C``.
        pooling: the mean over the map, its maximum, or the sum of both.
        normalize: weights and vectors get length 1 and there is no bias, so logits lie in ``[-scale, scale]``; a
            vector of zeros gets logits of 0.
        scale: ``> 0``, what cosines are multiplied with, kept with the weights; 0 for
            ``min(max(sqrt(5) ln(C - 1), 7), 30)``.
        dropout: probability in ``[0, 1]`` with which :meth:`classify` drops an entry of a vector in training.

    Raises:
        OptionError: if an option is out of its range, or features are not ``(batch, D, h, w)``.
    """

    scale: Tensor

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        pooling: Literal["avg", "max", "avg_max"] = "avg",
        normalize: bool = False,
        scale: float = 23.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(in_channels, num_classes)
        check_choice("pooling", pooling, ("avg", "max", "avg_max"))
        if scale:
            check_number("scale", scale, 1e-6, float("inf"))
        check_number("dropout", dropout, 0.0, 1.0)
        self.pooling = pooling
        self.normalize = normalize
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(in_channels, num_classes, bias=not normalize)
        if normalize:
            # Directions spread evenly over the sphere: a normal vector, cut to length 1.
            nn.init.normal_(self.classifier.weight)
            with torch.no_grad():
                self.classifier.weight.copy_(unit(self.classifier.weight))
            self.register_buffer("scale", torch.tensor(float(scale or automatic_scale(num_classes))))

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        return self.classify(self.embed(features))  # (batch, C)

    def embed(self, features: Tensor) -> Tensor:
        """The pooled features: ``(batch, D, h, w)`` to ``(batch, D)``."""
        self.check_features(features)
        if self.pooling == "avg":
            return features.mean(dim=(2, 3))  # (batch, D)
        if self.pooling == "max":
            return features.amax(dim=(2, 3))  # (batch, D)
        return features.mean(dim=(2, 3)) + features.amax(dim=(2, 3))  # (batch, D)

    def classify(self, vectors: Tensor) -> Tensor:
        """Logits of pooled features: ``(batch, D)`` to ``(batch, C)``."""
        vectors = self.dropout(vectors)
        if not self.normalize:
            return self.classifier(vectors)  # type: ignore[no-any-return]  # (batch, C)
        with full_precision(vectors):
            cosines = linear(unit(vectors), unit(self.classifier.weight))  # (batch, C)
            return self.scale * cosines.clamp(-1, 1)

    def class_maps(self, features: Tensor) -> Tensor:
        """See :class:`~polytag.heads.base.MapHead`: class activation maps; with mean pooling their means are logits."""
        self.check_features(features)
        weight = self.classifier.weight
        if not self.normalize:
            return conv2d(features, weight[:, :, None, None], self.classifier.bias)  # (batch, C, h, w)
        length = torch.linalg.vector_norm(self.embed(features), dim=1)[:, None, None, None]
        maps = conv2d(features, unit(weight).to(features.dtype)[:, :, None, None])
        scaled: Tensor = self.scale * maps / length.clamp(min=1e-6)
        return scaled

    def weighted(self, weights: Tensor) -> Head:
        """See :meth:`Head.weighted`: the same kind of head, unless it takes cosines, for which lengths change."""
        if self.normalize:
            return super().weighted(weights)
        return with_scaled_input(self, {"classifier.weight": 1}, weights)

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`."""
        return {f"classifier.{name}": (0,) for name, _ in self.classifier.named_parameters()}
