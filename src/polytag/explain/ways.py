"""Heat maps of some classes: from a head's own maps, from what it looks at, or from gradients."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from polytag.errors import OptionError
from polytag.heads.base import Head, LookingHead, MapHead

Way = Callable[[Head, Tensor, Sequence[int]], Tensor]
"""A head, features ``(batch, D, h, w)`` and ``n`` classes to maps ``(batch, n, h', w')``."""

COPIES = 64  # of feature maps that are pushed back through the head at a time


def class_maps(head: Head, features: Tensor, classes: Sequence[int]) -> Tensor:
    """The head's own maps, in logits: what each place says of each class. No backward pass.

    Raises:
        OptionError: if the head has none.
    """
    if not isinstance(head, MapHead):
        raise OptionError(_lacks(head, "class maps", "attention or gradcam"))
    return head.class_maps(features)[:, list(classes)]


def attention(head: Head, features: Tensor, classes: Sequence[int]) -> Tensor:
    """What the head looks at for each class: shares that sum to 1. No backward pass.

    Raises:
        OptionError: if the head does not work by attention to places.
    """
    if not isinstance(head, LookingHead):
        raise OptionError(_lacks(head, "attention to places", "maps or gradcam"))
    return head.looks(features)[:, list(classes)]


def grad_cam(head: Head, features: Tensor, classes: Sequence[int]) -> Tensor:
    """Grad-CAM of the feature map: ``relu(sum over channels of mean(d logit / d F) F)``, for any head.

    Only the head is gone back through, all classes of all photos at once (Selvaraju et al., ICCV 2017).
    """
    batch, wanted = len(features), len(classes)
    rows = torch.arange(batch, device=features.device).repeat_interleave(wanted)  # a copy of a photo for each class
    columns = torch.tensor(list(classes), device=features.device).repeat(batch)
    maps = []
    for some in torch.split(torch.arange(batch * wanted, device=features.device), COPIES):
        copies = features[rows[some]].detach().requires_grad_()  # (copies, D, h, w)
        with torch.enable_grad():
            logit = head(copies)[torch.arange(len(some)), columns[some]].sum()
        (gradient,) = torch.autograd.grad(logit, copies)
        maps.append((gradient.mean(dim=(2, 3), keepdim=True) * copies).sum(dim=1).relu().detach())
    return torch.unflatten(torch.cat(maps), 0, (batch, wanted))


def best_way(head: Head) -> str:
    """The name of the way that suits a head: its own maps where it has some, else Grad-CAM."""
    return "maps" if isinstance(head, MapHead) else "gradcam"


def _lacks(head: Head, what: str, others: str) -> str:
    return f"the head {type(head).__name__} has no {what}; choose {others}"
