"""One network for groups of labels: a shared trunk, and an end of its own for each group.

Not from a paper. As the teacher of :mod:`polytag.methods.cpsd` it takes the place of one network a group, at a part of
their price.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from torch import Tensor, nn

from polytag._checks import check_choice
from polytag.branches import branched
from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Batch
from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.method import Context, Method
from polytag.methods.supervised import Supervised
from polytag.model import Classifier
from polytag.samplers import Sampler
from polytag.samplers.uniform import Uniform


class Grouped(Method):
    """An end of the network for each group of labels, on a trunk that all share; trained as one.

    Args:
        model: a classifier; its backbone must be one of timm that can be cut behind its last stage but one.
        loss: logits and targets (1, 0, -1 for unknown) to a scalar.
        sampler: what a pass draws, built from the training labels.
        groups: for each label in order the number of its group, from 0 on, as in ``0 1 0 2``; none: one group.
        own: what each group has of its own: the last stage of the backbone with the head, or the head alone, which for
            a linear head is no other than one head for all.

    Raises:
        OptionError: if an option is out of its range, or the backbone cannot be cut.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        sampler: Callable[[Labels], Sampler] = Uniform,
        groups: str = "",
        own: Literal["stage", "head"] = "stage",
    ) -> None:
        super().__init__()
        check_choice("own", own, ("stage", "head"))
        if not isinstance(model, Classifier):
            raise OptionError("grouped works on a Classifier, a backbone with a head, got another module")
        owners = owners_of(groups, model.head.num_classes)
        branches = max(owners) + 1
        whole = model if branches == 1 else branched(model, branches, owners, stage=own == "stage")
        self.inner = Supervised(whole, loss, sampler)
        self.model = self.inner.model

    def prepare(self, train_set: LabelledSet, context: Context) -> None:
        """As without groups."""
        self.inner.prepare(train_set, context)

    def samplers(self, labels: Labels) -> tuple[Sampler, ...]:
        """As without groups."""
        return self.inner.samplers(labels)

    def losses(self, *batches: Batch) -> dict[str, Tensor]:
        """As without groups."""
        return self.inner.losses(*batches)


def owners_of(groups: str, labels: int) -> list[int]:
    """The group of each of ``labels`` labels.

    Raises:
        OptionError: if it is not one number a label, with every number from 0 to the highest among them.
    """
    words = groups.split() or ["0"] * labels
    if len(words) != labels or not all(word.isascii() and word.isdigit() for word in words):
        raise OptionError(f"groups must be {labels} numbers, one for each label, such as '0 1 0 2', got {groups!r}")
    owners = [int(word) for word in words]
    if missing := set(range(max(owners) + 1)) - set(owners):
        raise OptionError(f"groups must be numbered from 0 on without a gap, and there is no {min(missing)}")
    return owners


def as_option(groups: Sequence[Sequence[int]]) -> str:
    """Groups of columns as the option ``groups``."""
    owner = {column: number for number, columns in enumerate(groups) for column in columns}
    return " ".join(str(owner[column]) for column in range(len(owner)))
