"""What branches promise: equal ends at first, each its own afterwards, one pass through any backbone's trunk."""

import copy

import pytest
import torch
from torch import nn

from polytag.branches import BranchHead, ForkedBackbone, branched, cut_of, drawn_anew
from polytag.build import build_model
from polytag.errors import OptionError
from polytag.heads import HEADS
from polytag.heads.base import SHOWN, MapHead
from polytag.heads.gat import GAT
from polytag.heads.linear import Linear
from polytag.model import Classifier, mean_logits

BACKBONES = ("test_resnet", "test_vit", "test_efficientnet", "mobilenetv2_100", "convnext_atto")


def images(batch=2):
    return torch.randn(batch, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def plain(name="test_resnet", head="linear"):
    return build_model(name, head, 3, image_size=(64, 64)).eval()


@pytest.mark.parametrize("name", BACKBONES)
def test_at_first_both_ends_are_the_model_itself(name):
    model = plain(name)
    expected = model(images())
    forked = branched(model)
    features = forked.backbone(images())
    assert features.shape[1] == forked.backbone.channels == 2 * forked.backbone.trunk.channels
    for logits in (*forked.head.each(features), forked(images())):
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", BACKBONES)
def test_each_end_learns_by_itself_and_the_trunk_from_both(name):
    forked = branched(plain(name)).train()
    first, second = forked.head.each(forked.backbone(images(4)))
    ends = {n: {key for key, _ in forked.named_parameters() if f".parts.{n}." in key} for n in (0, 1)}
    assert len(ends[0]) == len(ends[1]) > 0
    trunk = {key for key, _ in forked.backbone.named_parameters(prefix="backbone")} - ends[0] - ends[1]
    assert trunk
    for logits, own, other in ((first, 0, 1), (second, 1, 0)):
        grads = torch.autograd.grad(logits.sum(), list(forked.parameters()), retain_graph=True, allow_unused=True)
        moved = {
            key
            for (key, _), grad in zip(forked.named_parameters(), grads, strict=True)
            if grad is not None and grad.abs().sum() > 0
        }
        assert not moved & ends[other]
        assert moved & ends[own]
        assert moved & trunk


def test_the_answer_is_the_mean_of_both_probabilities():
    forked = branched(plain())
    with torch.no_grad():
        forked.head.heads[1].classifier.weight.mul_(-2)
        first, second = forked.head.each(forked.backbone(images()))
    expected = (first.sigmoid() + second.sigmoid()) / 2
    torch.testing.assert_close(forked(images()).sigmoid(), expected)
    torch.testing.assert_close(forked(images()), mean_logits([first, second]))


def test_the_trunk_is_passed_once():
    forked = branched(plain())
    calls = []
    forked.backbone.trunk.model.layer1.register_forward_hook(lambda *_: calls.append(1))
    forked(images())
    assert len(calls) == 1


def test_a_pair_folds_both_heads_and_shows_the_mean_of_their_maps():
    torch.manual_seed(0)
    pair = BranchHead(GAT(6, 3, vector_size=4)).eval()
    drawn_anew(pair.heads[1], 5)
    features = torch.randn(2, 12, 3, 3)
    folded = pair.fold()
    assert [type(head) for head in folded.heads] == [Linear, Linear]
    torch.testing.assert_close(folded(features), pair(features), rtol=1e-4, atol=1e-5)
    assert isinstance(folded, MapHead)
    parts = [head.class_maps(part) for head, part in zip(folded.heads, features.chunk(2, dim=1), strict=True)]
    torch.testing.assert_close(folded.class_maps(features), (parts[0] + parts[1]) / 2)
    assert set(pair.told()) == {f"heads.{n}.nodes.{key}" for n in (0, 1) for key in ("graph", "vectors")}
    assert set(pair.class_dims()) <= set(pair.state_dict())


@pytest.mark.parametrize("name", ["linear", "decouple", "query2label"])
def test_branches_show_what_their_heads_show(name):
    torch.manual_seed(0)
    head = HEADS[name](16, 3).eval()
    features = torch.randn(2, 16, 2, 3)
    one = copy.deepcopy(BranchHead(head, 2, [0, 1, 1], apart=False).eval())
    drawn_anew(one.heads[1], 5)
    pair = BranchHead(head, 2, apart=False).eval()
    pair.heads[1] = one.heads[1]
    for way in SHOWN:
        assert hasattr(pair, way) == hasattr(head, way)
        if hasattr(head, way):
            first, second = (getattr(each, way)(features) for each in pair.heads)
            torch.testing.assert_close(getattr(pair, way)(features), (first + second) / 2)
            assert torch.equal(getattr(one, way)(features), torch.cat([first[:, :1], second[:, 1:]], dim=1))


def test_a_head_is_drawn_anew_by_its_seed_alone():
    first = Linear(6, 3)
    heads = [copy.deepcopy(first) for _ in range(3)]
    state = torch.random.get_rng_state()
    for head, seed in zip(heads, (1, 1, 2), strict=True):
        drawn_anew(head, seed)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(heads[0].classifier.weight, heads[1].classifier.weight)
    assert not torch.equal(heads[0].classifier.weight, heads[2].classifier.weight)


@pytest.mark.parametrize("name", HEADS)
def test_every_weight_of_a_head_that_is_drawn_anew_has_other_numbers_of_the_same_kind(name):
    small = {"width": 32, "hidden": 64} if name == "transformer" else {}  # 30 million numbers are slow to sort
    first = HEADS[name](64, 10, **small)
    other = copy.deepcopy(first)
    drawn_anew(other, 1)
    for one, two in zip(first.parameters(), other.parameters(), strict=True):
        assert torch.equal(one.flatten().sort().values, two.flatten().sort().values)
        assert one.unique().numel() == 1 or not torch.equal(one, two)  # a constant, as of a norm, stays


@pytest.mark.parametrize(
    ("name", "cut"), [("resnet18", "layer3"), ("mobilenetv2_100", "blocks.4"), ("vit_tiny_patch16_224", "blocks.8")]
)
def test_the_cut_is_behind_the_last_stage_but_one(name, cut):
    import timm

    with torch.device("meta"):
        assert cut_of(timm.create_model(name)) == cut


def test_a_backbone_that_cannot_be_cut_is_refused():
    with pytest.raises(OptionError) as refusal:
        branched(build_model("hrnet_w18_small", "linear", 3, image_size=(64, 64)))
    assert str(refusal.value) == (
        "the backbone hrnet_w18_small cannot be cut behind stage3, where its last stage begins; choose another one"
    )
    with pytest.raises(OptionError) as refusal:
        branched(Classifier(nn.Conv2d(3, 4, 3), Linear(4, 2)))
    assert str(refusal.value) == "branches need a backbone of timm, whose stages are known; give its name"


def test_state_is_all_that_another_one_needs():
    forked = branched(plain())
    with torch.no_grad():
        for weight in forked.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
    other = branched(plain())
    other.load_state_dict(copy.deepcopy(forked.state_dict()))
    assert torch.equal(other(images()), forked(images()))
    assert isinstance(other.backbone, ForkedBackbone)


@pytest.mark.parametrize("stage", [True, False])
def test_each_class_may_have_a_branch_of_its_own(stage):
    forked = branched(plain(), 3, [2, 0, 2], stage)
    torch.testing.assert_close(forked(images()), plain()(images()), rtol=1e-4, atol=1e-4)
    for seed, head in enumerate(forked.head.heads):
        drawn_anew(head, seed)
    features = forked.backbone(images())
    answers = forked.head.each(features)
    assert torch.equal(forked(images()), torch.stack([answers[2][:, 0], answers[0][:, 1], answers[2][:, 2]], dim=1))
    maps = [
        head.class_maps(part)
        for head, part in zip(forked.head.heads, features.chunk(3, 1) if stage else [features] * 3, strict=True)
    ]
    expected = torch.stack([maps[2][:, 0], maps[0][:, 1], maps[2][:, 2]], dim=1)
    assert torch.equal(forked.head.class_maps(features), expected)
    folded = forked.folded()
    assert torch.equal(folded(images()), forked(images()))
    assert isinstance(forked.backbone, ForkedBackbone) == stage


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_may_have_more_than_two_ends(name):
    model = plain(name)
    expected = model(images())
    forked = branched(model, 4)
    for logits in forked.head.each(forked.backbone(images())):
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stage", [True, False])
def test_branches_export_for_any_number_of_photos(stage):
    model = plain()
    model = (
        branched(model).eval() if stage else Classifier(model.backbone, BranchHead(model.head, 2, apart=False)).eval()
    )
    program = torch.export.export(model, (images(4),), dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},))
    for batch in (1, 3, 7):
        torch.testing.assert_close(program.module()(images(batch)), model(images(batch)))
