"""Class-balanced focal loss: photos with rare labels count more.

Paper: Cui, Jia, Lin, Song, Belongie, "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019.
"""

import torch
from torch import Tensor

from polytag._checks import check_number, check_scores_targets
from polytag.labels import Labels
from polytag.losses.base import Loss
from polytag.losses.focal import focal_costs
from polytag.losses.frequencies import Frequencies


class CBFocal(Loss):
    """Focal loss times the mean of ``(1 - beta) / (1 - beta ** n)`` over the labels that a photo has.

    ``n`` is how many training photos have the label, at least 1. A photo without a label gets the mean over all labels,
    where public code has no number. Summed over classes, averaged over the batch.

    Args:
        beta: in ``[0, 1)``; 0 counts all labels the same.
        gamma: focusing exponent ``>= 0``.
        balance: factor of all, ``> 0``.

    Raises:
        OptionError: if a number is out of its range, it is called before :meth:`prepare`, or shapes differ.
    """

    weighs_photos = True

    def __init__(self, beta: float = 0.9, gamma: float = 2.0, balance: float = 2.0) -> None:
        super().__init__()
        check_number("beta", beta, 0.0, 0.999999999)
        check_number("gamma", gamma, 0.0, float("inf"))
        check_number("balance", balance, 1e-9, float("inf"))
        self.beta, self.gamma, self.balance = beta, gamma, balance
        self.frequencies = Frequencies("cb_focal")

    def prepare(self, labels: Labels) -> None:
        """Count the training labels."""
        self.frequencies.take(labels)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch; see :meth:`Loss.forward`."""
        check_scores_targets(logits, targets)
        z = logits if logits.dtype == torch.float64 else logits.float()
        y = targets.to(z.dtype)
        present, _ = self.frequencies.of(z)
        # In float32 1 - beta ** n would cancel where beta is near 1.
        powers = torch.expm1(present.double().clamp(min=1) * torch.tensor(self.beta, dtype=torch.float64).log())
        weights = ((self.beta - 1) / powers).to(z)  # (classes,)
        labels = y.relu().sum(dim=1)  # a photo has
        of_photo = torch.where(labels > 0, (y.relu() * weights).sum(dim=1) / labels.clamp(min=1e-9), weights.mean())
        known = (y + 1).clamp(max=1)
        costs = known * focal_costs(z, y.relu(), self.gamma)  # (batch, classes)
        return self.balance * (of_photo[:, None] * costs).sum() / len(z)
