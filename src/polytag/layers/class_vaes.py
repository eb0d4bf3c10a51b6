"""A small variational auto-encoder and a classifier for each class, all classes in a few products of batched matrices.

Part of polytag.methods.vfa.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from polytag._checks import check_number

LARGEST = 20.0  # magnitude of a code's log variance: an encoder that runs away must not end a training


class ClassLinear(nn.Module):
    """A linear layer of its own for each class: ``x_c W_c + b_c``.

    Args:
        classes: ``C``.
        inputs: numbers that come in.
        outputs: numbers that come out.
    """

    def __init__(self, classes: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)  # as torch's linear layer begins
        self.weight = nn.Parameter(torch.empty(classes, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(classes * outputs).uniform_(-bound, bound))  # flat, as biases do not decay

    def forward(self, x: Tensor) -> Tensor:
        """``(C, batch, inputs)`` to ``(C, batch, outputs)``."""
        return torch.baddbmm(self.bias.view(len(self.weight), 1, -1), x, self.weight)  # (C, batch, outputs)


class Decoupled(NamedTuple):
    """What the classes make of a batch of vectors; classes come first."""

    features: Tensor  # (C, batch, size): v^j, what each class takes from the vector
    mean: Tensor  # (C, batch, latent)
    log_variance: Tensor  # (C, batch, latent)
    codes: Tensor  # (C, batch, latent): z_j, drawn from mean and variance
    decoded: Tensor  # (C, batch, size): what the codes say of the features
    logits: Tensor  # (batch, C): of the class, told from its code


class ClassVAEs(nn.Module):
    """A class: ``v^j = f_j(v)``, ``[mu, log sigma^2] = e_j(v^j)``, ``z = mu + sigma * noise``, ``d_j(z)``, ``h_j(z)``.

    ``f_j``, ``e_j`` and ``d_j`` have two layers with a ReLU between them, ``h_j`` has one. The first layers of all
    ``f_j`` are one matrix, as they see the same vector; the others are products of ``C`` matrices at once.

    Args:
        inputs: numbers ``D`` of a vector.
        classes: ``C``.
        size: numbers of a class's features ``v^j``, ``>= 1``.
        latent: numbers of a code ``z_j``, ``>= 1``.
        hidden: numbers between the two layers of ``f_j``, ``>= 1``.

    Raises:
        OptionError: if a number is out of its range.
    """

    def __init__(self, inputs: int, classes: int, size: int, latent: int, hidden: int) -> None:
        super().__init__()
        for name, value in (("size", size), ("latent", latent), ("hidden", hidden)):
            check_number(name, value, 1, 65536)
        self.classes = classes
        self.widen = nn.Linear(inputs, classes * hidden)
        self.narrow = ClassLinear(classes, hidden, size)
        self.encoder = nn.Sequential(
            ClassLinear(classes, size, size), nn.ReLU(inplace=True), ClassLinear(classes, size, 2 * latent)
        )
        self.decoder = nn.Sequential(
            ClassLinear(classes, latent, size), nn.ReLU(inplace=True), ClassLinear(classes, size, size)
        )
        self.classifier = ClassLinear(classes, latent, 1)

    def forward(self, vectors: Tensor, noise: Tensor | None = None) -> Decoupled:
        """Decouple a batch.

        Args:
            vectors: ``(batch, D)``.
            noise: ``(C, batch, latent)`` of a standard normal distribution; drawn from torch's generator if not given.
        """
        seen = self.widen(vectors).relu_()  # (batch, C * hidden)
        seen = torch.unflatten(seen, 1, (self.classes, -1)).transpose(0, 1)  # (C, batch, hidden)
        features = self.narrow(seen)  # (C, batch, size)
        mean, log_variance = self.encoder(features).chunk(2, dim=2)  # (C, batch, latent) each
        log_variance = log_variance.clamp(-LARGEST, LARGEST)
        deviation = (0.5 * log_variance.to(torch.promote_types(mean.dtype, torch.float32))).exp()
        codes = mean + deviation * (torch.randn_like(deviation) if noise is None else noise)  # (C, batch, latent)
        logits = self.classifier(codes).squeeze(2).T  # (batch, C)
        return Decoupled(features, mean, log_variance, codes, self.decoder(codes), logits)


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Of normal distributions from the standard one, ``1/2 sum(mu^2 + sigma^2 - 1 - log sigma^2) >= 0``.

    Args:
        mean: ``(..., latent)``.
        log_variance: of the same shape.

    Returns:
        ``(...)``, at least in float32.
    """
    kind = torch.promote_types(mean.dtype, torch.float32)
    mean, log_variance = mean.to(kind), log_variance.to(kind)
    # expm1(x) - x is sigma^2 - 1 - log sigma^2, and does not lose its digits near 0.
    return 0.5 * (mean.square() + torch.expm1(log_variance) - log_variance).sum(dim=-1)


def orders(batch: int, classes: int, device: torch.device) -> Tensor:
    """For each class an order of the batch, drawn by itself from torch's generator: ``(classes, batch)`` of rows."""
    return torch.rand(classes, batch, device=device).argsort(dim=1)


def shuffled(features: Tensor, order: Tensor) -> Tensor:
    """Each class's features in an order of its own: ``(C, batch, size)`` and ``(C, batch)`` to ``(C, batch, size)``."""
    return features.gather(1, order[:, :, None].expand_as(features))


def shuffled_labels(targets: Tensor, order: Tensor) -> Tensor:
    """Labels that follow the features, unknown ones too: ``(batch, C)`` and ``(C, batch)`` to ``(batch, C)``."""
    return targets.gather(0, order.T)
