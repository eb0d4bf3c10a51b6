"""Binary cross-entropy that leans to the rarer answer of each class.

Paper: Li, Chen, Huang, "Multi-attribute Learning for Pedestrian Attribute Recognition in Surveillance Scenarios",
ACPR 2015.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from polytag._checks import check_scores_targets
from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.losses.base import Loss


class WeightedBCE(Loss):
    """Binary cross-entropy with weight ``exp(1 - r)`` where a label is present and ``exp(r)`` where it is absent.

    ``r`` is the share of positives among the known training labels of the class (0 for a class without any). Summed
    over classes, averaged over the batch.

    Raises:
        OptionError: if it is called before :meth:`prepare` or with another number of classes, or if shapes differ.
    """

    positive_ratio: Tensor  # (classes,); empty until prepared

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("positive_ratio", torch.empty(0), persistent=False)

    def prepare(self, labels: Labels) -> None:
        """Take the ratios from the training labels."""
        present, absent, _ = labels.counts()
        ratio = present / np.maximum(present + absent, 1)
        self.positive_ratio = torch.as_tensor(ratio, dtype=torch.float32, device=self.positive_ratio.device)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch; see :meth:`Loss.forward`."""
        check_scores_targets(logits, targets)
        if not len(self.positive_ratio):
            raise OptionError(
                "weighted_bce must know how frequent labels are; call prepare(labels) before the first batch"
            )
        if len(self.positive_ratio) != logits.shape[1]:
            raise OptionError(
                f"weighted_bce was prepared for {len(self.positive_ratio)} classes, got {logits.shape[1]}; "
                "call prepare(labels) with labels of the same classes"
            )
        z = logits if logits.dtype == torch.float64 else logits.float()
        y = targets.to(z.dtype)
        ratio = self.positive_ratio.to(z.dtype)
        weight = torch.exp(ratio) * (y + 1).clamp(max=1)  # 0 where unknown
        both = binary_cross_entropy_with_logits(z, y, weight, pos_weight=torch.exp(1 - 2 * ratio), reduction="sum")
        return both / len(z)
