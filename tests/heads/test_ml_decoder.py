"""What ML-Decoder promises: torch's decoder layer without self-attention, groups, cosines, room for public weights."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu, linear, relu

from polytag.errors import OptionError, RunError
from polytag.heads.ml_decoder import MLDecoder, from_public

SMALL = {"width": 16, "attention_heads": 4, "hidden": 24, "dropout": 0.0}


def features(batch=3):
    return torch.randn(batch, 6, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def built(classes=7, **options):
    torch.manual_seed(0)
    head = MLDecoder(6, classes, **SMALL | options).double().eval()
    with torch.no_grad():
        for weights in head.parameters():  # biases and norms away from where they begin
            weights.add_(0.1 * torch.randn_like(weights))
    return head


def answers_of_torch(head, tokens):
    """The decoder layer with torch's own attention."""
    attention = nn.MultiheadAttention(16, 4, batch_first=True).double().eval()
    attention.load_state_dict(
        {
            "in_proj_weight": head.project.weight,
            "in_proj_bias": head.project.bias,
            "out_proj.weight": head.merge.weight,
            "out_proj.bias": head.merge.bias,
        }
    )
    queries = head.queries.expand(len(tokens), -1, -1)
    asked = head.norms[0](2 * queries)
    answers = head.norms[1](asked + attention(asked, tokens, tokens)[0])
    return head.norms[2](answers + head.narrow(relu(head.widen(answers))))


