"""Complementary parallel self-distillation over groups of labels, after the poster and the public code.

Paper: Xu, Huang, Zhou, Huangfu, Zeng, Liu, "Boosting Multi-Label Image Classification with Complementary Parallel
Self-Distillation".

The labels are cut twice into ``k`` groups: labels that come together and labels that do not
(:mod:`polytag.labels.partition`). A teacher is trained on each group, like the student but for its classes. The student
then learns the labels, and the logits of the teachers, put together in the order of all labels:

    loss = alpha * classify + (1 - alpha) / n * sum over the n decompositions of |student - teachers|^2

The squared difference is summed over labels, as losses are here, and averaged over the batch.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from polytag._checks import check_choice, check_number
from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Batch
from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.labels.partition import Kind, Partition, load_partition, partition_labels, save_partition, suggest_k
from polytag.method import Base, Context, Fit, Method
from polytag.methods.supervised import Supervised
from polytag.samplers import Sampler
from polytag.samplers.uniform import Uniform

Decompositions = Literal["both", "together", "apart", "whole"]
KINDS: dict[str, tuple[str, ...]] = {
    "both": ("together", "apart"),
    "together": ("together",),
    "apart": ("apart",),
    "whole": ("whole",),
}


class Teacher(NamedTuple):
    """A frozen model and the columns that it answers for."""

    model: nn.Module
    columns: Tensor


class CPSD(Method):
    """A student of one teacher for each group of labels, where labels come together and where they do not.

    Args:
        model: ``(batch, 3, h, w)`` to logits ``(batch, classes)``.
        loss: logits and targets (1, 0, -1 for unknown) to a scalar.
        sampler: what a pass draws, built from the training labels.
        base: the method of the student and of every teacher.
        k: groups of each decomposition, 5 in the paper; 0 for as many as the labels that come together suggest.
        decompositions: "both" (CPSD); "together" or "apart" alone (CGPD, DGPD); "whole" for one teacher of all labels
            (SD).
        alpha: share of the labels in the loss, the rest is the teachers'; 0.5 in public code.
        scale: "public" as above; "paper" divides by ``alpha``, so that the labels weigh 1.
        distil: what the teachers give: logits, as public code, or probabilities.
        teacher_images: photos that a teacher learns from: all, or those with one of its labels.
        teacher_mode: "eval", or "train" as in public code: batch norms and dropout of teachers go on as in training.
        teacher_epochs: of each teacher; by default those of the student.
        teacher_lr: of each teacher; by default that of the student.
        together: a saved partition of labels that come together; by default made from the training labels.
        apart: the same of labels that do not.

    Raises:
        OptionError: if an option is out of its range.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        sampler: Callable[[Labels], Sampler] = Uniform,
        base: Base | None = None,
        k: int = 0,
        decompositions: Decompositions = "both",
        alpha: float = 0.5,
        scale: Literal["public", "paper"] = "public",
        distil: Literal["logits", "probabilities"] = "logits",
        teacher_images: Literal["all", "containing"] = "all",
        teacher_mode: Literal["eval", "train"] = "eval",
        teacher_epochs: int = 0,
        teacher_lr: float = 0.0,
        together: str = "",
        apart: str = "",
    ) -> None:
        super().__init__()
        check_number("k", k, 0, 10_000)
        check_choice("decompositions", decompositions, tuple(KINDS))
        check_number("alpha", alpha, 0.01, 1.0)
        check_choice("scale", scale, ("public", "paper"))
        check_choice("distil", distil, ("logits", "probabilities"))
        check_choice("teacher_images", teacher_images, ("all", "containing"))
        check_choice("teacher_mode", teacher_mode, ("eval", "train"))
        check_number("teacher_epochs", teacher_epochs, 0, 1_000_000)
        check_number("teacher_lr", teacher_lr, 0.0, 1e3)
        self.base: Method = Supervised(model, loss, sampler) if base is None else base.make(model, loss, sampler)
        self.taught: Any = "supervised" if base is None else base.choice
        if isinstance(self.base, CPSD):
            raise OptionError("the base of cpsd is cpsd itself; choose another method, such as supervised")
        self.model = self.base.model
        self.k, self.decompositions, self.distil = k, decompositions, distil
        self.teacher_images, self.teacher_mode = teacher_images, teacher_mode
        self.alpha, self.scale = alpha, scale
        self.options: dict[str, Any] = {"epochs": teacher_epochs} if teacher_epochs else {}
        self.options |= {"lr": teacher_lr} if teacher_lr else {}
        self.files = {"together": together, "apart": apart}
        self.teachers: dict[str, list[Teacher]] = {}  # no modules of this one: never saved, never trained

    def prepare(self, train_set: LabelledSet, context: Context) -> None:
        """Cuts the labels into groups, and has the teachers trained that are not there yet."""
        self.base.prepare(train_set, context)
        kinds = KINDS[self.decompositions]
        partitions = {kind: self._groups(kind, train_set.labels, context) for kind in kinds}
        fits = {
            (kind, number): Fit(
                f"{kind} {number + 1} of {len(groups)}", self.taught, group, self.options, self.teacher_images
            )
            for kind, groups in partitions.items()
            for number, group in enumerate(groups)
        }
        folders = context.map(list(fits.values()))
        device = context.accelerator.device
        self.teachers = {kind: [] for kind in kinds}
        for (kind, _), fit in fits.items():
            model = context.load(folders[fit.name]).to(device).requires_grad_(False)
            columns = torch.tensor(fit.classes, device=device)
            self.teachers[kind].append(Teacher(model.train(self.teacher_mode == "train"), columns))

    def samplers(self, labels: Labels) -> tuple[Sampler, ...]:
        """Those of the base."""
        return self.base.samplers(labels)

    def begin_step(self, done: float) -> None:
        """For the base."""
        self.base.begin_step(done)

    def losses(self, *batches: Batch) -> dict[str, Tensor]:
        """The terms of the base, and one for each decomposition."""
        if isinstance(self.base, Supervised):  # whose logits serve twice
            answers = [self.model(batch.images) for batch in batches]
            terms = self.base.judged(answers[0], batches[0])
        else:
            terms = self.base.losses(*batches)
            answers = [self.model(batch.images) for batch in batches]
        labels, rest = (1.0, (1 - self.alpha) / self.alpha) if self.scale == "paper" else (self.alpha, 1 - self.alpha)
        scaled = {name: labels * term for name, term in terms.items()}
        for kind, group in self.teachers.items():
            pairs = zip(answers, batches, strict=True)
            apart = torch.stack([self._difference(logits, batch.images, group) for logits, batch in pairs]).sum()
            scaled[kind] = rest / len(self.teachers) * apart
        return scaled

    def _groups(self, kind: str, labels: Labels, context: Context) -> Sequence[Sequence[int]]:
        if kind == "whole":
            return [range(len(labels.classes))]
        wanted: Kind = "together" if kind == "together" else "apart"
        if self.files[kind]:
            partition = load_partition(Path(self.files[kind]), labels)
        else:
            partition = partition_labels(labels, self.k or suggest_k(labels), wanted, context.seed)
        self._keep(partition, context)
        return partition.groups

    def _keep(self, partition: Partition, context: Context) -> None:
        if context.folder is not None and context.accelerator.is_main_process:
            save_partition(context.folder / f"labels-{partition.kind}.json", partition)

    def _difference(self, logits: Tensor, images: Tensor, teachers: Sequence[Teacher]) -> Tensor:
        """Squared, summed over labels, averaged over the batch."""
        student = logits.float()  # (batch, classes)
        with torch.no_grad():
            taught = torch.empty_like(student)
            for model, columns in teachers:
                taught[:, columns] = model(images).float()
        if self.distil == "probabilities":
            student, taught = student.sigmoid(), taught.sigmoid()
        return (student - taught).square().sum() / len(images)
