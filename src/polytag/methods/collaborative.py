"""Collaborative training on uniform and re-balanced sampling, for long-tailed labels.

Paper: Guo, Wang, "Long-Tailed Multi-Label Visual Recognition by Collaborative Training on Uniform and Re-balanced
Samplings", CVPR 2021.

=================  ====================================================================================
section            code
=================  ====================================================================================
3.1 two branches   ``branches.py``: the last stage and the head twice, on a shared trunk
3.1 samplings      ``samplers/rebalanced.py``
3.2 eq. 3, 7       :meth:`Collaborative.losses`: terms ``classify`` and ``agree``
3.3 eq. 6          :class:`Compensation`; eq. 4 is the loss ``weighted_bce``
Table 2            ``consistency=0``, ``compensation="none"``; one branch: ``supervised`` with a sampler
Table 3            ``mode``, ``sampler``, ``second``, all with ``compensation="none"``
Table 4, Fig. 6    ``agree_on``, ``consistency``
=================  ====================================================================================

Inference averages both branches' probabilities, from one pass through the trunk; the compensation stays behind. No code
of the paper is public: where its text is silent, the values are those of its baseline's code.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from polytag._checks import check_choice, check_number
from polytag._random import torch_seed
from polytag.branches import BranchHead, branched, drawn_anew
from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Batch
from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.losses.base import make_ready
from polytag.method import Context, Method
from polytag.model import Classifier
from polytag.samplers import Sampler
from polytag.samplers.rebalanced import Length, Rebalanced, Repeated, length_of
from polytag.samplers.uniform import Uniform

Sampling = Literal["uniform", "rebalanced"]
HIGHEST_MEAN, LOWEST_DEVIATION = 5.0, 0.05  # of the compensation: without bounds it could do all the work of learning


class Collaborative(Method):
    """Two branches, each with a sampling of its own, that must give close logits to the photos of both.

    Args:
        model: a classifier; its backbone must be one of timm that can be cut behind its last stage but one.
        loss: of each branch on the photos of its own sampling.
        sampler: sampling of the first branch.
        mode: "branches" as in the paper; "mirror": one branch on the first sampling, its logits of a photo and of its
            mirror image close; "union": one branch on the photos of both samplings, which agrees with nothing.
        second: sampling of the second branch; unused by "mirror". Where it is that of the first, both see the same
            photos.
        consistency: weight ``>= 0`` of the mean squared difference between logits.
        agree_on: whether logits are to be close, or probabilities.
        compensation: a branch's own, one for both, or none; see :class:`Compensation`.
        length: of a pass; see :class:`~polytag.samplers.rebalanced.Rebalanced`.
        independent_heads: draw the second head anew, by the seed of the training; otherwise it begins as a copy of the
            first, loaded weights too.

    Raises:
        OptionError: if an option is out of its range, or the backbone cannot be cut.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        sampler: Callable[[Labels], Sampler] = Uniform,
        mode: Literal["branches", "mirror", "union"] = "branches",
        second: Sampling = "rebalanced",
        consistency: float = 0.1,
        agree_on: Literal["logits", "probabilities"] = "logits",
        compensation: Literal["branch", "shared", "none"] = "branch",
        length: Length = "published",
        independent_heads: bool = True,
    ) -> None:
        super().__init__()
        check_choice("mode", mode, ("branches", "mirror", "union"))
        check_choice("second", second, tuple(SAMPLINGS))
        check_number("consistency", consistency, 0.0, 1e6)
        check_choice("agree_on", agree_on, ("logits", "probabilities"))
        check_choice("compensation", compensation, ("branch", "shared", "none"))
        check_choice("length", length, ("photos", "published"))
        if not isinstance(model, Classifier):
            raise OptionError("collaborative works on a Classifier, a backbone with a head, got another module")
        self.mode, self.sampler, self.second, self.length = mode, sampler, second, length
        self.independent_heads = independent_heads and mode == "branches"
        self.consistency, self.agree_on, self.loss = consistency, agree_on, loss
        self.model: nn.Module = model
        branches = 1
        if mode == "branches":
            self.model = branched(model)
            branches = 2
        own = {"branch": branches, "shared": 1, "none": 0}[compensation]
        labels = model.head.num_classes
        self.compensations = nn.ModuleList(Compensation(labels) for _ in range(own))

    @property
    def pair(self) -> BranchHead:
        """Both heads."""
        head = self.model.head
        assert isinstance(head, BranchHead)
        return head

    def prepare(self, train_set: LabelledSet, context: Context) -> None:
        """Gives the loss the head and the training labels, and draws the second head."""
        make_ready(self.loss, self.model, train_set.labels, context.accelerator.device)
        if self.independent_heads:
            drawn_anew(self.pair.heads[1], torch_seed(context.seed, 2))

    def samplers(self, labels: Labels) -> tuple[Sampler, ...]:
        """One of each sampling, of the same length."""
        length = length_of(labels, self.length)
        wanted = [self.sampler, SAMPLINGS[self.second]][: 1 if self.mode == "mirror" else 2]
        return tuple(Repeated(sampler(labels), length) for sampler in wanted)

    def losses(self, *batches: Batch) -> dict[str, Tensor]:
        """``classify``, the loss of both branches on their own photos, and ``agree``, their weighted difference."""
        if self.mode == "union":
            return {"classify": torch.stack([self._classify(self.model(b.images), b, 0) for b in batches]).sum()}
        if self.mode == "mirror":
            (batch,) = batches
            seen = [self.model(images) for images in (batch.images, batch.images.flip(3))]
            return self._terms([self._classify(logits, batch, 0) for logits in seen], [self._difference(*seen)])
        # Each batch by itself through the trunk, whose batch norms see one sampling at a time.
        pairs = [self._both(batch.images) for batch in batches]
        costs = [self._classify(pair[n], batch, n) for n, (pair, batch) in enumerate(zip(pairs, batches, strict=True))]
        return self._terms(costs, [self._difference(*pair) for pair in pairs])

    def _both(self, images: Tensor) -> list[Tensor]:
        backbone = self.model.backbone
        assert isinstance(backbone, nn.Module)
        return self.pair.each(backbone(images))

    def _terms(self, costs: list[Tensor], differences: list[Tensor]) -> dict[str, Tensor]:
        terms = {"classify": torch.stack(costs).sum()}
        return terms | ({"agree": self.consistency * torch.stack(differences).sum()} if self.consistency else {})

    def _classify(self, logits: Tensor, batch: Batch, branch: int) -> Tensor:
        if len(self.compensations):
            logits = self.compensations[branch % len(self.compensations)](logits, batch.targets)
        return self.loss(logits, batch.targets)

    def _difference(self, one: Tensor, other: Tensor) -> Tensor:
        """Squared, summed over classes as losses are, averaged over the batch."""
        if self.agree_on == "probabilities":
            one, other = one.sigmoid(), other.sigmoid()
        return (one.float() - other.float()).square().sum() / len(one)


