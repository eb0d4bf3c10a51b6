"""Test-time augmentation: a trained model asked about several views of a photo, mirrored and turned."""

import torch
from torch import Tensor, nn

from polytag._checks import check_choice
from polytag.data.augment.turn import check_square
from polytag.model import mean_logits

View = tuple[bool, int]  # whether mirrored left and right, and then by how many quarter turns

TTA: dict[str, tuple[View, ...]] = {
    "none": ((False, 0),),
    "flip": ((False, 0), (True, 0)),
    "d4": tuple((mirrored, turns) for mirrored in (False, True) for turns in range(4)),  # the symmetries of a square
}


class WithViews(nn.Module):
    """A model asked about each view of a photo; the logit of the mean probability.

    Args:
        model: ``(batch, 3, h, w)`` to logits ``(batch, classes)``.
        views: those of a name in ``TTA``.
    """

    def __init__(self, model: nn.Module, views: tuple[View, ...]) -> None:
        super().__init__()
        self.model = model
        self.views = views
        self.training = model.training

    def forward(self, images: Tensor) -> Tensor:
        """Args: ``images`` ``(batch, 3, h, w)``, square for turns. Returns: logits ``(batch, classes)``."""
        return mean_logits([self.model(_seen(images, view)) for view in self.views])


def with_views(model: nn.Module, tta: str) -> nn.Module:
    """The model that answers with these views of a photo, a name in ``TTA``; itself where that is the photo alone."""
    return model if len(TTA[tta]) == 1 else WithViews(model, TTA[tta])


def check_tta(tta: str, image_size: tuple[int, int]) -> None:
    """Raise :class:`OptionError` unless photos of ``(height, width)`` pixels have these views."""
    check_choice("tta", tta, tuple(TTA))
    if tta == "d4":
        check_square("tta d4", image_size)


def _seen(images: Tensor, view: View) -> Tensor:
    mirrored, turns = view
    return torch.rot90(images.flip(3) if mirrored else images, turns, (2, 3))
