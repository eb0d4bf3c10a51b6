"""What ASL promises: its formula, both of its gradients, the extremes, its errors."""

import math

import pytest
import torch
from torch.nn.functional import logsigmoid

from polytag.errors import OptionError
from polytag.losses import ASL, BCE

OPTIONS = [
    {},
    {"gamma_neg": 2, "clip": 0},
    {"gamma_neg": 3, "gamma_pos": 1, "clip": 0.1},
    {"gamma_neg": 2.5, "gamma_pos": 0.5},
    {"gamma_neg": 0.5, "gamma_pos": 4, "clip": 0},
    {"gamma_neg": 0, "clip": 0.2},
]


def batch(size=(6, 5)):
    seed = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(size, generator=seed, dtype=torch.float64)
    return logits.requires_grad_(), torch.randint(-1, 2, size, generator=seed)


def by_the_formula(logits, targets, gamma_neg=4.0, gamma_pos=0.0, clip=0.05, detach_weights=True):
    p = torch.sigmoid(logits)
    s = (p - clip).clamp(min=0)
    pos_weight, neg_weight = (1 - p) ** gamma_pos, s**gamma_neg
    if detach_weights:
        pos_weight, neg_weight = pos_weight.detach(), neg_weight.detach()
    cost = torch.where(targets == 1, -pos_weight * logsigmoid(logits), -neg_weight * torch.log(1 - s))
    return cost[targets >= 0].sum() / len(logits)


@pytest.mark.parametrize(
    ("gamma_neg", "gamma_pos", "clip", "expected"),
    [(4, 0, 0.05, 3.2673361642), (2, 0, 0, 3.5755850210), (7, 0, 0.05, 3.1926404279)],
)
def test_matches_golden_values(gamma_neg, gamma_pos, clip, expected):
    logits = torch.tensor([[2.0, -1.0, 0.5, -3.0]], dtype=torch.float64)
    value = ASL(gamma_neg, gamma_pos, clip)(logits, torch.tensor([[1, 0, 0, 1]]))
    assert value.item() == pytest.approx(expected, abs=1e-10)


def test_matches_the_formula_on_numbers_worked_by_hand():
    loss = ASL(gamma_neg=2, gamma_pos=1, clip=0.25)
    logits = torch.tensor([[0.0, 0.0, 0.0], [math.log(3), math.log(3), 0.0]])  # p = 1/2, 1/2, 1/2; 3/4, 3/4, 1/2
    value = loss(logits, torch.tensor([[1, 0, -1], [1, 0, -1]]))
    expected = (
        (1 / 2) * math.log(2) + (1 / 4) ** 2 * math.log(4 / 3) + (1 / 4) * math.log(4 / 3) + (1 / 2) ** 2 * math.log(2)
    )
    assert value.item() == pytest.approx(expected / 2)


@pytest.mark.parametrize("detach_weights", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_value_and_gradient_are_those_of_the_formula(options, detach_weights):
    logits, targets = batch()
    value = ASL(**options, detach_weights=detach_weights)(logits, targets)
    expected = by_the_formula(logits, targets, **options, detach_weights=detach_weights)
    torch.testing.assert_close(value, expected, rtol=1e-12, atol=0)
    got, wanted = (torch.autograd.grad(term, logits)[0] for term in (value, expected))
    torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradient_is_that_of_the_value_when_weights_are_not_detached(options):
    logits, targets = batch((3, 3))
    assert torch.autograd.gradcheck(lambda z: ASL(**options, detach_weights=False)(z, targets), (logits,))


def test_gradient_is_that_of_the_value_when_there_are_no_weights():
    logits, targets = batch((3, 3))
    assert torch.autograd.gradcheck(lambda z: ASL(gamma_neg=0)(z, targets), (logits,))


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9.5, 11])
def test_any_exponent_is_a_power(gamma):
    logits = torch.tensor([[0.7]], dtype=torch.float64)
    s = torch.sigmoid(logits).item() - 0.05
    value = ASL(gamma_neg=gamma)(logits, torch.tensor([[0]]))
    assert value.item() == pytest.approx(-(s**gamma) * math.log(1 - s), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_is_bce_when_nothing_is_focused_or_clipped(dtype):
    logits, targets = batch()
    logits = logits.detach().to(dtype).requires_grad_()
    values = [loss(logits, targets) for loss in (ASL(gamma_neg=0, clip=0), BCE())]
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in values))


def test_absent_labels_below_the_clip_cost_nothing():
    logits = torch.tensor([[-3.0, -2.9]], requires_grad=True)  # p = 0.047, 0.052
    value = ASL(gamma_neg=1)(logits, torch.tensor([[0, 0]]))
    value.backward()
    assert 0 < value.item() < 1e-4
    assert logits.grad[0, 0].item() == 0 < logits.grad[0, 1].item()


@pytest.mark.parametrize("logit", [-100.0, -1e4])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_a_present_label_that_is_missed_for_sure_still_pulls(logit, dtype):
    logits = torch.tensor([[logit]], dtype=dtype, requires_grad=True)
    value = ASL()(logits, torch.tensor([[1]]))
    value.backward()
    assert value.item() == -logits.item()
    assert logits.grad.tolist() == [[-1.0]]


@pytest.mark.parametrize("detach_weights", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_extremes_equal_their_limits(options, detach_weights, dtype):
    loss = ASL(**options, detach_weights=detach_weights)
    logits = torch.tensor([[-1e4, 1e4, 1e4, -1e4, 1e4, -1e4]], dtype=dtype, requires_grad=True)
    value = loss(logits, torch.tensor([[1, 0, 1, 0, -1, -1]]))
    value.backward()
    far = logits[0, 1].item()
    if loss.clip:  # p is 1: s stops at 1 - clip, where the cost is flat
        missed, slope = (1 - loss.clip) ** loss.gamma_neg * -math.log(loss.clip), 0.0
    else:
        missed, slope = far, 1.0
    assert value.item() == pytest.approx(far + missed, rel=1e-6)
    assert logits.grad.tolist() == [[-1.0, slope, 0.0, 0.0, 0.0, 0.0]]


def test_refuses_to_be_differentiated_twice():
    logits, targets = batch()
    value = ASL()(logits, targets)
    with pytest.raises(OptionError) as error:
        torch.autograd.grad(value, logits, create_graph=True)
    assert str(error.value) == (
        "asl is differentiable once, got create_graph=True; use bce where a penalty needs gradients"
    )


def test_backward_twice_gives_the_same_gradient_twice():
    logits, targets = batch()
    value = ASL()(logits, targets)
    first, second = (torch.autograd.grad(value, logits, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_compiles_whole():
    logits, targets = batch()
    value = torch.compile(ASL(), backend="eager", fullgraph=True)(logits, targets)
    expected = ASL()(logits, targets)
    assert torch.equal(value, expected)
    assert torch.equal(*(torch.autograd.grad(term, logits)[0] for term in (value, expected)))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"gamma_neg": -1}, "gamma_neg must be at least 0, got -1"),
        ({"gamma_pos": float("nan")}, "gamma_pos must be at least 0, got nan"),
        ({"clip": 1.5}, "clip must be between 0 and 1, got 1.5"),
    ],
)
def test_refuses_options_out_of_range(option, message):
    with pytest.raises(OptionError) as error:
        ASL(**option)
    assert str(error.value) == message
