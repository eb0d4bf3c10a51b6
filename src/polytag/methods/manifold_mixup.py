"""Mixup between backbone and classifier: vectors of photos mixed in pairs, and their labels with them.

Paper: Verma, Lamb, Beckham, Najafi, Mitliagkas, Lopez-Paz, Bengio, "Manifold Mixup: Better Representations by
Interpolating Hidden States", ICML 2019.

The paper draws the layer anew each time; here it is always the last one, where a method can mix whatever the backbone.
Mixing the photos themselves is ``--mix mixup``, and leaving entries of a vector out is ``--head.dropout``.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import Beta

from polytag._checks import check_number
from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Batch
from polytag.labels import Labels
from polytag.losses.base import make_ready
from polytag.method import Context, Method
from polytag.model import Classifier, on_vectors
from polytag.samplers import Sampler
from polytag.samplers.uniform import Uniform


class ManifoldMixup(Method):
    """The head learns from mixtures of the vectors of two photos, whose labels count by their shares.

    Works with heads that have ``embed`` and ``classify``.

    Args:
        model: a classifier whose head works by one vector ``(batch, D)`` a photo, such as linear.
        loss: of the mixed vectors.
        sampler: what a pass draws, built from the training labels.
        alpha: of the Beta distribution that the share of a batch is drawn from, in ``[0.01, 100]``: 1 for all alike,
            less for nearly one photo.

    Raises:
        OptionError: if ``alpha`` is out of its range, or the head does not work by one vector a photo.
    """

    model: Classifier

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        sampler: Callable[[Labels], Sampler] = Uniform,
        alpha: float = 2.0,
    ) -> None:
        super().__init__()
        check_number("alpha", alpha, 0.01, 100.0)
        self.model = on_vectors("manifold_mixup", model)
        self.loss, self.sampler, self.alpha = loss, sampler, alpha

    def prepare(self, train_set: LabelledSet, context: Context) -> None:
        """Gives the loss the head, and the training labels."""
        make_ready(self.loss, self.model, train_set.labels, context.accelerator.device)

    def samplers(self, labels: Labels) -> tuple[Sampler, ...]:
        """The one sampler."""
        return (self.sampler(labels),)

    def losses(self, *batches: Batch) -> dict[str, Tensor]:
        """The one term, ``classify``, of mixed vectors and labels."""
        (batch,) = batches
        vectors = self.model.embed(batch.images)  # (batch, D)
        share = Beta(self.alpha, self.alpha).sample().to(vectors.device)  # drawn on the CPU, the same on every device
        other = torch.randperm(len(vectors)).to(vectors.device)  # (batch,)
        mixed = torch.lerp(vectors[other], vectors, share.to(vectors.dtype))  # (batch, D)
        return {"classify": self.loss(self.model.classify(mixed), mixed_labels(batch.targets, other, share))}


def mixed_labels(targets: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """``share`` of each row and the rest of another row; unknown (-1) where one of the two is.

    Args:
        targets: ``(batch, C)``.
        other: ``(batch,)``, the row that each is mixed with.
        share: ``()``, of the first, in ``[0, 1]``.

    Returns:
        ``(batch, C)``.
    """
    second = targets[other]
    unknown = (targets < 0) | (second < 0)
    return torch.lerp(second, targets, share.to(targets.dtype)).masked_fill(unknown, -1)
