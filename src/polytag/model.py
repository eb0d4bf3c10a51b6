"""What is trained, evaluated and exported: a backbone with a head."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from polytag.errors import OptionError
from polytag.heads.base import Head, VectorHead


class Classifier(nn.Module):
    """Photos to logits: ``head(backbone(images))``.

    Args:
        backbone: ``(batch, 3, h, w)`` to feature maps ``(batch, D, h', w')``.
        head: feature maps to ``(batch, classes)``.

    Raises:
        OptionError: if the backbone says how many channels it has, and the head takes another number.
    """

    def __init__(self, backbone: nn.Module, head: Head) -> None:
        super().__init__()
        channels = getattr(backbone, "channels", head.in_channels)
        if channels != head.in_channels:
            raise OptionError(
                f"in_channels of the head must be the {channels} channels of the backbone, got {head.in_channels}"
            )
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Args: ``images`` ``(batch, 3, h, w)``, normalised. Returns: logits ``(batch, classes)``, at least float32."""
        return _at_least_float32(self.head(self.backbone(images)))

    def embed(self, images: Tensor) -> Tensor:
        """One vector a photo, ``(batch, D)``, from a head that has one; :meth:`classify` goes on from there.

        Raises:
            OptionError: if the head does not work by one vector a photo.
        """
        return self._vector_head().embed(self.backbone(images))

    def classify(self, vectors: Tensor) -> Tensor:
        """Logits of such vectors, ``(batch, D)`` to ``(batch, classes)``, at least float32.

        Raises:
            OptionError: if the head does not work by one vector a photo.
        """
        return _at_least_float32(self._vector_head().classify(vectors))

    def folded(self) -> "Classifier":
        """The same answers in ``eval`` mode, without what does not depend on the photo; shares the backbone.

        What is evaluated and exported; folded twice is folded once. It is not meant to be trained.
        """
        return Classifier(self.backbone, self.head.fold()).train(self.training)

    def _vector_head(self) -> VectorHead:
        if not isinstance(self.head, VectorHead):
            raise OptionError(
                f"the head {type(self.head).__name__} does not work by one vector a photo, with embed and classify; "
                "choose one that does, such as linear"
            )
        return self.head


def on_vectors(method: str, model: nn.Module) -> Classifier:
    """The model itself, for a method that works on the vectors between the two halves of its head.

    Raises:
        OptionError: if it is no classifier, or its head does not work by one vector a photo.
    """
    if not isinstance(model, Classifier):
        raise OptionError(f"{method} works on a Classifier, a backbone with a head, got another module")
    if not isinstance(model.head, VectorHead):
        raise OptionError(
            f"{method} needs a head with embed and classify, which works by one vector a photo, and "
            f"{type(model.head).__name__} does not; choose one that does, such as linear"
        )
    return model


def mean_logits(logits: Sequence[Tensor]) -> Tensor:
    """The logits of the mean of probabilities, each given as logits of one shape.

    The difference of the logs of the means of p and of 1 - p, which is exact also where p rounds to 1.
    """
    stacked = torch.stack(list(logits))
    return logsigmoid(stacked).logsumexp(0) - logsigmoid(-stacked).logsumexp(0)


def _at_least_float32(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
