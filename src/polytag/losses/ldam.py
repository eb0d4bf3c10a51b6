"""Label-distribution-aware margins: the rarer a label, the further its photos have to be from the boundary.

Paper: Cao, Wei, Gaidon, Arechiga, Ma, "Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss",
NeurIPS 2019.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from polytag._checks import check_number, check_scores_targets
from polytag.labels import Labels
from polytag.losses.base import Loss
from polytag.losses.frequencies import Frequencies


class LDAM(Loss):
    """Binary cross-entropy in which a present label's logit is first lowered by ``s max_margin (m / n) ** 0.25``.

    ``n`` is how many training photos have the label, ``m`` that of the rarest one, both at least 1; ``s`` is the scale
    of a head of cosines, else 1. The paper is about one label a photo; this is its margin in the loss of many. Summed
    over classes, averaged over the batch.

    Args:
        max_margin: of the rarest label, ``>= 0``, in logits, or in cosines of a normalised head.

    Raises:
        OptionError: if a number is out of its range, it is called before :meth:`prepare`, or shapes differ.
    """

    scale: Tensor

    def __init__(self, max_margin: float = 0.5) -> None:
        super().__init__()
        check_number("max_margin", max_margin, 0.0, 1000.0)
        self.max_margin = max_margin
        self.frequencies = Frequencies("ldam")
        self.register_buffer("scale", torch.ones(()), persistent=False)

    def attach(self, head: nn.Module) -> None:
        """Take over the scale of the head, if its logits are cosines."""
        scale = getattr(head, "scale", None)
        if isinstance(scale, Tensor):
            self.scale = scale.detach().clone()

    def prepare(self, labels: Labels) -> None:
        """Count the training labels."""
        self.frequencies.take(labels)

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch; see :meth:`Loss.forward`."""
        check_scores_targets(logits, targets)
        z = logits if logits.dtype == torch.float64 else logits.float()
        y = targets.to(z.dtype)
        counts = self.frequencies.of(z)[0].clamp(min=1)
        margins = self.scale.to(z.dtype) * self.max_margin * (counts.min() / counts) ** 0.25  # (classes,)
        known = (y + 1).clamp(max=1)
        costs = y.relu() * softplus(margins - z) + (1 - y.relu()) * softplus(z)  # (batch, classes)
        return (known * costs).sum() / len(z)
