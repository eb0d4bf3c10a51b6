"""One network with several ends: the last stage of a backbone and its head, more than once, on a shared trunk.

The trunk is passed once for all. Part of polytag.methods.collaborative and polytag.methods.grouped.
"""

import copy
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from polytag._random import drawn_from
from polytag.backbones import Backbone
from polytag.errors import OptionError
from polytag.heads.base import SHOWN, ClassDims, Head
from polytag.model import Classifier, mean_logits


def branched(
    model: Classifier, branches: int = 2, owners: Sequence[int] | None = None, stage: bool = True
) -> Classifier:
    """The model with several ends, the copies equal at first; its modules become those of the result.

    The last stage is all that comes behind the last feature map of a larger size; in a transformer, whose maps are all
    of one size, the last quarter of the blocks.

    Args:
        model: with one end.
        branches: how many ends there shall be, ``>= 2``.
        owners: the branch that answers for each class; by default all do, and their probabilities are averaged.
        stage: whether each branch has a last stage of its own; otherwise only a head.

    Raises:
        OptionError: if the backbone is not one of timm, or cannot be cut there.
    """
    if not stage:
        return Classifier(model.backbone, BranchHead(model.head, branches, owners, apart=False)).train(model.training)
    if not isinstance(model.backbone, Backbone):
        raise OptionError("branches need a backbone of timm, whose stages are known; give its name")
    forked = ForkedBackbone(model.backbone, branches)
    return Classifier(forked, BranchHead(model.head, branches, owners)).train(model.training)


class ForkedBackbone(nn.Module):
    """A backbone that gives ``n`` maps, side by side in the channels: ``(batch, 3, h, w)`` to ``(batch, n D, h', w')``.

    Args:
        trunk: cut behind its last stage but one; from there on, each part of an ``n``-fold batch goes its own way.
        branches: the number ``n`` of maps.

    Raises:
        OptionError: if it cannot be cut there.
    """

    def __init__(self, trunk: Backbone, branches: int = 2) -> None:
        super().__init__()
        self.trunk, self.branches = trunk, branches
        self.channels = branches * trunk.channels
        self.cut = cut_of(trunk.model)
        try:
            late = _after(trunk, self.cut)
            trunk.model.set_submodule(self.cut, Repeated(trunk.model.get_submodule(self.cut), branches))
            paths = list(_whole(trunk.model, late, self.cut))
            if not paths:
                raise ValueError("no weights come behind")
            for path in paths:
                trunk.model.set_submodule(path, Parts(trunk.model.get_submodule(path), branches))
            self._check(trunk)
        except (RuntimeError, TypeError, ValueError, AttributeError, AssertionError) as error:
            raise OptionError(
                f"the backbone {trunk.name} cannot be cut behind {self.cut}, where its last stage begins; "
                "choose another one"
            ) from error

    def forward(self, images: Tensor) -> Tensor:
        """All maps."""
        # unflatten, not chunk: torch.export would count the chunks of one batch size.
        maps = torch.unflatten(self.trunk(images), 0, (self.branches, -1))
        return maps.transpose(0, 1).flatten(1, 2)  # (batch, n D, h', w')

    def _check(self, trunk: Backbone) -> None:
        """All parts must have come through, and be the same as long as their weights are."""
        with torch.no_grad():
            maps = _evaluated(trunk, _blank(trunk, 2))
        if maps.shape[0] != 2 * self.branches:
            raise ValueError("not all parts have come through")
        first, *others = maps.chunk(self.branches)
        if not (maps.is_meta or all(torch.allclose(first, other, atol=1e-4, rtol=1e-3) for other in others)):
            raise ValueError("the parts are not the same")


class Repeated(nn.Module):
    """A module whose answer is given several times, one after the other along the batch.

    Args:
        inner: with one tensor for an answer.
        times: how often.
    """

    def __init__(self, inner: nn.Module, times: int) -> None:
        super().__init__()
        self.inner, self.times = inner, times

    def forward(self, *given: Any, **options: Any) -> Tensor:
        """``(times * batch, ...)``."""
        answer = self.inner(*given, **options)
        return torch.cat([answer] * self.times)


class Parts(nn.Module):
    """A module for the first part of a batch, and a copy of it for each other part.

    Args:
        inner: takes and gives one tensor, and whatever else does not depend on the batch.
        times: how many parts there are.
    """

    def __init__(self, inner: nn.Module, times: int) -> None:
        super().__init__()
        self.parts = copies(inner, times)

    def forward(self, x: Tensor, *given: Any, **options: Any) -> Tensor:
        """``(times * batch, ...)`` to the same."""
        pairs = zip(self.parts, torch.unflatten(x, 0, (len(self.parts), -1)).unbind(), strict=True)
        return torch.cat([part(own, *given, **options) for part, own in pairs])


