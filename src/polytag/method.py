"""The one interface between the training loop and everything that papers invent."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from accelerate import Accelerator
from torch import Tensor, nn

from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Batch
from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.samplers import Sampler
from polytag.samplers.uniform import Uniform


@dataclass(frozen=True)
class Fit:
    """A training that a method needs done: like the one that it is part of, but for what is said here."""

    name: str  # of the run, unique within the method
    method: Any = "supervised"  # a name, ``{"name": ..., option: value}``, or a factory of one's own
    classes: Sequence[int] | None = None  # the columns to train; all of them by default
    options: Mapping[str, Any] = field(default_factory=dict)  # other arguments of polytag.Training
    photos: Literal["all", "containing"] = "all"  # to learn from: all, or those with one of the classes


def _alone(fits: Sequence[Fit]) -> dict[str, Path]:
    raise OptionError(
        f"a training of {', '.join(fit.name for fit in fits)} was asked for, and there is nobody to do it; "
        "prepare this method within polytag.Training"
    )


def _unopened(path: Path) -> tuple[nn.Module, tuple[str, ...]]:
    raise OptionError(f"{path} was to be opened, and there is nobody to do it; prepare this method within Training")


@dataclass(frozen=True)
class Context:
    """What a method may use while it prepares."""

    accelerator: Accelerator
    seed: int
    map: Callable[[Sequence[Fit]], dict[str, Path]] = _alone
    """Does several trainings, in sequence or at once as the user chose; the run folder of each, by name.

    What was trained before with the same data and arguments is taken from its folder, and what was interrupted goes on.
    """

    load: Callable[[Path], tuple[nn.Module, tuple[str, ...]]] = _unopened
    """Opens the model of a run folder, in eval mode, and the labels that it answers for, in its order."""

    unchanged: Callable[[], Iterator[Batch]] | None = None
    """The training photos in order, once, on the device; None where augmentation makes every pass another one."""

    folder: Path | None = None
    """The run folder of the training; None where there is none."""

    def fit(self, fit: Fit) -> Path:
        """Does one training; its run folder."""
        return self.map([fit])[fit.name]


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

    def begin_step(self, done: float) -> None:
        """Called before every step with the share of the training that lies behind, in ``[0, 1)``. Nothing by default.

        What changes with it belongs in a buffer, so that a compiled method is compiled once.
        """

    def rests(self, done: float) -> bool:
        """Whether ``model.backbone`` stays as it is in an epoch that begins at this share of the training. Never, here.

        Its weights then get no gradient, which the optimizer takes as a reason to leave them, and its batch norms
        gather no statistics.
        """
        return False

    def lr_factors(self) -> Mapping[str, float]:
        """Factors ``> 0`` of the learning rate, by what names of parameters begin with. None by default."""
        return {}

    @abstractmethod
    def losses(self, *batches: Batch) -> dict[str, Tensor]:
        """Named scalar terms; the loop minimises their sum and logs each under its name."""

    def forward(self, *batches: Batch) -> dict[str, Tensor]:
        """The same as :meth:`losses`, so that a method can be wrapped (compiled, distributed)."""
        return self.losses(*batches)


class Base(NamedTuple):
    """A method that another one holds: the choice, and what makes it of a model, a loss and a sampler."""

    choice: Any  # a name, or ``{"name": ..., option: value}``
    make: Callable[..., Method]
