"""What every head of polytag is."""

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from polytag._checks import check_number
from polytag.errors import OptionError


class Head(nn.Module, ABC):
    """Feature maps to one logit a class. Subclasses are final and are built by ``(in_channels, num_classes)`` alone.

    Args:
        in_channels: channels ``D >= 1`` of the feature maps.
        num_classes: ``C >= 1``.

    Raises:
        OptionError: if a number is out of its range.
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        check_number("in_channels", in_channels, 1, float("inf"))
        check_number("num_classes", num_classes, 1, float("inf"))
        self.in_channels = in_channels
        self.num_classes = num_classes

    @abstractmethod
    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch: ``(batch, D, h, w)`` of any ``h, w >= 1`` to ``(batch, C)``."""

    @abstractmethod
    def class_dims(self) -> dict[str, int]:
        """Which weights have one slice a class: the state-dict key, and the dimension that counts the classes.

        Weights of another run are matched slice by slice through the names of the classes.
        """

    def check_features(self, features: Tensor) -> None:
        """Raise :class:`OptionError` unless ``features`` are ``(batch, D, h, w)``."""
        if features.ndim != 4 or features.shape[1] != self.in_channels:
            raise OptionError(
                f"features must have shape (batch, {self.in_channels}, height, width), got {tuple(features.shape)}"
            )


@runtime_checkable
class VectorHead(Protocol):
    """A head in two halves, for methods that work on the vector between them; ``forward`` is one after the other."""

    def embed(self, features: Tensor) -> Tensor:
        """One vector a photo: ``(batch, D, h, w)`` to ``(batch, D)``."""

    def classify(self, vectors: Tensor) -> Tensor:
        """Logits of such vectors: ``(batch, D)`` to ``(batch, C)``."""
