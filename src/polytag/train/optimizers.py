"""The optimizers, by name. This file is their table: ``OPTIMIZERS[name](method, lr, weight_decay)`` builds one."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer


def sgd(method: nn.Module, lr: float, weight_decay: float) -> Optimizer:
    """Stochastic gradient descent with Nesterov momentum 0.9."""
    return torch.optim.SGD(_groups(method, weight_decay), lr, momentum=0.9, nesterov=True)


def adam(method: nn.Module, lr: float, weight_decay: float) -> Optimizer:
    """Adam; decay is added to the gradient."""
    return torch.optim.Adam(_groups(method, weight_decay), lr)


def adamw(method: nn.Module, lr: float, weight_decay: float) -> Optimizer:
    """Adam; decay is taken from the weights."""
    return torch.optim.AdamW(_groups(method, weight_decay), lr)


OPTIMIZERS: dict[str, Callable[[nn.Module, float, float], Optimizer]] = {
    "adam": adam,
    "adamw": adamw,
    "sgd": sgd,
}


def _groups(method: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """All parameters from the start (freezing sets ``requires_grad``); biases and norms are not decayed."""
    parameters = list(method.parameters())
    return [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
