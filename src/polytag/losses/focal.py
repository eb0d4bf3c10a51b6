"""Focal loss: what is already right costs little.

Paper: Lin, Goyal, Girshick, He, Dollar, "Focal Loss for Dense Object Detection", ICCV 2017.
"""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from polytag._checks import check_number, check_scores_targets
from polytag.losses.base import Loss


class Focal(Loss):
    """``-balance (1 - p) ** gamma log(p)`` for a present label, and the same with ``1 - p`` for an absent one.

    Summed over classes, averaged over the batch. Gradients flow through the first factor.

    Args:
        gamma: focusing exponent ``>= 0``.
        balance: factor of all, ``> 0``; 2 in the code that the LTML paper compares with.

    Raises:
        OptionError: if a number is out of its range, or shapes differ in a call.
    """

    def __init__(self, gamma: float = 2.0, balance: float = 2.0) -> None:
        super().__init__()
        check_number("gamma", gamma, 0.0, float("inf"))
        check_number("balance", balance, 1e-9, float("inf"))
        self.gamma, self.balance = gamma, balance

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch; see :meth:`Loss.forward`."""
        check_scores_targets(logits, targets)
        z = logits if logits.dtype == torch.float64 else logits.float()
        y = targets.to(z.dtype)
        known = (y + 1).clamp(max=1)
        return self.balance * (known * focal_costs(z, y.relu(), self.gamma)).sum() / len(z)


def focal_costs(z: Tensor, y: Tensor, gamma: float, absent_scale: Tensor | float = 1.0) -> Tensor:
    """Each entry's cost, ``(batch, classes)``; ``y`` in ``[0, 1]``, logits of absent labels times ``absent_scale``."""
    log_p, log_q = logsigmoid(z), logsigmoid(-absent_scale * z)
    if not gamma:
        return -y * log_p - (1 - y) * log_q
    # Powers are taken in log space: finite, with finite gradients, even where p rounds to 0 or 1.
    present, absent = torch.exp(gamma * logsigmoid(-z)), torch.exp(gamma * logsigmoid(absent_scale * z))
    return -y * present * log_p - (1 - y) * absent * log_q
