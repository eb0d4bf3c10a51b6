"""Asymmetric angular-margin loss: equation 1 of the paper, with the clip of its public code.

Part of polytag.methods.aam_gat, which cites the paper (section 3.4).
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from polytag._checks import check_number, check_scores_targets
from polytag.losses.base import Loss


class AAM(Loss):
    """One angular-margin problem a class, weighted as in the asymmetric loss.

    With logits ``z = s * cos``, ``p = sigmoid(z - s m)`` and ``q = sigmoid(-z - s m)``, a label that is present costs
    ``k / s * q ** gamma_pos * -log(p)``, and one that is absent ``(1 - k) / s * p ** gamma_neg * -log(q)``. Where a
    gamma is above 0, ``min(q + clip, 1)`` takes the place of ``q``. Summed over classes, averaged over the batch, which
    public code sums, too. The scale ``s`` is the head's; of logits that are no cosines it counts as 1.

    Args:
        balance: ``k`` in ``[0, 1]``, the weight of labels that are present.
        gamma_neg: focusing exponent ``>= 0`` of absent labels.
        gamma_pos: focusing exponent ``>= 0`` of present labels.
        margin: ``m`` in ``[0, 1]``, in cosines.
        clip: in ``[0, 1]``; 0.05 in public code, 0 in the paper's text.
        smoothing: in ``[0, 0.5]``, by which labels are moved towards each other.

    Raises:
        OptionError: if a number is out of its range, or shapes differ in a call.
    """

    cosines = True
    scale: Tensor

    def __init__(
        self,
        balance: float = 0.7,
        gamma_neg: float = 1.0,
        gamma_pos: float = 0.0,
        margin: float = 0.0,
        clip: float = 0.05,
        smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        check_number("balance", balance, 0.0, 1.0)
        check_number("gamma_neg", gamma_neg, 0.0, float("inf"))
        check_number("gamma_pos", gamma_pos, 0.0, float("inf"))
        check_number("margin", margin, 0.0, 1.0)
        check_number("clip", clip, 0.0, 1.0)
        check_number("smoothing", smoothing, 0.0, 0.5)
        self.balance, self.gamma_neg, self.gamma_pos = balance, gamma_neg, gamma_pos
        self.margin, self.smoothing = margin, smoothing
        self.clip = clip if gamma_neg or gamma_pos else 0.0
        self.register_buffer("scale", torch.ones(()), persistent=False)

    def attach(self, head: nn.Module) -> None:
        """Take over the scale of the head, if its logits are cosines."""
        scale = getattr(head, "scale", None)
        if isinstance(scale, Tensor):
            self.scale = scale.detach().clone()

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch; see :meth:`Loss.forward`."""
        check_scores_targets(logits, targets)
        z = logits if logits.dtype == torch.float64 else logits.float()
        y = targets.to(z.dtype)
        shift = self.scale.to(z.dtype) * self.margin
        log_p, log_q = logsigmoid(z - shift), logsigmoid(-z - shift)
        # Powers are taken in log space: finite, with finite gradients, even where p rounds to 0 or 1.
        present, absent = -log_p, torch.exp(self.gamma_neg * log_p) if self.gamma_neg else torch.ones_like(z)
        if self.clip:
            log_q = (log_q.exp() + self.clip).clamp(max=1).log()
        if self.gamma_pos:
            present = present * torch.exp(self.gamma_pos * log_q)
        absent = absent * -log_q
        soft = self.smoothing + (1 - 2 * self.smoothing) * y.relu() if self.smoothing else y.relu()
        known = (y + 1).clamp(max=1)
        cost = self.balance * soft * present + (1 - self.balance) * (1 - soft) * absent
        return (known * cost).sum() / (self.scale.to(z.dtype) * len(z))
