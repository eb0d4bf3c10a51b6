"""Heat maps of some classes: from a head's own maps, from what it looks at, or from gradients."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from polytag.branches import BranchHead
from polytag.errors import OptionError
from polytag.heads.base import ChannelWeights, Head, LookingHead, MapHead

Way = Callable[[Head, Tensor, Sequence[int]], Tensor]
"""A head, features ``(batch, D, h, w)`` and ``n`` classes to maps ``(batch, n, h', w')``."""

NEEDS: dict[str, tuple[type, str]] = {  # by the name of a way: what a head must be for it, and what it then has
    "maps": (MapHead, "class maps"),
    "attention": (LookingHead, "attention to places"),
    "gradcam": (Head, "gradients"),
}
COPIES = 64  # of feature maps that are pushed back through the head at a time


def class_maps(head: Head, features: Tensor, classes: Sequence[int]) -> Tensor:
    """The head's own maps, in logits: what each place says of each class. No backward pass.

    Raises:
        OptionError: if the head has none.
    """
    check_way(head, "maps")
    assert isinstance(head, MapHead)
    return head.class_maps(features)[:, list(classes)]


def attention(head: Head, features: Tensor, classes: Sequence[int]) -> Tensor:
    """What the head looks at for each class: shares that sum to 1. No backward pass.

    Raises:
        OptionError: if the head does not work by attention to places.
    """
    check_way(head, "attention")
    assert isinstance(head, LookingHead)
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


def ways_of(head: Head) -> tuple[str, ...]:
    """The names of the ways that a head has."""
    return tuple(way for way, (kind, _) in NEEDS.items() if isinstance(head, kind))


def best_way(head: Head) -> str:
    """The name of the way that suits a head: its own maps where it has some, else Grad-CAM."""
    return "maps" if isinstance(head, MapHead) else "gradcam"


def check_way(head: Head, way: str) -> None:
    """Raise :class:`OptionError` unless a head has a way."""
    if way not in (able := ways_of(head)):
        inner: nn.Module = head
        while isinstance(inner, BranchHead | ChannelWeights):  # users know what is inside
            inner = inner.heads[0] if isinstance(inner, BranchHead) else inner.around
        raise OptionError(f"the head {type(inner).__name__} has no {NEEDS[way][1]}; choose {' or '.join(able)}")
