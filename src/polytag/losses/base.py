"""What every loss of polytag is."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from polytag.labels import Labels


class Loss(nn.Module, ABC):
    """Logits and targets to one number: summed over classes, averaged over the batch, unknown labels left out.

    Subclasses are final. A loss that needs label statistics takes them in :meth:`prepare`.

    Attributes:
        cosines: whether its logits should be cosines times a scale; heads that can be are then normalised.
        weighs_photos: whether what a label costs depends on the other labels of the photo.
    """

    cosines = False
    weighs_photos = False

    def attach(self, head: nn.Module) -> None:
        """Called once with the head whose logits it judges, before :meth:`prepare`. Nothing by default."""

    def prepare(self, labels: Labels) -> None:
        """Called once with the training labels, before the first step. Nothing by default."""

    @abstractmethod
    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            logits: ``(batch, classes)``, any float type; computed in float32 (float64 stays float64).
            targets: ``(batch, classes)``: 1 present, 0 absent, -1 unknown; a label ``y`` between 0 and 1, of mixed
                photos, costs ``y`` times what it costs where present and ``1 - y`` times what it costs where absent
                (by the weight of the mixed photo, in a loss that weighs photos).

        Returns:
            ``()``, never negative, in float32 (or float64).
        """


def make_ready(loss: object, model: nn.Module, labels: Labels, device: torch.device) -> None:
    """Tell a loss of the table what it may want to know; a function of the user's own is left as it is.

    Args:
        loss: what a method minimises.
        model: whose logits it judges; its ``head``, if it has one, is what the loss is attached to.
        labels: of the training photos.
        device: where the loss moves to.
    """
    if not isinstance(loss, Loss):
        return
    if isinstance(head := getattr(model, "head", None), nn.Module):
        loss.attach(head)
    loss.prepare(labels)
    loss.to(device)
