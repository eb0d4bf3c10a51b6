"""What Query2Label promises: the layers of DETR as torch has them, a query for each label, places that count."""

import pytest
import torch
from torch import nn
from torch.nn.functional import relu
from transformer_toys import C, D, W, features, moved

from polytag.errors import OptionError
from polytag.heads.query2label import Query2Label
from polytag.layers.attention import sine_positions


def torchs(attention, heads):
    """The same attention as torch's own layer."""
    theirs = nn.MultiheadAttention(W, heads, batch_first=True).double().eval()
    parts = (attention.query, attention.key, attention.value)
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([part.weight for part in parts]),
            "in_proj_bias": torch.cat([part.bias for part in parts]),
            "out_proj.weight": attention.merge.weight,
            "out_proj.bias": attention.merge.bias,
        }
    )
    return theirs


def test_query2label_is_detrs_layers_with_a_query_for_each_class():
    torch.manual_seed(0)
    head, x = moved(Query2Label(D, C, width=W, attention_heads=2, hidden=16)), features()
    memory = head.embed_map(x.flatten(2).transpose(1, 2))
    places = sine_positions(3, 4, W, memory)

    def layer(own, tokens, query, key, value):
        tokens = own.norms[0](tokens + torchs(own.attention, 2)(query, key, value)[0])
        return own.norms[1](tokens + own.forth[3](relu(own.forth[0](tokens))))

    (encoder,) = head.encoder
    at = places.expand_as(memory)
    memory = layer(encoder, memory, memory + at, memory + at, memory)
    queries = head.queries.expand(2, -1, -1)
    heard = torch.zeros_like(queries)
    for decoder in head.decoder:
        looks = torchs(decoder.attention, 2)(heard + queries, memory + at, memory)[1]  # the mean over heads
        heard = layer(decoder, heard, heard + queries, memory + at, memory)
    heard = head.norm(heard)
    expected = torch.stack([heard[:, c] @ head.weight[c] + head.bias[c] for c in range(C)], dim=1)
    torch.testing.assert_close(head(x), expected)
    torch.testing.assert_close(head.looks(x), looks.unflatten(2, (3, 4)))


def test_it_knows_where_cells_are():
    torch.manual_seed(0)
    knows = moved(Query2Label(D, C, width=W, attention_heads=2))
    assert not torch.allclose(knows(features()), knows(features().flip(2, 3)))


def test_the_layers_begin_as_those_of_detr():
    torch.manual_seed(0)
    layer = Query2Label(64, C).decoder[0]
    theirs = nn.TransformerDecoderLayer(64, 4, 256)
    for part in theirs.parameters():  # what DETR does after building its layers
        if part.dim() > 1:
            nn.init.xavier_uniform_(part)
    attention = layer.attention
    ours = torch.cat([attention.query.weight, attention.key.weight, attention.value.weight])
    pairs = [
        (ours, theirs.self_attn.in_proj_weight),
        (attention.merge.weight, theirs.self_attn.out_proj.weight),
        (layer.forth[0].weight, theirs.linear1.weight),
        (layer.forth[-1].weight, theirs.linear2.weight),
    ]
    for mine, reference in pairs:
        assert mine.abs().max().item() == pytest.approx(reference.abs().max().item(), rel=0.01)
        assert mine.std().item() == pytest.approx(reference.std().item(), rel=0.02)
    assert theirs.self_attn.in_proj_bias.abs().max() == theirs.self_attn.out_proj.bias.abs().max() == 0
    for linear in (attention.query, attention.key, attention.value, attention.merge):
        assert linear.bias.abs().max() == 0


def test_the_width_follows_the_features_unless_given():
    assert Query2Label(16, C).queries.shape == (C, 16)
    assert Query2Label(16, C).decoder[0].forth[0].out_features == 64
    assert Query2Label(16, C, width=8, hidden=12).decoder[0].forth[0].out_features == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "width must be a multiple of 4 and of attention_heads 4, got 6"),
        (
            {"width": 12, "attention_heads": 8},
            "width must be a multiple of 4 and of attention_heads 8, got 12",
        ),
        ({"width": 8, "decoder_layers": 0}, "decoder_layers must be between 1 and 100, got 0"),
        ({"width": 8, "dropout": 1.0}, "dropout must be between 0 and 0.99, got 1.0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError) as refusal:
        Query2Label(D, C, **options)
    assert str(refusal.value) == message
