"""Complementary parallel self-distillation over groups of labels, after the poster and the public code.

Paper: Xu, Huang, Zhou, Huangfu, Zeng, Liu, "Boosting Multi-Label Image Classification with Complementary Parallel
Self-Distillation".

The labels are cut twice into ``k`` groups: labels that come together and labels that do not
(:mod:`polytag.labels.partition`). A teacher is trained on each group, like the student but for its classes and its
seed. The student then learns the labels, and the logits of the teachers, put together in the order of all labels:

    loss = alpha * classify + (1 - alpha) / n * sum over the n decompositions of |student - teachers|^2

The squared difference is summed over labels, as losses are here, and averaged over the batch. Paper and public code sum
it, and their loss of the labels, over the batch, too: under Adam that is the same, as a factor of the whole loss is;
under SGD it is a rate as many times as high as there are photos in a batch.
"""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from polytag._checks import check_choice, check_number
from polytag._random import torch_seed
from polytag._team import Team
from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Batch
from polytag.data.ready import CACHE_LIMIT
from polytag.errors import OptionError, RunError
from polytag.labels import Labels
from polytag.labels.affinity import Kind
from polytag.labels.partition import (
    Partition,
    load_partition,
    partition_file,
    partition_labels,
    save_partition,
    suggest_k,
)
from polytag.method import Base, Context, Fit, Method
from polytag.methods.grouped import Grouped, as_option
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


