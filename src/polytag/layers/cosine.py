"""Products of directions: what a normalised head multiplies with its scale."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

import torch
from torch import Tensor


def unit(x: Tensor, dim: int = 1) -> Tensor:
    """Length 1 along a dimension, at least in float32; zeros stay zero."""
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    # Divided by 1, not by a tiny number, where there is no length: so gradients stay finite, too.
    length = torch.linalg.vector_norm(x, dim=dim, keepdim=True)
    return x / torch.where(length > 1e-6, length, 1)


_coarse: ContextVar[bool] = ContextVar("coarse", default=False)


@contextmanager
def coarse_products() -> Iterator[None]:
    """Within this context products of float32 matrices are put together from bf16 parts, on GPUs from TF32."""
    before, token = torch.get_float32_matmul_precision(), _coarse.set(True)
    torch.set_float32_matmul_precision("medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        _coarse.reset(token)


@contextmanager
def full_precision(x: Tensor) -> Iterator[None]:
    """Within this context products of tensors like ``x`` are computed in float32, whatever surrounds it.

    bf16 has steps of 1/256 just below 1, which a scale would turn into a tenth of a logit, TF32 of 1/2048. Left out
    where there is nothing to turn off, as exported programs would have to carry it.
    """
    kind = x.device.type  # "meta", where models are only counted, has no autocast
    coarse = not torch.compiler.is_compiling() and _coarse.get()
    mixed = torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)
    if not (coarse or mixed):
        yield
        return
    if coarse:
        torch.set_float32_matmul_precision("highest")
    try:
        with torch.autocast(kind, enabled=False) if mixed else nullcontext():
            yield
    finally:
        if coarse:
            torch.set_float32_matmul_precision("medium")


def automatic_scale(num_classes: int) -> float:
    """The scale that public code of the AAM paper offers: more classes, sharper cosines; 7 to 30."""
    return min(max(math.sqrt(5) * math.log(max(num_classes - 1, 1)), 7.0), 30.0)
