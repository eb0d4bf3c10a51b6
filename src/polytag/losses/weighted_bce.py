"""Binary cross-entropy that leans to the rarer answer of each class.

Paper: Li, Chen, Huang, "Multi-attribute Learning for Pedestrian Attribute Recognition in Surveillance Scenarios",
ACPR 2015.
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from polytag._checks import check_choice, check_scores_targets
from polytag.labels import Labels
from polytag.losses.base import Loss
from polytag.losses.frequencies import Frequencies


class WeightedBCE(Loss):
    """Binary cross-entropy with a weight by how frequent a label is.

    With ``r`` the share of positives among the known training labels of the class (0 for a class without any):
    "exponential" weighs by ``exp(1 - r)`` where a label is present and by ``exp(r)`` where it is absent; "inverse_root"
    by ``1 / sqrt(r)`` in both cases, and as if one photo had it where none does, the baseline RW of the LTML paper.
    Summed over classes, averaged over the batch.

    Args:
        weighting: which of the two.

    Raises:
        OptionError: if there is no such weighting, it is called before :meth:`prepare` or with another number of
            classes, or if shapes differ.
    """

    def __init__(self, weighting: Literal["exponential", "inverse_root"] = "exponential") -> None:
        super().__init__()
        check_choice("weighting", weighting, ("exponential", "inverse_root"))
        self.weighting = weighting
        self.frequencies = Frequencies("weighted_bce")

    def prepare(self, labels: Labels) -> None:
        """Count the training labels."""
        self.frequencies.take(labels)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch; see :meth:`Loss.forward`."""
        check_scores_targets(logits, targets)
        z = logits if logits.dtype == torch.float64 else logits.float()
        y = targets.to(z.dtype)
        present, known = self.frequencies.of(z)
        ratio = present / known.clamp(min=1)
        weights = {
            "exponential": (torch.exp(ratio), torch.exp(1 - 2 * ratio)),
            "inverse_root": (torch.sqrt(known.clamp(min=1) / present.clamp(min=1)), None),
        }
        of_all, of_present = weights[self.weighting]
        weight = of_all * (y + 1).clamp(max=1)  # 0 where unknown
        return binary_cross_entropy_with_logits(z, y, weight, pos_weight=of_present, reduction="sum") / len(z)