LOG = logging.getLogger("polytag")
OWN = {"trunk": "stage", "backbone": "head"}  # what teachers share, and so what each has of its own


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
        k: groups of each decomposition that is made; 0 for as many as the labels that come together suggest, which is
            ours: the paper tries fixed numbers, and the models of its code have 5.
        decompositions: "both" (CPSD); "together" or "apart" alone (CGPD, DGPD); "whole" for one teacher of all labels
            (SD).
        alpha: share of the labels in the loss, in ``[0.01, 0.99]``, the rest is the teachers'; 0.5 in public code.
        scale: "public" as above; "paper" divides by ``alpha``, so that the labels weigh 1.
        distil: what the teachers give: logits, as public code, or probabilities.
        teacher_images: photos that a teacher learns from: all, or those with one of its labels.
        share: what the teachers of a decomposition share: nothing, as in the paper; or, so that they are one training
            and one pass, the trunk of one network up to its last stage, or all of its backbone, with a linear head a
            plain teacher of all labels (:mod:`polytag.methods.grouped`).
        teacher_mode: "eval", or "train" as in public code: batch norms and dropout of teachers go on as in training.
        teacher_epochs: of each teacher; by default those of the student.
        teacher_lr: of each teacher; by default that of the student.
        together: a saved partition of labels that come together; by default made from the training labels.
        apart: the same of labels that do not.

    Raises:
        OptionError: if an option is out of its range, or of no use beside another one.
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
        share: Literal["none", "trunk", "backbone"] = "none",
        teacher_mode: Literal["eval", "train"] = "eval",
        teacher_epochs: int = 0,
        teacher_lr: float = 0.0,
        together: str = "",
        apart: str = "",
    ) -> None:
        super().__init__()
        check_number("k", k, 0, 10_000)
        check_choice("decompositions", decompositions, tuple(KINDS))
        check_number("alpha", alpha, 0.01, 0.99)
        check_choice("scale", scale, ("public", "paper"))
        check_choice("distil", distil, ("logits", "probabilities"))
        check_choice("teacher_images", teacher_images, ("all", "containing"))
        check_choice("share", share, ("none", *OWN))
        check_choice("teacher_mode", teacher_mode, ("eval", "train"))
        check_number("teacher_epochs", teacher_epochs, 0, 1_000_000)
        check_number("teacher_lr", teacher_lr, 0.0, 1e3)
        kinds, files = KINDS[decompositions], {"together": together, "apart": apart}
        if k and all(kind == "whole" or files[kind] for kind in kinds):
            raise OptionError(
                f"k is {k}, and no groups are to be found: they are given, or all labels are one; leave k out"
            )
        if strange := [kind for kind, file in files.items() if file and kind not in kinds]:
            raise OptionError(
                f"{strange[0]} gives groups that decompositions {decompositions} does not use; leave it out, or choose "
                "other decompositions"
            )
        self.base: Method = Supervised(model, loss, sampler) if base is None else base.make(model, loss, sampler)
        self.taught: Any = "supervised" if base is None else base.choice
        if isinstance(self.base, CPSD):
            raise OptionError("the base of cpsd is cpsd itself; choose another method, such as supervised")
        if isinstance(self.base, Grouped):
            raise OptionError("a teacher learns some labels, and groups are given for all; choose another base")
        if share != "none" and decompositions == "whole":
            raise OptionError(f"share {share} is of no use where all labels have one teacher; leave it out")
        if share != "none" and not (isinstance(self.base, Supervised) and teacher_images == "all"):
            raise OptionError(
                "teachers that share a network are trained by supervised, on all photos; leave base and teacher_images "
                "as they are, or share away"
            )
        self.model = self.base.model
        self.k, self.decompositions, self.distil = k, decompositions, distil
        self.teacher_images, self.teacher_mode, self.share = teacher_images, teacher_mode, share
        self.alpha, self.scale = alpha, scale
        self.options: dict[str, Any] = {"epochs": teacher_epochs} if teacher_epochs else {}
        self.options |= {"lr": teacher_lr, "search": "climb"} if teacher_lr else {}  # what is given is not looked for
        self.files = files
        self.teachers: dict[str, list[Teacher]] = {}  # no modules of this one: never saved, never trained
        self.known: dict[str, Tensor] = {}  # answers of the teachers, where photos look the same in every pass

    def prepare(self, train_set: LabelledSet, context: Context) -> None:
        """Cuts the labels into groups, and has the teachers trained that are not there yet."""
        kinds = KINDS[self.decompositions]
        partitions = {kind: self._groups(kind, train_set.labels, context) for kind in kinds}
        fits = {kind: self._fits(kind, groups, context.seed) for kind, groups in partitions.items()}
        folders = context.map([fit for several in fits.values() for fit in several])
        self.base.prepare(train_set, context)  # last, as teachers may have prepared a loss that they share
        device = context.accelerator.device
        self.teachers = {kind: [] for kind in kinds}
        for kind, several in fits.items():
            for fit in several:
                model, classes = context.load(folders[fit.name])
                model.to(device).requires_grad_(False).train(self.teacher_mode == "train")
                columns = _columns(folders[fit.name], classes, fit, train_set.classes)
                self.teachers[kind].append(Teacher(model, columns.to(device)))
        size = 4 * len(kinds) * len(train_set) * len(train_set.classes)
        if context.unchanged is not None and self.teacher_mode == "eval" and size <= CACHE_LIMIT:
            LOG.info("asking the teachers once for each photo, as photos look the same in every pass")
            answers = [{kind: self._taught(kind, batch.images) for kind in kinds} for batch in context.unchanged()]
            self.known = {kind: torch.cat([each[kind] for each in answers]) for kind in kinds}
            self.teachers = {kind: [] for kind in kinds}  # which are asked no more

    def samplers(self, labels: Labels) -> tuple[Sampler, ...]:
        """Those of the base."""
        return self.base.samplers(labels)

    def begin_step(self, done: float) -> None:
        """For the base."""
        self.base.begin_step(done)

    def rests(self, done: float) -> bool:
        """As the base has it."""
        return self.base.rests(done)

    def losses(self, *batches: Batch) -> dict[str, Tensor]:
        """The terms of the base, and one for each decomposition: of several batches, their mean.

        With a base other than supervised the photos pass the student once more, beside what the teachers answer: its
        batch norms then count each batch twice.
        """
        if isinstance(self.base, Supervised):  # whose logits serve twice
            answers = [self.model(batch.images) for batch in batches]
            terms = self.base.judged(answers[0], batches[0])
        else:
            terms = self.base.losses(*batches)
            answers = [self.model(batch.images) for batch in batches]
        labels, rest = (1.0, (1 - self.alpha) / self.alpha) if self.scale == "paper" else (self.alpha, 1 - self.alpha)
        scaled = {name: labels * term for name, term in terms.items()}
        for kind in self.teachers:
            pairs = zip(answers, batches, strict=True)
            apart = torch.stack([self._difference(logits, batch, kind) for logits, batch in pairs]).mean()
            scaled[kind] = rest / len(self.teachers) * apart
        return scaled

    def _fits(self, kind: str, groups: Sequence[Sequence[int]], seed: int) -> list[Fit]:
        """The trainings of the teachers of one decomposition, each with a seed of its own."""
        asked: dict[str, tuple[Any, Sequence[int] | None]] = {
            f"{kind} {number + 1} of {len(groups)}": (self.taught, group) for number, group in enumerate(groups)
        }
        if self.share != "none":
            method = {"name": "grouped", "groups": as_option(groups), "own": OWN[self.share]}
            asked = {f"{kind}, {len(groups)} groups in one": (method, None)}
        return [
            Fit(name, method, classes, self.options | {"seed": seed_of(seed, name)}, self.teacher_images)
            for name, (method, classes) in asked.items()
        ]

    def _groups(self, kind: str, labels: Labels, context: Context) -> Sequence[Sequence[int]]:
        if kind == "whole":
            return [range(len(labels.classes))]
        wanted: Kind = "together" if kind == "together" else "apart"
        # By the first process for all, as others may find other groups of the same labels.
        return Team.of(context.accelerator).from_first(lambda: self._partition(wanted, labels, context)).groups

    def _partition(self, kind: Kind, labels: Labels, context: Context) -> Partition:
        """Those of the run folder, if it has some; they are kept there."""
        kept = context.folder and partition_file(context.folder, kind)
        if kept and kept.exists():
            return load_partition(kept, labels, kind)
        if self.files[kind]:
            partition = load_partition(Path(self.files[kind]), labels, kind)
        else:
            partition = partition_labels(labels, self.k or suggest_k(labels), kind, context.seed)
        if kept:
            save_partition(kept, partition)
        return partition

    def _difference(self, logits: Tensor, batch: Batch, kind: str) -> Tensor:
        """Squared, summed over labels, averaged over the batch."""
        student = logits.float()  # (batch, classes)
        taught = self.known[kind][batch.rows] if self.known else self._taught(kind, batch.images)
        if self.distil == "probabilities":
            student, taught = student.sigmoid(), taught.sigmoid()
        return (student - taught).square().sum() / len(batch.images)

    @torch.no_grad()
    def _taught(self, kind: str, images: Tensor) -> Tensor:
        """What the teachers of a decomposition answer, in the order of all labels: ``(batch, classes)``."""
        parts = [(columns, model(images).float()) for model, columns in self.teachers[kind]]
        taught: Tensor = parts[0][1].new_empty(len(images), sum(len(columns) for columns, _ in parts))
        for columns, answers in parts:
            taught[:, columns] = answers
        return taught


def seed_of(seed: int, name: str) -> int:
    """The seed of a teacher, in ``[0, 2**32)``: not the student's, of which it would else be a twin at first."""
    return torch_seed(seed, *name.encode()) % 2**32


def _columns(folder: Path, found: Sequence[str], fit: Fit, classes: Sequence[str]) -> Tensor:
    """Where the labels of a teacher stand among all: ``(its labels,)``."""
    asked = range(len(classes)) if fit.classes is None else fit.classes
    if list(found) != [classes[column] for column in asked]:
        raise RunError(f"{folder} knows other labels than {fit.name} was asked for; remove it to have it trained again")
    return torch.tensor(list(asked))
