"""Products of directions: what a normalised head multiplies with its scale."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def unit(x: Tensor, dim: int = 1) -> Tensor:
    """Length 1 along a dimension, at least in float32; zeros stay zero."""
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    # Divided by 1, not by a tiny number, where there is no length: so gradients stay finite, too.
    length = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    return x / torch.where(length > 1e-6, length, 1)


@contextmanager
def full_precision(x: Tensor) -> Iterator[None]:
    """Within this context products of tensors like ``x`` are not computed in bf16.

    It has steps of 1/256 just below 1, which a scale would turn into a tenth of a logit. Left out where there is
    nothing to turn off, as exported programs would have to carry it.
    """
    kind = x.device.type
    if not torch.is_autocast_enabled(kind):
        yield
        return
    with torch.autocast(kind, enabled=False):
        yield


def automatic_scale(num_classes: int) -> float:
    """The scale that public code of the AAM paper offers: more classes, sharper cosines; 7 to 30."""
    return min(max(math.sqrt(5) * math.log(max(num_classes - 1, 1)), 7.0), 30.0)
