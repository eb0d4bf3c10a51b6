"""The one interface between the training loop and everything that papers invent."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from accelerate import Accelerator
from torch import Tensor, nn

from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Batch
from polytag.labels import Labels
from polytag.samplers import Sampler
from polytag.samplers.uniform import Uniform


@dataclass(frozen=True)
class Context:
    """What a method may use while it prepares."""

    accelerator: Accelerator
    seed: int


class Method(nn.Module, ABC):
    """How batches become losses.

    Subclasses are final: a method that refines another one holds it as an attribute and adds to
    its losses, it does not inherit from it. Modules that only training needs (auto-encoders,
    teachers, learned compensations) are attributes beside ``model`` and so never leave with it.

    Attributes:
        model: ``(batch, 3, h, w)`` to logits ``(batch, classes)``; evaluated, averaged, exported.
    """

    model: nn.Module

    def prepare(self, train_set: LabelledSet, context: Context) -> None:
        """Called once, before the first pass: label statistics, teachers. Nothing by default."""

    def samplers(self, labels: Labels) -> tuple[Sampler, ...]:
        """One sampler per batch that :meth:`losses` takes; the first one defines the epoch."""
        return (Uniform(labels),)

    @abstractmethod
    def losses(self, *batches: Batch) -> dict[str, Tensor]:
        """Named scalar terms; the loop minimises their sum and logs each under its name."""

    def forward(self, *batches: Batch) -> dict[str, Tensor]:
        """The same as :meth:`losses`, so that a method can be wrapped (compiled, distributed)."""
        return self.losses(*batches)
