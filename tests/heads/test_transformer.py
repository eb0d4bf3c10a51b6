"""What the transformer head promises: layers with norms in front over cells and labels, told apart by vectors alone."""

import pytest
import torch
from torch import nn
from torch.nn.functional import relu
from transformer_toys import C, D, W, features, moved

from polytag.errors import OptionError
from polytag.heads.transformer import Transformer


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


def test_cells_have_no_place():
    torch.manual_seed(0)
    head = moved(Transformer(D, C, width=W, layers=2, head_width=5, hidden=7, vector_size=4))
    torch.testing.assert_close(head(features()), head(features().flip(2, 3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": 0}, "layers must be between 1 and 100, got 0"),
        ({"head_width": 0}, "head_width must be between 1 and 65536, got 0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError) as refusal:
        Transformer(D, C, **options)
    assert str(refusal.value) == message


def test_attention_itself_is_not_dropped():
    layer = Transformer(D, C, width=W, attention_heads=2, head_width=3, hidden=7, dropout=0.9).train().layers[0]
    tokens = torch.randn(2, 5, W)
    assert torch.equal(layer.attention(tokens, tokens, tokens), layer.attention(tokens, tokens, tokens))
    assert not torch.equal(layer(tokens), layer(tokens))
