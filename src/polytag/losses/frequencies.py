"""How frequent labels are, for the losses that must know."""

import numpy as np
import torch
from torch import Tensor, nn

from polytag.errors import OptionError
from polytag.labels import Labels


class Frequencies(nn.Module):
    """On how many training photos each label is present, and on how many that is known; empty until it is told.

    Args:
        loss: the name of the loss, for what is said.
    """

    present: Tensor
    known: Tensor

    def __init__(self, loss: str) -> None:
        super().__init__()
        self.loss = loss
        for name in ("present", "known"):
            self.register_buffer(name, torch.empty(0), persistent=False)

    def take(self, labels: Labels) -> None:
        """Count the training labels."""
        present, absent, _ = labels.counts()
        for name, counts in (("present", present), ("known", present + absent)):
            value = torch.as_tensor(np.asarray(counts), dtype=torch.float32, device=getattr(self, name).device)
            setattr(self, name, value)

    def of(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Both counts, ``(classes,)``, in the type of the logits.

        Raises:
            OptionError: if they were not told, or for another number of classes.
        """
        if not len(self.present):
            raise OptionError(
                f"{self.loss} must know how frequent labels are; call prepare(labels) before the first batch"
            )
        if len(self.present) != logits.shape[1]:
            raise OptionError(
                f"{self.loss} was prepared for {len(self.present)} classes, got {logits.shape[1]}; "
                "call prepare(labels) with labels of the same classes"
            )
        return self.present.to(logits.dtype), self.known.to(logits.dtype)
