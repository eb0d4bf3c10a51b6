"""What binary cross-entropy promises: its formula, its smoothing, its reduction, its errors."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from polytag.errors import OptionError
from polytag.losses import BCE


def test_matches_the_formula_on_numbers_worked_by_hand():
    logits = torch.tensor([[math.log(3), math.log(3)], [0.0, 0.0]])  # p = 3/4, 3/4, 1/2, 1/2
    value = BCE()(logits, torch.tensor([[1, 0], [1, 0]]))
    assert value.item() == pytest.approx((math.log(4 / 3) + math.log(4) + 2 * math.log(2)) / 2)


def test_equals_torch_where_every_label_is_known():
    seed = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(8, 6, generator=seed, dtype=torch.float64)
    targets = torch.randint(2, (8, 6), generator=seed)
    expected = binary_cross_entropy_with_logits(logits, targets.double(), reduction="sum") / 8
    assert BCE()(logits, targets).item() == pytest.approx(expected.item(), rel=1e-12)


def test_divides_by_the_batch_and_not_by_the_known_labels():
    value = BCE()(torch.zeros(4, 2), torch.tensor([[1, -1], [-1, -1], [-1, -1], [-1, 0]]))
    assert value.item() == pytest.approx(2 * math.log(2) / 4)


def test_smoothing_moves_both_targets_inwards():
    value = BCE(smoothing=0.1)(torch.tensor([[math.log(3), math.log(3)]]), torch.tensor([[1, 0]]))
    p, q = math.log(4 / 3), math.log(4)  # the costs of answering yes and no
    assert value.item() == pytest.approx((0.9 * p + 0.1 * q) + (0.1 * p + 0.9 * q))


def test_smoothing_puts_the_optimum_at_a_finite_logit():
    best = math.log(0.9 / 0.1)
    logits = torch.tensor([[best, -best]], dtype=torch.float64, requires_grad=True)
    BCE(smoothing=0.1)(logits, torch.tensor([[1, 0]])).backward()
    assert logits.grad.abs().max().item() < 1e-12


def test_smoothing_leaves_unknown_labels_out():
    logits = torch.tensor([[3.0, -50.0]], requires_grad=True)
    BCE(smoothing=0.2)(logits, torch.tensor([[-1, -1]])).backward()
    assert logits.grad.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool, torch.float16, torch.float64])
def test_takes_targets_of_any_type(dtype):
    logits = torch.tensor([[0.5, -2.0, 1.0]])
    expected = BCE()(logits, torch.tensor([[1.0, 0.0, 1.0]]))
    assert BCE()(logits, torch.tensor([[1, 0, 1]]).to(dtype)) == expected


def test_costs_as_much_as_the_logit_is_wrong_at_the_extremes():
    logits = torch.tensor([[-1e4, 1e4, 1e4, -1e4]], requires_grad=True)
    value = BCE()(logits, torch.tensor([[1, 0, 1, 0]]))
    value.backward()
    assert value.item() == 2e4
    assert logits.grad.tolist() == [[-1.0, 1.0, 0.0, 0.0]]


def test_refuses_smoothing_out_of_range():
    with pytest.raises(OptionError, match=r"^smoothing must be between 0 and 0\.5, got 0\.6$"):
        BCE(smoothing=0.6)