@pytest.mark.parametrize(("classes", "groups"), [(7, 100), (7, 7), (7, 3), (7, 1), (1, 1), (8, 4)])
def test_is_a_decoder_layer_and_a_product_for_each_class(classes, groups):
    head, maps = built(classes, groups=groups), features()
    tokens = relu(linear(maps.flatten(2).transpose(1, 2), head.embed.weight, head.embed.bias))
    answers = answers_of_torch(head, tokens)
    assert answers.shape == (3, min(groups, classes), 16)
    share = math.ceil(classes / min(groups, classes))
    expected = [answers[:, c // share] @ head.weight[c] + head.bias[c] for c in range(classes)]
    torch.testing.assert_close(head(maps), torch.stack(expected, dim=1))


@pytest.mark.parametrize("cosine_bias", [False, True])
def test_normalised_logits_are_scaled_cosines(cosine_bias):
    head, maps = built(groups=3, normalize=True, scale=17.0, cosine_bias=cosine_bias), features()
    tokens = leaky_relu(linear(maps.flatten(2).transpose(1, 2), head.embed.weight, head.embed.bias), 0.2)
    answers = answers_of_torch(head, tokens)
    cosines = [nn.functional.cosine_similarity(answers[:, c // 3], head.weight[c], dim=1) for c in range(7)]
    expected = 17 * (torch.stack(cosines, dim=1) + (head.bias if cosine_bias else 0))
    torch.testing.assert_close(head(maps), expected)
    assert (head.bias is not None) == cosine_bias
    assert "scale" in head.state_dict()


def test_queries_are_fixed_and_dropout_differs_from_photo_to_photo():
    head = built(dropout=0.5).train()
    same = features(1).expand(2, -1, -1, -1)
    first, second = head(same)
    assert not torch.equal(first, second)
    assert "queries" not in dict(head.named_parameters())
    assert head.queries.std() == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("classes", [80, 1000])
def test_weights_start_as_large_as_those_of_public_code(classes):
    torch.manual_seed(0)
    head = MLDecoder(6, classes)
    public = nn.init.xavier_normal_(torch.empty(head.groups, 768, head.share))
    assert head.weight.std().item() == pytest.approx(public.std().item(), rel=0.02)


LAYER = [
    "decoder.layers.0.norm1.weight",
    "decoder.layers.0.norm1.bias",
    "decoder.layers.0.norm2.weight",
    "decoder.layers.0.norm2.bias",
    "decoder.layers.0.norm3.weight",
    "decoder.layers.0.norm3.bias",
    "decoder.layers.0.multihead_attn.in_proj_weight",
    "decoder.layers.0.multihead_attn.in_proj_bias",
    "decoder.layers.0.multihead_attn.out_proj.weight",
    "decoder.layers.0.multihead_attn.out_proj.bias",
    "decoder.layers.0.linear1.weight",
    "decoder.layers.0.linear1.bias",
    "decoder.layers.0.linear2.weight",
    "decoder.layers.0.linear2.bias",
]
EARLIER = [
    "duplicate_pooling",
    "duplicate_pooling_bias",
    "embed_standart.weight",
    "embed_standart.bias",
    *LAYER,
    "query_embed.weight",
]
CURRENT = [
    *LAYER,
    "decoder.embed_standart.weight",
    "decoder.embed_standart.bias",
    "decoder.query_embed.weight",
    "decoder.duplicate_pooling",
    "decoder.duplicate_pooling_bias",
]


def public(head, names):
    """The weights of a head of 7 classes in 3 groups, under names of the public code."""
    own = head.state_dict()
    pooling = nn.functional.pad(own["weight"], (0, 0, 0, 2)).view(3, 3, 16).transpose(1, 2)
    ours = [
        *(f"norms.{number}.{kind}" for number in range(3) for kind in ("weight", "bias")),
        *(f"{layer}.{kind}" for layer in ("project", "merge", "widen", "narrow") for kind in ("weight", "bias")),
    ]
    values = dict(zip(LAYER, [own[name] for name in ours], strict=True)) | {
        "embed_standart.weight": own["embed.weight"],
        "embed_standart.bias": own["embed.bias"],
        "query_embed.weight": own["queries"],
        "duplicate_pooling": pooling,
        "duplicate_pooling_bias": own["bias"],
    }
    return {name: values[name if name in values else name.removeprefix("decoder.")] for name in names}


@pytest.mark.parametrize("prefix", ["", "head.", "fc.", "module.fc.", "decoder."])
@pytest.mark.parametrize("names", [EARLIER, CURRENT])
def test_the_weights_of_the_public_code_have_a_place(names, prefix):
    head = built(7, groups=3)
    state = {f"{prefix}{name}": value for name, value in public(head, names).items()}
    found = from_public(state | {"body.layers.0.norm1.weight": torch.ones(2)}, 7)
    assert found.keys() == head.state_dict().keys()
    other = MLDecoder(6, 7, groups=3, **SMALL).double().eval()
    other.load_state_dict(found)
    assert torch.equal(other(features()), head(features()))


@pytest.mark.parametrize(
    ("left_out", "added", "sentence"),
    [
        (
            ("decoder.embed_standart.weight", "decoder.query_embed.weight"),
            (),
            "a public ML-Decoder must have query_embed.weight, embed_standart.weight, and these weights have none; "
            "give all of it",
        ),
        (
            ("decoder.duplicate_pooling",),
            (),
            "a public ML-Decoder must have one duplicate_pooling, got 0; give the state dict of its model",
        ),
        (
            (),
            ("decoder.layers.1.norm1.weight",),
            "a public ML-Decoder must be one layer without self-attention, got layers.1.norm1.weight; give another one",
        ),
    ],
)
def test_refuses_weights_of_which_some_have_no_place(left_out, added, sentence):
    state = public(built(7, groups=3), CURRENT) | {name: torch.ones(2) for name in added}
    with pytest.raises(RunError) as error:
        from_public({f"fc.{name}": value for name, value in state.items() if name not in left_out}, 7)
    assert str(error.value) == sentence


def test_shows_where_the_query_of_each_class_looks():
    head, maps = built(7, groups=3, attention_heads=1), features()
    tokens = relu(linear(maps.flatten(2).transpose(1, 2), head.embed.weight, head.embed.bias))
    asked, width = head.norms[0](2 * head.queries), 16
    query = linear(asked, head.project.weight[:width], head.project.bias[:width])
    key = linear(tokens, head.project.weight[width : 2 * width], head.project.bias[width : 2 * width])
    expected = (query @ key.transpose(1, 2) / 4).softmax(dim=2)  # (batch, queries, cells)
    for c in range(7):
        torch.testing.assert_close(head.looks(maps)[:, c].flatten(1), expected[:, c // 3])


def test_classes_go_with_their_queries_only_where_each_has_one():
    assert built(7).class_dims() == dict.fromkeys(["weight", "bias", "queries"], (0,))
    assert built(7, groups=3).class_dims() == dict.fromkeys(["weight", "bias"], (0,))
    assert built(7, groups=3, normalize=True).class_dims() == {"weight": (0,)}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"groups": 0}, "groups must be between 1 and 1e+06, got 0"),
        ({"width": 10, "attention_heads": 4}, "width must be a multiple of attention_heads 4, got 10"),
        ({"attention_heads": 0}, "attention_heads must be between 1 and 1024, got 0"),
        ({"hidden": 0}, "hidden must be between 1 and 1e+06, got 0"),
        ({"dropout": 1.0}, "dropout must be between 0 and 0.99, got 1.0"),
        ({"scale": -1.0}, "scale must be at least 1e-06, got -1.0"),
    ],
)
def test_refuses_options_out_of_range(options, sentence):
    with pytest.raises(OptionError) as error:
        MLDecoder(6, 7, **options)
    assert str(error.value) == sentence
