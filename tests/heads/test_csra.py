"""What CSRA promises: numbers worked by hand, several heads summed, maps whose means are its first part."""

import numpy as np
import pytest
import torch

from polytag.errors import OptionError
from polytag.heads.csra import CSRA

MAP = torch.tensor([[1.0, 2, 0], [0, 1, -1]], dtype=torch.float64).view(1, 2, 1, 3)
WEIGHT = torch.tensor([[3.0, 4], [0, 2]], dtype=torch.float64)  # of two classes


def head_of(attention_heads=1, strength=0.1):
    head = CSRA(2, 2, attention_heads, strength).double()
    with torch.no_grad():
        head.weight.copy_(WEIGHT.expand(attention_heads, -1, -1))
    return head


@pytest.mark.parametrize(
    ("attention_heads", "expected"), [(1, [0.7605705098, 0.0575210383]), (2, [1.5605705098, 0.1575210383])]
)
def test_gives_numbers_that_were_worked_by_hand(attention_heads, expected):
    torch.testing.assert_close(head_of(attention_heads)(MAP)[0].tolist(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("attention_heads", [4, 6, 8])
def test_heads_are_sharper_one_after_the_other(attention_heads):
    scores = torch.tensor([[0.6, 2.0, -0.8], [0.0, 1.0, -1.0]], dtype=torch.float64)  # of weights of length 1
    sharp = [*range(1, attention_heads), None] if attention_heads > 4 else [1, 2, 4, None]
    parts = [scores.amax(1) if t is None else ((t * scores).softmax(1) * scores).sum(1) for t in sharp]
    expected = attention_heads * scores.mean(1) + 0.5 * sum(parts)
    torch.testing.assert_close(head_of(attention_heads, 0.5)(MAP)[0], expected)


def test_the_length_of_a_weight_means_nothing_and_without_strength_the_mean_of_the_maps_is_left():
    head = head_of(2, 0.0)
    before = head(MAP)
    with torch.no_grad():
        head.weight.mul_(torch.tensor([[[3.0], [0.1]], [[7.0], [2.0]]]))
    torch.testing.assert_close(head(MAP), before)
    torch.testing.assert_close(head.class_maps(MAP).mean(dim=(2, 3)), before)


@pytest.mark.parametrize("attention_heads", [2, 4, 6, 8])
def test_every_head_has_weights_of_its_own(attention_heads):
    random = np.random.default_rng(attention_heads)
    maps, weight = random.normal(size=(3, 5, 2, 3)), random.normal(size=(attention_heads, 4, 5))
    head = CSRA(5, 4, attention_heads, 0.3).double()
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weight))
    few = {2: [1, None], 4: [1, 2, 4, None]}
    sharp = few.get(attention_heads, [*range(1, attention_heads), None])
    expected = np.zeros((3, 4))
    for own, sharpness in zip(weight, sharp, strict=True):
        scores = np.einsum("cd,bdn->bcn", own / np.linalg.norm(own, axis=1, keepdims=True), maps.reshape(3, 5, 6))
        looked = scores.max(axis=2)
        if sharpness is not None:
            shares = np.exp(sharpness * scores)
            looked = (shares * scores).sum(axis=2) / shares.sum(axis=2)
        expected += scores.mean(axis=2) + 0.3 * looked
    np.testing.assert_allclose(head(torch.from_numpy(maps)).detach().numpy(), expected, rtol=1e-10)


def test_options_out_of_range_are_refused():
    for options, message in (
        ({"attention_heads": 3}, "attention_heads must be one of 1, 2, 4, 6, 8, got 3"),
        ({"strength": -1.0}, "strength must be between 0 and 1000, got -1.0"),
    ):
        with pytest.raises(OptionError) as refusal:
            CSRA(2, 2, **options)
        assert str(refusal.value) == message
