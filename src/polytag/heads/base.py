"""What every head of polytag is."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import partial
from typing import Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from polytag._checks import check_number
from polytag.errors import OptionError

ClassDims = dict[str, tuple[int, ...]]
SHOWN = ("class_maps", "looks", "class_attention")  # what a head may show of a photo beside its logits
HeadT = TypeVar("HeadT", bound="Head")


class Head(nn.Module, ABC):
    """Feature maps to one logit a class. Subclasses are abstract, or final and built by two numbers alone.

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
    def class_dims(self) -> ClassDims:
        """Which weights have one slice a class: the state-dict key, and the dimensions that count the classes.

        Weights of another run are matched slice by slice through the names of the classes.
        """

    def group_dims(self) -> dict[str, int]:
        """Which weights have one slice for several classes in a row: the state-dict key, and for how many.

        A class of another run is taken where the slice that it shared there can be taken with it.
        """
        return {}

    def told(self) -> tuple[str, ...]:
        """State-dict keys of what a :class:`LabelHead` is told, which is never taken from another run."""
        return ()

    def fold(self) -> "Head":
        """A head with the same answers in ``eval`` mode, without what does not depend on the photo; itself by default.

        Folding twice is folding once. Neither trains the other's weights.
        """
        return self

    def weighted(self, weights: Tensor) -> "Head":
        """A head that answers as this one would to ``weights * features``, for ``weights`` ``(D,)``, in ``eval`` mode.

        Heads that are linear in the channels put ``weights`` into their own; others get one product in front.
        """
        return ChannelWeights(weights, self)

    def check_features(self, features: Tensor) -> None:
        """Raise :class:`OptionError` unless ``features`` are ``(batch, D, h, w)``."""
        if features.ndim != 4 or features.shape[1] != self.in_channels:
            raise OptionError(
                f"features must have shape (batch, {self.in_channels}, height, width), got {tuple(features.shape)}"
            )


class Around(Head):
    """Another head behind a product of each channel with a number: it is, and shows, all that the other one does.

    Args:
        around: the other head.
    """

    def __init__(self, around: Head) -> None:
        super().__init__(around.in_channels, around.num_classes)
        self.around = around
        if isinstance(around, VectorHead):  # then so is this one
            self.embed, self.classify = self._embed, around.classify
        for name in SHOWN:
            if hasattr(around, name):
                setattr(self, name, partial(self._shown, name))

    @abstractmethod
    def channel_weights(self) -> Tensor:
        """How much each channel counts: ``(D,)``."""

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        return self.around(self._weighted(features))  # type: ignore[no-any-return]  # (batch, C)

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`."""
        return {f"around.{key}": dim for key, dim in self.around.class_dims().items()}

    def group_dims(self) -> dict[str, int]:
        """See :meth:`Head.group_dims`."""
        return {f"around.{key}": share for key, share in self.around.group_dims().items()}

    @property
    def scale(self) -> Tensor | None:
        """What cosines are multiplied with, where the other head gives some."""
        return getattr(self.around, "scale", None)

    def _embed(self, features: Tensor) -> Tensor:
        return self.around.embed(self._weighted(features))  # type: ignore[no-any-return, operator]  # (batch, D)

    def _shown(self, name: str, features: Tensor) -> Tensor:
        return getattr(self.around, name)(self._weighted(features))  # type: ignore[no-any-return]

    def _weighted(self, features: Tensor) -> Tensor:
        self.check_features(features)
        return features * self.channel_weights().to(features.dtype)[:, None, None]  # (batch, D, h, w)


class ChannelWeights(Around):
    """A copy of another head behind weights of the channels that no longer change.

    Args:
        weights: ``(D,)``.
        around: the other head.
    """

    weights: Tensor

    def __init__(self, weights: Tensor, around: Head) -> None:
        super().__init__(copy.deepcopy(around))
        self.register_buffer("weights", weights.detach().clone())
        self.training = around.training

    def channel_weights(self) -> Tensor:
        """See :class:`Around`."""
        return self.weights


def with_scaled_input(head: HeadT, dims: Mapping[str, int], weights: Tensor) -> HeadT:
    """A copy of a head that sees features multiplied with ``weights`` ``(D,)``: its first layers are linear in them.

    Args:
        head: to be copied.
        dims: state-dict key of each weight that sees the features, and its dimension of channels.
        weights: by which each channel is multiplied.
    """
    scaled = copy.deepcopy(head)
    with torch.no_grad():
        for key, dim in dims.items():
            weight = scaled.get_parameter(key)
            weight.mul_(weights.view(*(-1 if axis == dim else 1 for axis in range(weight.ndim))))
    return scaled


@runtime_checkable
class VectorHead(Protocol):
    """A head in two halves, for methods that work on the vector between them; ``forward`` is one after the other."""

    def embed(self, features: Tensor) -> Tensor:
        """One vector a photo: ``(batch, D, h, w)`` to ``(batch, D)``."""

    def classify(self, vectors: Tensor) -> Tensor:
        """Logits of such vectors: ``(batch, D)`` to ``(batch, C)``."""


@runtime_checkable
class MapHead(Protocol):
    """A head that works by a map a class, which shows where a label is without a backward pass."""

    def class_maps(self, features: Tensor) -> Tensor:
        """What each place says of each class, in logits: ``(batch, D, h, w)`` to ``(batch, C, h', w')``."""


@runtime_checkable
class LookingHead(Protocol):
    """A head that looks at the map by attention, for each class or group of classes."""

    def looks(self, features: Tensor) -> Tensor:
        """How much each class looks at each place: ``(batch, D, h, w)`` to ``(batch, C, h, w)``, each map sums to 1."""


@runtime_checkable
class CouplingHead(Protocol):
    """A head in which classes weigh each other by attention."""

    def class_attention(self, features: Tensor) -> Tensor:
        """How relevant each class is: ``(batch, D, h, w)`` to ``(batch, C)`` in ``[0, 1]``; 0 where none is at work."""


class LabelGraph(NamedTuple):
    """The graph that a head wants; see :func:`polytag.labels.cooccurrence.label_graph`."""

    threshold: float
    share: float
    mode: Literal["public", "paper"]


@runtime_checkable
class LabelHead(Protocol):
    """A head that passes messages between labels, and so must be told of them before it is trained.

    Attributes:
        vectors_from: what vectors it is to be told: "cooccurrence", "images", "random", or a file of words.
        vector_size: numbers in each.
        wanted_graph: the graph that it is to be told, or None.
    """

    vectors_from: str
    vector_size: int
    wanted_graph: LabelGraph | None

    def tell(self, graph: Tensor | None, vectors: Tensor) -> None:
        """Take the graph ``(C, C)``, if wanted, and vectors ``(C, vector_size)``, in the order of the classes."""
