"""Binary cross-entropy, one problem a class."""

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from polytag._checks import check_number, check_scores_targets
from polytag.losses.base import Loss


class BCE(Loss):
    """Binary cross-entropy ``-t * log(p) - (1 - t) * log(1 - p)`` with ``p = sigmoid(logit)``.

    The target ``t`` is ``1 - smoothing`` where a label is present and ``smoothing`` where it is absent. Summed over
    classes, averaged over the batch.

    Args:
        smoothing: in ``[0, 0.5]``; above 0 it keeps logits finite, at 0.5 nothing is learned.

    Raises:
        OptionError: if ``smoothing`` is out of its range, or shapes differ in a call.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        check_number("smoothing", smoothing, 0.0, 0.5)
        self.smoothing = smoothing

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch; see :meth:`Loss.forward`."""
        check_scores_targets(logits, targets)
        z = logits if logits.dtype == torch.float64 else logits.float()
        y = targets.to(z.dtype)
        soft = self.smoothing + (1 - 2 * self.smoothing) * y if self.smoothing else y.relu()
        known = (y + 1).clamp(max=1)
        return binary_cross_entropy_with_logits(z, soft, weight=known, reduction="sum") / len(z)
