"""What weighted binary cross-entropy promises: its weights, where they come from, its errors."""

import math

import pytest
import torch

from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.losses import BCE, WeightedBCE

# Positive ratios 1/4, 1/2 (one label is unknown, one of two known ones is positive) and 0 (nothing is known).
LABELS = Labels.from_dense([[1, 1, -1], [0, 0, -1], [0, -1, -1], [0, -1, -1]], ("cat", "dog", "owl"))


def prepared():
    loss = WeightedBCE()
    loss.prepare(LABELS)
    return loss


@pytest.mark.parametrize(
    ("targets", "exponent"),
    [
        ([1, -1, -1], 0.75),
        ([0, -1, -1], 0.25),
        ([-1, 1, -1], 0.5),
        ([-1, 0, -1], 0.5),
        ([-1, -1, 1], 1),
        ([-1, -1, 0], 0),
    ],
)
def test_weighs_each_answer_by_how_rare_it_is(targets, exponent):
    value = prepared()(torch.zeros(1, 3), torch.tensor([targets]))
    assert value.item() == pytest.approx(math.exp(exponent) * math.log(2))


def test_is_a_multiple_of_bce_where_both_answers_are_equally_frequent():
    loss = WeightedBCE()
    loss.prepare(Labels.from_dense([[1, 0], [0, 1]], ("cat", "dog")))
    seed = torch.Generator().manual_seed(0)
    logits, targets = torch.randn(5, 2, generator=seed), torch.randint(-1, 2, (5, 2), generator=seed)
    assert loss(logits, targets).item() == pytest.approx(math.exp(0.5) * BCE()(logits, targets).item())


def test_gradient_carries_the_weight():
    logits = torch.zeros(2, 3, requires_grad=True)
    prepared()(logits, torch.tensor([[1, 0, -1], [0, 1, -1]])).backward()
    rare, common, even = (math.exp(x) / 2 / 2 for x in (0.75, 0.25, 0.5))  # |p - y| is 1/2, the batch has 2
    torch.testing.assert_close(logits.grad, torch.tensor([[-rare, even, 0], [common, -even, 0]]))


def test_counts_follow_the_module_and_stay_out_of_its_state():
    loss = prepared()
    assert loss.frequencies.present.tolist() == [1, 1, 0]
    assert loss.frequencies.known.tolist() == [4, 2, 0]
    assert loss.state_dict() == {}
    assert loss.to("meta").frequencies.present.device.type == "meta"


def test_counts_land_where_the_module_already_is():
    loss = WeightedBCE().to("meta")
    loss.prepare(LABELS)
    assert loss.frequencies.known.device.type == "meta"


@pytest.mark.parametrize("targets", [[1, -1, -1], [0, -1, -1]])
def test_the_other_weighting_is_the_inverse_root_of_the_ratio_for_both_answers(targets):
    loss = WeightedBCE("inverse_root")
    loss.prepare(LABELS)
    assert loss(torch.zeros(1, 3), torch.tensor([targets])).item() == pytest.approx(2 * math.log(2))
    assert loss(torch.zeros(1, 3), torch.tensor([[-1, -1, 1]])).item() == pytest.approx(math.log(2))
    with pytest.raises(OptionError, match=r"^weighting must be one of exponential, inverse_root, got 'none'$"):
        WeightedBCE("none")


def test_says_what_to_do_before_it_is_prepared():
    sentence = "weighted_bce must know how frequent labels are; call prepare(labels) before the first batch"
    with pytest.raises(OptionError) as error:
        WeightedBCE()(torch.zeros(1, 3), torch.zeros(1, 3))
    assert str(error.value) == sentence


def test_says_what_to_do_when_the_classes_are_others():
    sentence = "weighted_bce was prepared for 3 classes, got 2; call prepare(labels) with labels of the same classes"
    with pytest.raises(OptionError) as error:
        prepared()(torch.zeros(1, 2), torch.zeros(1, 2))
    assert str(error.value) == sentence
