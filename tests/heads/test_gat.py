"""What graph-attention re-weighting promises: the layers' formula, channel weights, and to be folded away."""

import numpy as np
import pytest
import torch

from polytag.errors import OptionError
from polytag.heads.base import ChannelWeights, LabelHead, VectorHead
from polytag.heads.gat import GAT
from polytag.heads.linear import Linear
from polytag.heads.ml_decoder import MLDecoder
from polytag.heads.ml_gcn import MLGCN
from polytag.losses.aam import AAM

# Label 0 hears itself and 1; 1 hears itself; 2 hears all.
GRAPH = torch.tensor([[1.0, 0.3, 0.0], [0.0, 1.0, 0.0], [0.2, 0.1, 1.0]], dtype=torch.float64)


def features(batch=2):
    return torch.randn(batch, 4, 3, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def told(head):
    vectors = torch.randn(3, 5, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    head.double().eval().tell(GRAPH, vectors)
    return head


def built(around=None, **options):
    torch.manual_seed(0)
    return told(GAT(4, 3, around, vector_size=5, hidden=6, **options))


def attended(layer, nodes, graph):
    """The layer of graph attention, a node and a neighbour at a time, and the leaky ReLU around it."""
    hidden = nodes @ layer.weight.detach().numpy()
    listens, speaks = layer.attention.detach().numpy()
    out = np.zeros_like(hidden)
    for node in range(len(hidden)):
        near = np.flatnonzero(graph[node])
        score = np.array([hidden[node] @ listens + hidden[other] @ speaks for other in near])
        score = np.exp(np.where(score > 0, score, 0.2 * score))
        heard = sum(s / score.sum() * hidden[other] for s, other in zip(score, near, strict=True))
        out[node] = np.where(heard > 0, heard, np.exp(heard) - 1)
    return np.where(out > 0, out, 0.2 * out)


def test_weighs_channels_by_two_layers_of_attention_over_neighbours():
    head = built()
    nodes = attended(head.second, attended(head.first, head.nodes.vectors.numpy(), GRAPH.numpy()), GRAPH.numpy())
    expected = 1 / (1 + np.exp(-nodes.max(axis=0)))
    np.testing.assert_allclose(head.channel_weights().detach(), expected, rtol=1e-12)
    maps = features()
    weighted = maps * torch.from_numpy(expected)[:, None, None]
    torch.testing.assert_close(head(maps), head.around(weighted))


def test_a_label_hears_its_neighbours_only():
    head = built()
    before = head.first(head.nodes.vectors, head.nodes.graph)
    head.nodes.vectors[2] += 1  # nobody but 2 hears 2
    after = head.first(head.nodes.vectors, head.nodes.graph)
    assert torch.equal(after[:2], before[:2])
    assert not torch.equal(after[2], before[2])


@pytest.mark.parametrize(
    ("around", "folded"),
    [
        (None, Linear),
        (Linear(4, 3, pooling="max"), Linear),
        (MLDecoder(4, 3, width=8, attention_heads=2, hidden=8), MLDecoder),
        (MLDecoder(4, 3, width=8, attention_heads=2, hidden=8, normalize=True), MLDecoder),
        (Linear(4, 3, normalize=True), ChannelWeights),
    ],
)
def test_folded_it_is_the_bare_class_or_one_product(around, folded):
    head = built(around)
    result = head.fold()
    assert type(result) is folded
    torch.testing.assert_close(result(features()), head(features()), rtol=1e-10, atol=1e-10)
    extra = set(result.state_dict()) - {"weights"} - {f"around.{key}" for key in head.around.state_dict()}
    assert extra <= set(head.around.state_dict())


def test_folded_it_still_shows_where_a_label_is():
    for around in (None, Linear(4, 3, normalize=True)):
        head = built(around)
        torch.testing.assert_close(head.fold().class_maps(features()), head.class_maps(features()))


def test_folded_around_cosines_it_still_has_two_halves_and_the_scale():
    head = built(Linear(4, 3, normalize=True, scale=17.0))
    folded = head.fold()
    assert isinstance(folded, VectorHead)
    assert folded.scale == 17.0
    torch.testing.assert_close(folded.embed(features()), head.embed(features()))
    torch.testing.assert_close(folded.classify(folded.embed(features())), head(features()))
    assert not isinstance(ChannelWeights(torch.ones(4), MLDecoder(4, 3, width=8, attention_heads=2)), VectorHead)


@pytest.mark.parametrize("normalize", [False, True])
def test_folded_it_shares_no_weights(normalize):
    head = built(Linear(4, 3, normalize=normalize))
    before = {key: value.clone() for key, value in head.state_dict().items()}
    for weights in head.fold().parameters():
        weights.data.add_(1)
    assert all(torch.equal(value, before[key]) for key, value in head.state_dict().items())


def test_folding_leaves_training_as_it_was():
    head = built(Linear(4, 3, normalize=True)).train()
    head.around.eval()
    folded = head.fold()
    assert head.training
    assert head.first.training
    assert not head.around.training
    assert not head.around.classifier.training
    assert not folded.training


def test_ml_gcn_works_out_a_weight_vector_for_each_label():
    torch.manual_seed(0)
    head, maps = told(MLGCN(4, 3, vector_size=5, hidden=6)), features()
    hidden = GRAPH @ (head.nodes.vectors @ head.first.weight)
    weights = GRAPH @ (torch.where(hidden > 0, hidden, 0.2 * hidden) @ head.second.weight)
    expected = maps.amax(dim=(2, 3)) @ weights.T
    torch.testing.assert_close(head(maps), expected)
    folded = head.fold()
    assert type(folded) is Linear
    torch.testing.assert_close(folded(maps), expected)


def test_has_two_halves_where_the_other_head_has():
    assert isinstance(built(), VectorHead)
    assert not isinstance(built(MLDecoder(4, 3, width=8, attention_heads=2, hidden=8)), VectorHead)


def test_a_loss_of_cosines_finds_the_scale_of_the_other_head():
    loss = AAM()
    loss.attach(built(Linear(4, 3, normalize=True, scale=17.0)))
    assert loss.scale == 17.0
    assert built().scale is None


@pytest.mark.parametrize("kind", [GAT, MLGCN])
def test_what_it_was_told_goes_with_its_weights(kind):
    torch.manual_seed(0)
    head, other = told(kind(4, 3, vector_size=5)), kind(4, 3, vector_size=5).double().eval()
    assert isinstance(head, LabelHead)
    other.load_state_dict(head.state_dict())
    assert torch.equal(other(features()), head(features()))


@pytest.mark.parametrize(
    ("graph", "vectors", "message"),
    [
        (torch.eye(2), torch.zeros(3, 5), "graph must have the shape (3, 3), got (2, 2)"),
        (torch.eye(3), torch.zeros(3, 4), "vectors must have the shape (3, 5), got (3, 4)"),
        (torch.eye(3), torch.full((3, 5), torch.nan), "vectors must be finite numbers, and some are not"),
        (
            torch.zeros(3, 3),
            torch.zeros(3, 5),
            "graph must give every label a neighbour, if only itself, and some have none",
        ),
    ],
)
def test_refuses_what_is_no_knowledge_of_these_labels(graph, vectors, message):
    head = GAT(4, 3, vector_size=5)
    before = head.nodes.graph.clone()
    with pytest.raises(OptionError) as error:
        head.tell(graph, vectors)
    assert str(error.value) == message
    assert torch.equal(head.nodes.graph, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": -1}, "hidden must be between 0 and 65536, got -1"),
        ({"dropout": 1.0}, "dropout must be between 0 and 0.99, got 1.0"),
        ({"vector_size": 0}, "vector_size must be between 1 and 65536, got 0"),
        ({"graph_mode": "mine"}, "graph_mode must be one of public, paper, got 'mine'"),
        ({"threshold": 2.0}, "threshold must be between 0 and 1, got 2.0"),
        ({"share": 1.0}, "share must be between 0 and 0.99, got 1.0"),
    ],
)
def test_refuses_options_out_of_range(options, message):
    with pytest.raises(OptionError) as error:
        GAT(4, 3, **options)
    assert str(error.value) == message
