"""The plain method: one model, one loss, one sampler."""

from collections.abc import Callable

from torch import Tensor, nn

from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Batch
from polytag.labels import Labels
from polytag.losses.base import make_ready
from polytag.method import Context, Method
from polytag.samplers import Sampler
from polytag.samplers.uniform import Uniform


class Supervised(Method):
    """Minimises one loss of one model.

    Args:
        model: ``(batch, 3, h, w)`` to logits ``(batch, classes)``.
        loss: logits and targets (1, 0, -1 for unknown) to a scalar.
        sampler: what a pass draws, built from the training labels.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        sampler: Callable[[Labels], Sampler] = Uniform,
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.sampler = sampler

    def prepare(self, train_set: LabelledSet, context: Context) -> None:
        """Gives the loss the head, and the training labels."""
        make_ready(self.loss, self.model, train_set.labels, context.accelerator.device)

    def samplers(self, labels: Labels) -> tuple[Sampler, ...]:
        """The one sampler."""
        return (self.sampler(labels),)

    def losses(self, *batches: Batch) -> dict[str, Tensor]:
        """The one term, ``classify``."""
        (batch,) = batches
        return self.judged(self.model(batch.images), batch)

    def judged(self, logits: Tensor, batch: Batch) -> dict[str, Tensor]:
        """The terms of a batch whose logits are there already, ``(batch, classes)``."""
        return {"classify": self.loss(logits, batch.targets)}
