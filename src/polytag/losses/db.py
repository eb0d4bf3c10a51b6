"""Distribution-balanced loss: photos re-weighted for labels that come together, and absent labels tolerated.

Paper: Wu, Huang, Liu, Wang, Lin, "Distribution-Balanced Loss for Multi-Label Classification in Long-Tailed Datasets",
ECCV 2020.
"""

import torch
from torch import Tensor

from polytag._checks import check_number, check_scores_targets
from polytag.labels import Labels
from polytag.losses.base import Loss
from polytag.losses.focal import focal_costs
from polytag.losses.frequencies import Frequencies


class DB(Loss):
    """Re-balanced weights and negative-tolerant regularisation, with or without focusing.

    With ``n`` the photos that have a label and ``N`` those on which it is known: ``r = (1 / n) / sum of y / n over the
    photo's labels``, its weight ``w = alpha + sigmoid(beta (r - mu))``, and ``z' = z - kappa log(N / n - 1) /
    tolerance``. A present label costs ``w bce(z', 1)``, an absent one ``w / tolerance bce(tolerance z', 0)``, both
    focused by ``gamma``, times ``balance``. As in public code, where the shift is divided by ``tolerance``; the paper
    does not say so. Summed over classes, averaged over the batch; public code takes the mean over classes.

    Args:
        alpha: the least weight, ``>= 0``.
        beta: how steep weights rise, ``> 0``.
        mu: where they do, in ``[0, 1]``; 0.3 for VOC-LT, 0.2 for COCO-LT.
        kappa: of the shift by how frequent a label is, ``>= 0``.
        tolerance: of absent labels, ``> 0``; 5 for VOC-LT, 2 for COCO-LT.
        gamma: focusing exponent ``>= 0``; 0 for the loss without focusing.
        balance: factor of all, ``> 0``; with ``gamma`` 0 public code has 1.

    Raises:
        OptionError: if a number is out of its range, it is called before :meth:`prepare`, or shapes differ.
    """

    weighs_photos = True

    def __init__(
        self,
        alpha: float = 0.1,
        beta: float = 10.0,
        mu: float = 0.3,
        kappa: float = 0.05,
        tolerance: float = 5.0,
        gamma: float = 2.0,
        balance: float = 2.0,
    ) -> None:
        super().__init__()
        for name, value, low in (("alpha", alpha, 0.0), ("beta", beta, 1e-9), ("kappa", kappa, 0.0)):
            check_number(name, value, low, float("inf"))
        check_number("mu", mu, 0.0, 1.0)
        check_number("tolerance", tolerance, 1e-9, float("inf"))
        check_number("gamma", gamma, 0.0, float("inf"))
        check_number("balance", balance, 1e-9, float("inf"))
        self.alpha, self.beta, self.mu, self.kappa = alpha, beta, mu, kappa
        self.tolerance, self.gamma, self.balance = tolerance, gamma, balance
        self.frequencies = Frequencies("db")

    def prepare(self, labels: Labels) -> None:
        """Count the training labels."""
        self.frequencies.take(labels)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch; see :meth:`Loss.forward`."""
        check_scores_targets(logits, targets)
        z = logits if logits.dtype == torch.float64 else logits.float()
        y = targets.to(z.dtype)
        present, known = self.frequencies.of(z)
        # A label on no photo, or on all of them, has no finite shift: half a photo stands for none.
        share = known.clamp(min=1) / present.clamp(min=0.5).minimum(known.clamp(min=1) - 0.5)
        shifted = z - self.kappa / self.tolerance * torch.log(share - 1)  # (batch, classes)
        inverse = 1 / present.clamp(min=1)  # (classes,)
        # Weight 1 + alpha where a photo has no label, as in public code, where r is infinite there.
        of_photo = (y.relu() * inverse).sum(dim=1, keepdim=True)  # (batch, 1)
        weight = self.alpha + torch.sigmoid(self.beta * (inverse / of_photo.clamp(min=1e-30) - self.mu))
        costs = focal_costs(shifted, y.relu(), self.gamma, absent_scale=self.tolerance)
        tolerated = y.relu() + (1 - y.relu()) / self.tolerance
        return self.balance * ((y + 1).clamp(max=1) * weight * tolerated * costs).sum() / len(z)
