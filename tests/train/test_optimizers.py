"""What the optimizers promise: first steps by hand, every parameter held from the start, decay where it belongs."""

import pytest
import torch
from torch import nn

from polytag.backbones import Backbone
from polytag.build import build_model, factory
from polytag.errors import OptionError
from polytag.heads import HEADS
from polytag.losses import BCE
from polytag.methods import METHODS
from polytag.train.optimizers import OPTIMIZERS


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))


class One(nn.Module):
    """One weight of 1, a matrix or not."""

    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(shape, dtype=torch.float64))


def after_steps(name, gradients, weight_decay=0.0, shape=(1, 1)):
    """The weight after steps with these gradients at a rate of 0.1."""
    module = One(*shape)
    optimizer = OPTIMIZERS[name](module, 0.1, weight_decay)
    for gradient in gradients:
        module.weight.grad = torch.full(shape, float(gradient), dtype=torch.float64)
        optimizer.step()
    return module.weight.item()


def test_sgd_by_hand():
    assert after_steps("sgd", [1]) == pytest.approx(1 - 0.1 * (1 + 0.9))  # Nesterov looks ahead
    assert after_steps("sgd", [1, 1]) == pytest.approx(1 - 0.1 * 1.9 - 0.1 * (1 + 0.9 * 1.9))
    assert after_steps("sgd", [0], weight_decay=0.5) == pytest.approx(1 - 0.1 * 0.5 * 1.9)


def test_adam_by_hand():
    assert after_steps("adam", [-3]) == pytest.approx(1 + 0.1)  # the first step has the length of the rate
    assert after_steps("adam", [0], weight_decay=0.5) == pytest.approx(1 - 0.1)  # decay counts as a gradient


def test_adamw_by_hand():
    assert after_steps("adamw", [-3]) == pytest.approx(1 + 0.1)
    assert after_steps("adamw", [0], weight_decay=0.5) == pytest.approx(1 - 0.1 * 0.5)  # and here it does not


def decayed(module):
    optimizer = OPTIMIZERS["adamw"](module, 0.1, 0.5)
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    return {names[id(p)] for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]}


@pytest.mark.parametrize("name", HEADS)
def test_no_bias_and_no_embedding_of_a_head_is_decayed(name):
    model = nn.ModuleDict({"head": HEADS[name](64, 10)})
    found = decayed(model)
    assert found  # the head has weights
    assert not {each for each in found if "bias" in each or "queries" in each}


def test_what_a_backbone_exempts_is_not_decayed():
    model = nn.ModuleDict({"backbone": Backbone("test_vit", image_size=160)})
    embeddings = {name for name, _ in model.named_parameters() if name.endswith(("pos_embed", "cls_token"))}
    assert embeddings
    assert not decayed(model) & embeddings


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("shape", [(1,), ()])
def test_weights_with_fewer_than_two_dimensions_are_not_decayed(name, shape):
    assert after_steps(name, [0], weight_decay=0.5, shape=shape) == 1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_parameter_is_held_once_frozen_ones_too(name):
    module = network()
    module[0].requires_grad_(False)
    optimizer = OPTIMIZERS[name](module, 0.1, 0.01)
    held = [id(p) for group in optimizer.param_groups for p in group["params"]]
    assert sorted(held) == sorted(id(p) for p in module.parameters())
    decayed = {id(p) for group in optimizer.param_groups if group["weight_decay"] for p in group["params"]}
    assert decayed == {id(module[0].weight), id(module[3].weight)}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_frozen_weights_stay_until_they_are_thawed(name):
    module = network()
    module[0].requires_grad_(False)
    optimizer = OPTIMIZERS[name](module, 0.1, 0.01)
    before = module[0].weight.detach().clone()
    for expected in (True, False):
        optimizer.zero_grad()
        module(torch.ones(2, 3, 3, 3)).square().sum().backward()
        optimizer.step()
        assert torch.equal(module[0].weight, before) == expected
        module[0].requires_grad_(True)


def test_momentum_and_nesterov_of_sgd_by_hand():
    def after(gradients, **options):
        module = One(1, 1)
        optimizer = OPTIMIZERS["sgd"](module, 0.1, 0.0, **options)
        for gradient in gradients:
            module.weight.grad = torch.full((1, 1), float(gradient), dtype=torch.float64)
            optimizer.step()
        return module.weight.item()

    assert after([1, 1], nesterov=False) == pytest.approx(1 - 0.1 - 0.1 * 1.9)
    assert after([1, 1], momentum=0.0) == pytest.approx(1 - 0.2)
    assert after([1, 1], momentum=0.5) == pytest.approx(1 - 0.1 * 1.5 - 0.1 * (1 + 0.5 * 1.5))
    with pytest.raises(OptionError, match=r"^momentum must be between 0 and 0\.9999, got 1\.0$"):
        after([1], momentum=1.0)


class Parts(nn.Module):
    """A method with a model of two parts."""

    def __init__(self):
        super().__init__()
        self.model = nn.Module()
        self.model.backbone, self.model.head = network(), nn.Linear(2, 2)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_biases_and_the_backbone_have_rates_of_their_own(name):
    module = Parts()
    optimizer = OPTIMIZERS[name](module, 0.1, 0.01, bias_lr=2.0, backbone_lr=0.1)
    rates = {id(p): (group["lr"], group["weight_decay"]) for group in optimizer.param_groups for p in group["params"]}
    found = {name: rates[id(p)] for name, p in module.named_parameters()}
    assert found == {
        "model.backbone.0.weight": (pytest.approx(0.01), 0.01),
        "model.backbone.0.bias": (pytest.approx(0.02), 0.0),
        "model.backbone.1.weight": (pytest.approx(0.01), 0.0),
        "model.backbone.1.bias": (pytest.approx(0.02), 0.0),
        "model.backbone.3.weight": (pytest.approx(0.01), 0.01),
        "model.backbone.3.bias": (pytest.approx(0.02), 0.0),
        "model.head.weight": (0.1, 0.01),
        "model.head.bias": (0.2, 0.0),
    }


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("option", ["bias_lr", "backbone_lr"])
def test_a_negative_factor_is_refused(name, option):
    with pytest.raises(OptionError, match=rf"^{option} must be between 0 and 1000, got -1$"):
        OPTIMIZERS[name](network(), 0.1, 0.0, **{option: -1})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_rate_is_the_one_that_was_asked_for(name):
    assert {group["lr"] for group in OPTIMIZERS[name](network(), 0.25, 0.1).param_groups} == {0.25}


@pytest.mark.parametrize("name", METHODS)
def test_the_backbone_is_slower_in_whatever_method_it_is(name):
    model = build_model("test_resnet", "linear", 3, image_size=(32, 32))
    method = factory("method", name)(model, BCE(), factory("sampler", "uniform"))
    optimizer = OPTIMIZERS["sgd"](method, 1.0, 0.0, backbone_lr=0.1)
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {rates[id(p)] for p in method.model.backbone.parameters()} == {0.1}
    assert 0.1 not in {rates[id(p)] for p in method.model.head.parameters()}
