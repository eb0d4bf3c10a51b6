"""What the heads of transformer layers promise: the layers as torch has them, a token or query for each label."""

import pytest
import torch
from torch import nn
from torch.nn.functional import relu

from polytag.errors import OptionError
from polytag.heads.query2label import Query2Label
from polytag.heads.transformer import Transformer
from polytag.layers.attention import sine_positions

D, C, W = 6, 3, 8


def features(batch=2):
    return torch.randn(batch, D, 3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def moved(head):
    """Biases and norms away from where they begin."""
    with torch.no_grad():
        for weights in head.parameters():
            weights.add_(0.1 * torch.randn_like(weights))
    return head.double().eval()


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


def test_query2label_knows_where_cells_are_and_a_transformer_does_not():
    torch.manual_seed(0)
    turned = features().flip(2, 3)
    knows = moved(Query2Label(D, C, width=W, attention_heads=2))
    assert not torch.allclose(knows(features()), knows(turned))
    small = {"width": W, "layers": 2, "head_width": 5, "hidden": 7, "vector_size": 4}
    does_not = moved(Transformer(D, C, **small))
    torch.testing.assert_close(does_not(features()), does_not(turned))


def test_the_transformer_is_layers_with_norms_in_front_over_cells_and_labels():
    torch.manual_seed(0)
    head, x = (
        moved(Transformer(D, C, width=W, layers=2, attention_heads=2, head_width=4, hidden=7, vector_size=4)),
        features(),
    )
    vectors = torch.randn(C, 4, dtype=torch.float64)
    head.tell(None, vectors)
    labels = relu(vectors @ head.embed_labels.weight.T + head.embed_labels.bias)
    tokens = torch.cat([head.embed_map(x.flatten(2).transpose(1, 2)), labels.expand(2, -1, -1)], dim=1)
    for layer in head.layers:
        seen = layer.norms[0](tokens)
        q, k, v = (seen @ part.weight.T for part in (layer.attention.query, layer.attention.key, layer.attention.value))
        parts = [slice(0, 4), slice(4, 8)]
        shares = [(q[..., p] @ k[..., p].transpose(1, 2) / 2).softmax(dim=2) for p in parts]
        heard = [share @ v[..., p] for share, p in zip(shares, parts, strict=True)]
        tokens = tokens + layer.attention.merge(torch.cat(heard, dim=2))
        tokens = tokens + layer.forth[3](nn.functional.gelu(layer.forth[0](layer.norms[1](tokens))))
    expected = tokens[:, -C:] @ head.classifier.weight[0] + head.classifier.bias
    torch.testing.assert_close(head(x), expected)
    of_cells = (shares[0] + shares[1])[:, -C:, :-C]  # of labels, of the last layer
    torch.testing.assert_close(head.looks(x), (of_cells / of_cells.sum(dim=2, keepdim=True)).unflatten(2, (3, 4)))


def test_labels_of_a_transformer_differ_in_their_vectors_alone():
    torch.manual_seed(0)
    head = moved(Transformer(D, C, width=W, layers=1, head_width=4, hidden=7, vector_size=4))
    head.tell(None, torch.ones(C, 4))
    logits = head(features())
    torch.testing.assert_close(logits, logits[:, :1].expand(-1, C))


def test_the_width_follows_the_features_unless_given():
    assert Query2Label(16, C).queries.shape == (C, 16)
    assert Query2Label(16, C).decoder[0].forth[0].out_features == 64
    assert Query2Label(16, C, width=8, hidden=12).decoder[0].forth[0].out_features == 12


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (Query2Label, {}, "width must be a multiple of 4 and of attention_heads 4, got 6"),
        (
            Query2Label,
            {"width": 12, "attention_heads": 8},
            "width must be a multiple of 4 and of attention_heads 8, got 12",
        ),
        (Query2Label, {"width": 8, "decoder_layers": 0}, "decoder_layers must be between 1 and 100, got 0"),
        (Query2Label, {"width": 8, "dropout": 1.0}, "dropout must be between 0 and 0.99, got 1.0"),
        (Transformer, {"layers": 0}, "layers must be between 1 and 100, got 0"),
        (Transformer, {"head_width": 0}, "head_width must be between 1 and 65536, got 0"),
    ],
)
def test_options_out_of_range_are_refused(kind, options, message):
    with pytest.raises(OptionError) as refusal:
        kind(D, C, **options)
    assert str(refusal.value) == message
