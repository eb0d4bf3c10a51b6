"""What attention promises: the numbers of torch's own layers, and positions that tell cells apart."""

import math

import pytest
import torch
from torch import nn

from polytag.layers.attention import Attention, sine_positions


def tokens(count, seed=0):
    return torch.randn(2, count, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_is_torchs_own_attention():
    torch.manual_seed(0)
    ours, theirs = Attention(8, 2).double(), nn.MultiheadAttention(8, 2, batch_first=True).double()
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]),
            "in_proj_bias": torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]),
            "out_proj.weight": ours.merge.weight,
            "out_proj.bias": ours.merge.bias,
        }
    )
    query, key, value = tokens(3), tokens(5, 1), tokens(5, 2)
    expected, weights = theirs(query, key, value)
    torch.testing.assert_close(ours(query, key, value), expected)
    torch.testing.assert_close(ours.weights(query, key), weights)


def test_heads_may_be_wider_than_a_share_of_the_tokens():
    torch.manual_seed(0)
    layer = Attention(8, 2, head_width=6, bias=False).double()
    assert layer.query.weight.shape == (12, 8)
    assert layer.query.bias is None
    query, key = tokens(3), tokens(5, 1)
    heads = [slice(0, 6), slice(6, 12)]
    found = []
    for head in heads:
        scores = layer.query(query)[..., head] @ layer.key(key)[..., head].transpose(1, 2) / math.sqrt(6)
        found.append(scores.softmax(dim=2) @ layer.value(key)[..., head])
    torch.testing.assert_close(layer(query, key, key), layer.merge(torch.cat(found, dim=2)))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 5), (14, 14)])
def test_every_cell_has_a_position_of_its_own(height, width):
    places = sine_positions(height, width, 16, torch.zeros(1, dtype=torch.float64))
    assert places.shape == (height * width, 16)
    assert places.dtype == torch.float64
    assert places.abs().max() <= 1
    assert len({tuple(row) for row in places.tolist()}) == height * width


def test_rows_and_columns_have_their_halves_in_sines_and_cosines():
    places = sine_positions(3, 4, 8, torch.zeros(1, dtype=torch.float64)).view(3, 4, 8)
    row, column = 1, 2
    y, x = 2 * math.pi * 2 / 3, 2 * math.pi * 3 / 4
    slow = 10000 ** (2 / 4)  # the second wavelength of the two that each half has
    expected = [f(v / s) for v in (y, x) for s in (1, slow) for f in (math.sin, math.cos)]
    torch.testing.assert_close(places[row, column], torch.tensor(expected, dtype=torch.float64), atol=1e-5, rtol=0)
