"""Directions: length 1 where there is a length, finite gradients where there is none, and the scale of many classes."""

from contextlib import nullcontext

import pytest
import torch

from polytag.layers.cosine import automatic_scale, coarse_products, full_precision, unit


def test_rows_get_length_1_and_zeros_stay():
    x = torch.tensor([[3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    found = unit(x)
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
    found.sum().backward()
    assert x.grad.isfinite().all()
    torch.testing.assert_close(unit(x.T, 0), found.T)


def test_half_precision_becomes_float32():
    assert unit(torch.ones(1, 2, dtype=torch.bfloat16)).dtype == torch.float32
    assert unit(torch.ones(1, 2, dtype=torch.float64)).dtype == torch.float64


def test_products_within_are_not_rounded_to_bf16():
    x = torch.randn(4, 8)
    with torch.autocast("cpu", torch.bfloat16):
        assert (x @ x.T).dtype == torch.bfloat16
        with full_precision(x):
            assert (x @ x.T).dtype == torch.float32


def test_products_within_are_not_put_together_from_coarse_ones():
    x = torch.randn(4, 8)
    with coarse_products():
        assert torch.get_float32_matmul_precision() == "medium"
        with full_precision(x):
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"
    with full_precision(x):
        assert torch.get_float32_matmul_precision() == "highest"


@pytest.mark.parametrize("around", [nullcontext, coarse_products])
def test_tensors_that_are_only_counted_pass(around):
    x = torch.empty(4, 8, device="meta")  # a device without autocast
    with around(), full_precision(x):
        assert (x @ x.T).shape == (4, 4)


@pytest.mark.parametrize(
    ("classes", "scale"), [(1, 7.0), (2, 7.0), (20, 7.0), (80, 9.77038), (500, 13.89181), (10**7, 30.0)]
)
def test_the_automatic_scale_grows_with_the_classes(classes, scale):
    assert automatic_scale(classes) == pytest.approx(scale, abs=1e-4)
