"""Asymmetric loss (ASL).

Paper: Ridnik, Ben-Baruch, Zamir, Noy, Friedman, Protter, Zelnik-Manor, "Asymmetric Loss For Multi-Label
Classification", ICCV 2021.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from polytag._checks import check_number, check_scores_targets
from polytag.errors import OptionError
from polytag.losses.base import Loss


class ASL(Loss):
    """Binary cross-entropy that all but forgets easy negatives, of which an image has many.

    With ``p = sigmoid(logit)``, a label that is present costs ``(1 - p) ** gamma_pos * -log(p)``, and one that is
    absent costs ``s ** gamma_neg * -log(1 - s)`` with ``s = max(p - clip, 0)``: nothing at all where ``p <= clip``.
    Summed over classes, averaged over the batch (the paper's training script sums over the batch too).

    Args:
        gamma_neg: focusing exponent ``>= 0`` of absent labels.
        gamma_pos: focusing exponent ``>= 0`` of present labels.
        clip: in ``[0, 1]``, by how much the probability of an absent label is lowered.
        detach_weights: take the factors with the exponents as constants when differentiating, as the paper's training
            script does; False gives the gradient of the formula.

    Raises:
        OptionError: if a number is out of its range, or shapes differ in a call.
    """

    def __init__(
        self, gamma_neg: float = 4.0, gamma_pos: float = 0.0, clip: float = 0.05, detach_weights: bool = True
    ) -> None:
        super().__init__()
        check_number("gamma_neg", gamma_neg, 0.0, float("inf"))
        check_number("gamma_pos", gamma_pos, 0.0, float("inf"))
        check_number("clip", clip, 0.0, 1.0)
        self.gamma_neg = gamma_neg
        self.gamma_pos = gamma_pos
        self.clip = clip
        self.detach_weights = detach_weights

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch; see :meth:`Loss.forward`."""
        check_scores_targets(logits, targets)
        z = logits if logits.dtype == torch.float64 else logits.float()
        y = targets.to(z.dtype)
        value: Tensor = _Asymmetric.apply(z, y, self.gamma_neg, self.gamma_pos, self.clip, self.detach_weights)
        return value


class _Asymmetric(torch.autograd.Function):
    """Value and gradient in one sweep: half the time of differentiating the formula step by step.

    Arithmetic on ``y`` stands for masks, and results land in memory that is no longer needed: both are faster.
    """

    @staticmethod
    def forward(
        ctx: Any, z: Tensor, y: Tensor, gamma_neg: float, gamma_pos: float, clip: float, detach_weights: bool
    ) -> Tensor:
        minus = -z
        q = torch.sigmoid(minus)  # 1 - p, exact where p rounds to 1
        left = q.add(clip).clamp_(max=1)  # 1 - s
        pos_weight, neg_weight = y.relu(), _power(1 - left, gamma_neg).mul_(1 - y.abs())
        if gamma_pos:
            pos_weight = pos_weight * _power(q, gamma_pos)
        pos_cost = softplus(minus, threshold=40)
        if clip:
            log_left, slope = left.log(), q.addcmul(q, q, value=-1).div_(left)
        else:  # left is q, which may round to 0
            log_left, slope = softplus(z, threshold=40).neg_(), 1 - q
        slope.mul_(neg_weight).addcmul_(pos_weight, q, value=-1)
        if not detach_weights:
            s = (1 - left).clamp_(min=torch.finfo(z.dtype).eps)
            neg_part, pos_part = neg_weight * log_left * q / s, pos_weight * pos_cost
            slope -= (gamma_neg * neg_part + gamma_pos * pos_part) * (1 - q)
        ctx.save_for_backward(slope)
        return pos_cost.mul_(pos_weight).addcmul_(neg_weight, log_left, value=-1).sum() / len(z)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # the slope carries no graph: a second derivative would silently be wrong
            raise OptionError(
                "asl is differentiable once, got create_graph=True; use bce where a penalty needs gradients"
            )
        (slope,) = ctx.saved_tensors
        return slope * (gradient / len(slope)), None, None, None, None, None


def _power(base: Tensor, exponent: float) -> Tensor:
    """``base ** exponent`` for a base in ``[0, 1]``, by multiplication if possible: much faster; ``0 ** 0`` is 0."""
    if exponent == 0:
        return (base > 0).to(base.dtype)
    if exponent <= 3 or exponent % 1:
        return base**exponent
    if exponent % 2:
        return base * _power(base, exponent - 1)
    return _power(base.square(), exponent / 2)
