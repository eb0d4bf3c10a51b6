"""The optimizers, by name. This file is their table: ``OPTIMIZERS[name](method, lr, weight_decay)`` builds one."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from polytag._checks import check_number


def sgd(
    method: nn.Module,
    lr: float,
    weight_decay: float,
    momentum: float = 0.9,
    nesterov: bool = True,
    bias_lr: float = 1.0,
    backbone_lr: float = 1.0,
) -> Optimizer:
    """Stochastic gradient descent with momentum.

    Args:
        method: whose parameters are trained.
        lr: learning rate.
        weight_decay: of weights with two or more dimensions that are no biases.
        momentum: share of the last step that is repeated, in ``[0, 1)``.
        nesterov: look ahead by it.
        bias_lr: factor of the learning rate of biases.
        backbone_lr: factor of the learning rate of the backbone.
    """
    check_number("momentum", momentum, 0.0, 0.9999)
    groups = _groups(method, lr, weight_decay, bias_lr, backbone_lr)
    return torch.optim.SGD(groups, lr, momentum=momentum, nesterov=nesterov and momentum > 0)


def adam(
    method: nn.Module, lr: float, weight_decay: float, bias_lr: float = 1.0, backbone_lr: float = 1.0
) -> Optimizer:
    """Adam; decay is added to the gradient.

    Args:
        method: whose parameters are trained.
        lr: learning rate.
        weight_decay: of weights with two or more dimensions that are no biases.
        bias_lr: factor of the learning rate of biases.
        backbone_lr: factor of the learning rate of the backbone.
    """
    return torch.optim.Adam(_groups(method, lr, weight_decay, bias_lr, backbone_lr), lr)


def adamw(
    method: nn.Module, lr: float, weight_decay: float, bias_lr: float = 1.0, backbone_lr: float = 1.0
) -> Optimizer:
    """Adam; decay is taken from the weights.

    Args:
        method: whose parameters are trained.
        lr: learning rate.
        weight_decay: of weights with two or more dimensions that are no biases.
        bias_lr: factor of the learning rate of biases.
        backbone_lr: factor of the learning rate of the backbone.
    """
    return torch.optim.AdamW(_groups(method, lr, weight_decay, bias_lr, backbone_lr), lr)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": adam,
    "adamw": adamw,
    "sgd": sgd,
}


def _groups(
    method: nn.Module, lr: float, weight_decay: float, bias_lr: float, backbone_lr: float
) -> list[dict[str, Any]]:
    """All parameters from the start (freezing sets ``requires_grad``).

    Not decayed are biases and norms, and what a part of the model names in ``no_weight_decay()``, as timm's do with
    embeddings of places. A method's ``lr_factors()`` multiply the rate of what they name.
    """
    check_number("bias_lr", bias_lr, 0.0, 1000.0)
    check_number("backbone_lr", backbone_lr, 0.0, 1000.0)
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    exempt = {prefix + name for prefix, named in _having(method, "no_weight_decay") for name in named()}
    rates = {prefix + start: rate for prefix, named in _having(method, "lr_factors") for start, rate in named().items()}
    slowed = {id(part) for part in _backbone(method).parameters()}
    for name, parameter in method.named_parameters():
        decays = parameter.ndim >= 2 and not name.endswith("bias") and name not in exempt
        decay = weight_decay if decays else 0.0
        factor = bias_lr if name.endswith("bias") else 1.0
        factor *= backbone_lr if id(parameter) in slowed else 1.0
        factor *= math.prod(rate for start, rate in rates.items() if name.startswith(start))
        group = groups.setdefault((decay, factor), {"params": [], "weight_decay": decay, "lr": lr * factor})
        group["params"].append(parameter)
    return list(groups.values())


def _backbone(method: nn.Module) -> nn.Module:
    """That of the model; its parameters may have other names where one method is around another one."""
    found = getattr(getattr(method, "model", None), "backbone", None)
    return found if isinstance(found, nn.Module) else nn.Module()


def _having(method: nn.Module, what: str) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The parts that have a method of this name: what names of their parameters begin with, and it."""
    for prefix, part in method.named_modules():
        if callable(found := getattr(part, what, None)):
            yield f"{prefix}." if prefix else "", found
