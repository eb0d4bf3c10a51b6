"""What CSRA promises: numbers worked by hand, several heads summed, maps whose means are its first part."""

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


def test_options_out_of_range_are_refused():
    for options, message in (
        ({"attention_heads": 3}, "attention_heads must be one of 1, 2, 4, 6, 8, got 3"),
        ({"strength": -1.0}, "strength must be between 0 and 1000, got -1.0"),
    ):
        with pytest.raises(OptionError) as refusal:
            CSRA(2, 2, **options)
        assert str(refusal.value) == message