class Compensation(nn.Module):
    """Logits that a loss sees: ``z s_p + m_p`` where a label is present, ``z s_n + m_n`` where it is absent.

    One of each number a class, learned. As the label chooses, ``m_p`` large and ``m_n`` small would cost nothing and
    teach nothing; means are kept within 5, deviations above 0.05. That bounds it and does not cure it: at the bounds a
    loss of 0.007 a label is left, and a two-hundredth of the gradient. No weight decay pulls them back, as optimizers
    here leave out what is no matrix. ``benchmarks/compensation.py`` shows what a run has learned. Labels between 0 and
    1 mix both.

    Args:
        classes: how many.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.means = nn.Parameter(torch.zeros(2 * classes))  # of present labels, then of absent ones
        self.deviations = nn.Parameter(torch.ones(2 * classes))

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """``(batch, classes)`` each, to the same."""
        means = self.means.clamp(-HIGHEST_MEAN, HIGHEST_MEAN).view(2, 1, -1)
        deviations = self.deviations.clamp(min=LOWEST_DEVIATION).view(2, 1, -1)
        present, absent = logits.float() * deviations + means  # (batch, classes) each
        share = targets.to(present.dtype).clamp(min=0)
        compensated: Tensor = share * present + (1 - share) * absent
        return compensated


SAMPLINGS: dict[str, Callable[[Labels], Sampler]] = {"uniform": Uniform, "rebalanced": Rebalanced}
