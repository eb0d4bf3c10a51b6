"""What heat maps promise: a head's own numbers, or gradients of each class by itself, however many at a time."""

import copy

import pytest
import torch
from torch.nn.functional import conv2d

from polytag.branches import BranchHead
from polytag.errors import OptionError
from polytag.explain import WAYS, ways
from polytag.explain.ways import attention, best_way, class_maps, grad_cam
from polytag.heads import HEADS
from polytag.heads.base import ChannelWeights, Head, MapHead
from polytag.heads.csra import CSRA
from polytag.heads.decouple import Decouple
from polytag.heads.gat import GAT
from polytag.heads.linear import Linear
from polytag.heads.ml_decoder import MLDecoder

D, C = 8, 5


class Blind(Head):
    """Shows nothing."""

    def forward(self, features):
        return features.mean(dim=(2, 3))[:, : self.num_classes]

    def class_dims(self):
        return {}


def features(batch=3):
    return torch.randn(batch, D, 3, 4, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=HEADS)
def head(request):
    torch.manual_seed(0)
    return HEADS[request.param](D, C).eval()


def test_the_maps_of_a_linear_head_are_its_logits_place_by_place():
    torch.manual_seed(0)
    for head in (Linear(D, C), Linear(D, C, normalize=True, scale=7.0)):
        maps = class_maps(head, features(), [3, 0])
        torch.testing.assert_close(maps.mean(dim=(2, 3)), head(features())[:, [3, 0]], rtol=1e-4, atol=1e-5)


def test_maps_are_where_the_features_are(head):
    """What one place alone has is hottest there, or, where maps are enlarged between, next to it."""
    quiet, far = torch.zeros(1, D, 3, 4), 1 if isinstance(head, Decouple) else 0
    for row, column in ((0, 0), (0, 3), (2, 1)):
        one = quiet.clone()
        one[0, :, row, column] = features(1)[0, :, 0, 0]
        seen = grad_cam(head, one, range(C)).flatten(2)
        assert (seen.sum(dim=2) == seen[..., 4 * row + column]).all()  # nothing anywhere else
        if isinstance(head, MapHead):
            change = class_maps(head, one, range(C)) - class_maps(head, quiet, range(C))
            hottest = change.abs().flatten(2).argmax(dim=2)
            assert ((hottest // 4 - row).abs() <= far).all()
            assert ((hottest % 4 - column).abs() <= far).all()


def test_the_maps_of_ml_gcn_are_its_weights_place_by_place():
    torch.manual_seed(0)
    head = HEADS["ml_gcn"](D, C).eval()
    weights = head.class_weights()
    for row, column in ((0, 0), (0, 3), (2, 1)):
        expected = features()[:, :, row, column] @ weights.T
        torch.testing.assert_close(head.class_maps(features())[:, :, row, column], expected)


def test_gradients_of_a_linear_head_are_its_weights():
    torch.manual_seed(0)
    head = Linear(D, C)
    expected = conv2d(features(), head.classifier.weight[:, :, None, None]).relu() / 12
    torch.testing.assert_close(grad_cam(head, features(), range(C)), expected)


def test_each_class_of_each_photo_is_gone_back_through_by_itself(head, monkeypatch):
    maps = grad_cam(head, features(), [4, 0, 2])
    assert maps.shape == (3, 3, 3, 4)
    for photo in range(3):
        for place, c in enumerate((4, 0, 2)):
            one = features()[photo : photo + 1].requires_grad_()
            (gradient,) = torch.autograd.grad(head(one)[0, c], one)
            expected = (gradient.mean(dim=(2, 3), keepdim=True) * one).sum(dim=1).relu()[0]
            torch.testing.assert_close(maps[photo, place], expected.detach(), rtol=1e-4, atol=1e-6)
    monkeypatch.setattr(ways, "COPIES", 2)
    torch.testing.assert_close(grad_cam(head, features(), [4, 0, 2]), maps, rtol=1e-4, atol=1e-6)


def test_gradients_are_not_left_on_the_weights_and_none_are_needed_around(head):
    with torch.no_grad():
        grad_cam(head, features(), [0])
    assert all(weight.grad is None for weight in head.parameters())


def test_the_best_way_works_for_its_head(head):
    maps = WAYS[best_way(head)](head, features(), [1, 2])
    assert maps.shape[:2] == (3, 2)
    assert maps.isfinite().all()


def test_what_weighs_channels_of_a_head_shows_the_same():
    torch.manual_seed(0)
    weights = torch.rand(D)
    around = Decouple(D, C).eval(), MLDecoder(D, C, width=16, attention_heads=2).eval()
    for head, names in zip(around, (("class_maps", "class_attention"), ("looks",)), strict=True):
        weighed, gat = copy.deepcopy(ChannelWeights(weights, head)), GAT(D, C, head, vector_size=4).eval()
        for name in names:
            shown = getattr(head, name)
            assert torch.equal(getattr(weighed, name)(features()), shown(features() * weights[:, None, None]))
            on = features() * gat.channel_weights()[:, None, None]
            assert torch.equal(getattr(gat, name)(features()), shown(on))


def test_attention_is_what_the_head_looks_at():
    torch.manual_seed(0)
    head = MLDecoder(D, C, width=16, attention_heads=2).eval()
    torch.testing.assert_close(attention(head, features(), [2, 0]), head.looks(features())[:, [2, 0]])
    assert best_way(head) == "gradcam"


@pytest.mark.parametrize(
    ("way", "made", "message"),
    [
        (attention, lambda: CSRA(D, C), "the head CSRA has no attention to places; choose maps or gradcam"),
        (class_maps, lambda: MLDecoder(D, C), "the head MLDecoder has no class maps; choose attention or gradcam"),
        (attention, lambda: BranchHead(CSRA(D, C)), "the head CSRA has no attention to places; choose maps or gradcam"),
        (
            attention,
            lambda: ChannelWeights(torch.ones(D), Linear(D, C, normalize=True)),
            "the head Linear has no attention to places; choose maps or gradcam",
        ),
        (attention, lambda: Blind(D, C), "the head Blind has no attention to places; choose gradcam"),
    ],
)
def test_what_a_head_does_not_have_is_refused(way, made, message):
    with pytest.raises(OptionError) as refusal:
        way(made(), features(), [0])
    assert str(refusal.value) == message