class BranchHead(Head):
    """A head for each branch; the logit of their mean probability, or for each class the logit of the branch it has.

    Args:
        head: of the first branch; the others have copies.
        branches: how many there are.
        owners: the branch that answers for each class; by default all do.
        apart: whether each branch has a map of its own, side by side in the channels; otherwise all see the same one.
    """

    owners: Tensor | None

    def __init__(self, head: Head, branches: int = 2, owners: Sequence[int] | None = None, apart: bool = True) -> None:
        super().__init__((branches if apart else 1) * head.in_channels, head.num_classes)
        self.heads, self.apart = copies(head, branches), apart
        self.register_buffer("owners", None if owners is None else torch.tensor(list(owners)), persistent=False)
        for name in SHOWN:
            if hasattr(head, name):  # then so has this one
                setattr(self, name, partial(self._shown, name))

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        logits = self.each(features)
        return mean_logits(logits) if self.owners is None else self._own(logits)  # (batch, C)

    def each(self, features: Tensor) -> list[Tensor]:
        """The logits of every branch, ``(batch, C)`` each."""
        self.check_features(features)
        return [head(part) for head, part in zip(self.heads, self._parts(features), strict=True)]

    def fold(self) -> Head:
        """All folded; see :meth:`Head.fold`."""
        heads = [head.fold() for head in self._heads()]
        folded = BranchHead(heads[0], len(heads), apart=self.apart)
        folded.heads, folded.owners = nn.ModuleList(heads), self.owners
        return folded.train(self.training)

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`."""
        return {
            f"heads.{n}.{key}": dims for n, head in enumerate(self._heads()) for key, dims in head.class_dims().items()
        }

    def group_dims(self) -> dict[str, int]:
        """See :meth:`Head.group_dims`."""
        return {
            f"heads.{n}.{key}": share
            for n, head in enumerate(self._heads())
            for key, share in head.group_dims().items()
        }

    def told(self) -> tuple[str, ...]:
        """See :meth:`Head.told`."""
        return tuple(f"heads.{n}.{key}" for n, head in enumerate(self._heads()) for key in head.told())

    @property
    def scale(self) -> Tensor | None:
        """What cosines are multiplied with, where the heads give some."""
        return getattr(self.heads[0], "scale", None)

    def _heads(self) -> Iterator[Head]:
        for head in self.heads:
            assert isinstance(head, Head)
            yield head

    def _parts(self, features: Tensor) -> Sequence[Tensor]:
        return features.chunk(len(self.heads), dim=1) if self.apart else [features] * len(self.heads)

    def _own(self, answers: Sequence[Tensor]) -> Tensor:
        """Of each class that of its own branch: ``(batch, C, ...)`` each, to the same."""
        columns = torch.arange(self.num_classes, device=answers[0].device)
        return torch.stack(list(answers))[self.owners, :, columns].transpose(0, 1)

    def _shown(self, name: str, features: Tensor) -> Tensor:
        """The mean of what the branches show, or for each class what its own branch shows."""
        pairs = zip(self._heads(), self._parts(features), strict=True)
        shown = [getattr(head, name)(part) for head, part in pairs]
        return torch.stack(shown).mean(0) if self.owners is None else self._own(shown)


def copies(module: nn.Module, times: int) -> nn.ModuleList:
    """The module itself and copies of it."""
    return nn.ModuleList([module, *(copy.deepcopy(module) for _ in range(times - 1))])


@torch.no_grad()
def drawn_anew(head: nn.Module, seed: int) -> None:
    """Each weight of a head with its numbers in another order, a function of ``seed`` alone.

    Fresh numbers of the same distribution, whatever the head begins with; what is constant, such as norms, stays.
    """
    with drawn_from(seed):
        for weights in head.parameters():
            order = torch.randperm(weights.numel()).to(weights.device)  # drawn on the CPU: the same for every device
            weights.copy_(weights.flatten()[order].view_as(weights))


def cut_of(model: Any) -> str:
    """The name of the module of a timm model behind which its last stage begins."""
    stages = [(stage["module"], stage["reduction"]) for stage in model.feature_info]
    earlier = [name for name, reduction in stages if name and reduction < stages[-1][1]]
    return str(earlier[-1] if earlier else stages[round(0.75 * len(stages)) - 1][0])


def _after(trunk: Backbone, cut: str) -> set[str]:
    """The modules with weights of their own that work behind the cut."""
    order: list[str] = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: order.append(name))
        for name, module in trunk.model.named_modules()
        if name == cut or next(module.parameters(recurse=False), None) is not None
    ]
    try:
        with torch.no_grad():
            _evaluated(trunk, _blank(trunk, 1))
    finally:
        for hook in hooks:
            hook.remove()
    at = order.index(cut)
    return set(order[at + 1 :]) - set(order[: at + 1])


def _whole(model: nn.Module, late: set[str], cut: str, path: str = "") -> Iterator[str]:
    """The largest modules whose weights all work behind the cut."""
    prefix = f"{path}." if path else ""
    for name, child in model.named_children():
        own = f"{prefix}{name}"
        if own == cut:
            continue
        weighing = {
            f"{own}.{key}" if key else own
            for key, module in child.named_modules()
            if next(module.parameters(recurse=False), None) is not None
        }
        if weighing and weighing <= late:
            yield own
        elif weighing & late:
            yield from _whole(child, late, cut, own)


def _blank(trunk: Backbone, batch: int) -> Tensor:
    like = next(trunk.parameters())
    return torch.zeros(batch, 3, *trunk.image_size, device=like.device, dtype=like.dtype)


def _evaluated(module: nn.Module, images: Tensor) -> Tensor:
    was_training = module.training
    try:
        answer: Tensor = module.eval()(images)
    finally:
        module.train(was_training)
    return answer
