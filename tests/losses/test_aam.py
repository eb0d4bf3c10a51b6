"""What AAM promises: its formula, its case without focusing, its scale from the head, its errors."""

import math

import pytest
import torch
from torch import nn

from polytag.errors import OptionError
from polytag.losses.aam import AAM

COSINES = torch.tensor([[0.30, -0.20, 0.05, -0.60]], dtype=torch.float64)
TARGETS = torch.tensor([[1, 0, 0, 1]])


class Head(nn.Module):
    """Something with a scale."""

    def __init__(self, scale):
        super().__init__()
        self.register_buffer("scale", torch.tensor(float(scale)))


def loss(scale, **options):
    built = AAM(**options)
    built.attach(Head(scale))
    return built


def by_formula(scale, balance, gamma_neg, gamma_pos, margin, clip):
    """Element by element, from the definition."""
    total = 0.0
    for c, y in zip(COSINES[0].tolist(), TARGETS[0].tolist(), strict=True):
        p = 1 / (1 + math.exp(-scale * (c - margin)))
        q = 1 / (1 + math.exp(scale * (c + margin)))
        if gamma_neg or gamma_pos:
            q = min(q + clip, 1)
        total += (
            balance / scale * q**gamma_pos * -math.log(p) if y else (1 - balance) / scale * p**gamma_neg * -math.log(q)
        )
    return total


@pytest.mark.parametrize(
    ("scale", "options", "expected"),
    [
        (17, {"gamma_neg": 2.0, "gamma_pos": 1.0}, 0.4291221965),
        (23, {"gamma_neg": 1.0}, 0.4322771992),
        (23, {"gamma_neg": 1.0, "clip": 0.0}, 0.4341497802),
        (23, {"gamma_neg": 0.0}, 0.4387491511),
        (23, {"gamma_neg": 1.0, "margin": 0.2}, 0.5640860889),
    ],
)
def test_numbers_of_the_public_code(scale, options, expected):
    assert loss(scale, **options)(scale * COSINES, TARGETS).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("options", [(23, 0.7, 1, 0, 0, 0.05), (9, 0.4, 3, 2, 0.3, 0.1), (30, 0.5, 0, 0, 0.1, 0.0)])
def test_is_its_formula(options):
    names = ("balance", "gamma_neg", "gamma_pos", "margin", "clip")
    scale, *rest = options
    found = loss(scale, **dict(zip(names, map(float, rest), strict=True)))(scale * COSINES, TARGETS)
    assert found.item() == pytest.approx(by_formula(*options), rel=1e-12)


def test_without_margin_and_focusing_it_is_scaled_binary_cross_entropy():
    z = 23 * COSINES
    expected = nn.functional.binary_cross_entropy_with_logits(z, TARGETS.double(), reduction="sum") * 0.5 / 23
    torch.testing.assert_close(loss(23, balance=0.5, gamma_neg=0.0)(z, TARGETS), expected)


def test_the_scale_is_the_head_s_and_1_where_logits_are_no_cosines():
    built = AAM(margin=0.1)
    built.attach(nn.Linear(2, 2))
    assert built.scale.item() == 1
    built.attach(Head(17))
    assert built.scale.item() == 17
    assert "scale" not in built.state_dict()


def test_smoothing_moves_both_kinds_of_labels():
    z = 23 * COSINES
    soft = torch.where(TARGETS == 1, 0.9, 0.1).double()
    torch.testing.assert_close(loss(23, smoothing=0.1)(z, TARGETS), loss(23)(z, soft))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    "options", [{"gamma_pos": 0.5, "gamma_neg": 4.0, "margin": 0.4}, {"gamma_pos": 0.3, "clip": 0.0}]
)
def test_gradients_are_finite_at_the_extremes(dtype, options):
    z = torch.tensor([[100.0, -100.0, 100.0, -100.0]], dtype=dtype, requires_grad=True)
    value = loss(30, **options)(z, torch.tensor([[1, 1, 0, 0]]))
    value.backward()
    assert value.item() >= 0
    assert torch.isfinite(z.grad).all()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"margin": 1.5}, "margin must be between 0 and 1, got 1.5"),
        ({"balance": -0.1}, "balance must be between 0 and 1, got -0.1"),
        ({"gamma_neg": -1.0}, "gamma_neg must be at least 0, got -1.0"),
        ({"gamma_pos": -1.0}, "gamma_pos must be at least 0, got -1.0"),
        ({"clip": 2.0}, "clip must be between 0 and 1, got 2.0"),
        ({"smoothing": 0.6}, "smoothing must be between 0 and 0.5, got 0.6"),
    ],
)
def test_refuses_options_out_of_range(options, sentence):
    with pytest.raises(OptionError) as error:
        AAM(**options)
    assert str(error.value) == sentence
