"""One network with two ends: the last stage of a backbone and its head, twice, on a shared trunk.

The trunk is passed once for both. Part of polytag.methods.collaborative.
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from polytag.backbones import Backbone
from polytag.errors import OptionError
from polytag.heads.base import ClassDims, Head, MapHead
from polytag.model import Classifier, mean_logits


def two_branches(model: Classifier) -> Classifier:
    """The model with its last stage and head twice, the copies equal at first; its modules become those of the result.

    The last stage is all that comes behind the last feature map of a larger size; in a transformer, whose maps are all
    of one size, the last quarter of the blocks.

    Raises:
        OptionError: if the backbone is not one of timm, or cannot be cut there.
    """
    if not isinstance(model.backbone, Backbone):
        raise OptionError("two branches need a backbone of timm, whose stages are known; give its name")
    forked = ForkedBackbone(model.backbone)
    return Classifier(forked, PairHead(model.head)).train(model.training)


class ForkedBackbone(nn.Module):
    """A backbone that gives two maps, side by side in the channels: ``(batch, 3, h, w)`` to ``(batch, 2 D, h', w')``.

    Args:
        trunk: cut behind its last stage but one; from there on, the second half of a doubled batch goes its own way.

    Raises:
        OptionError: if it cannot be cut there.
    """

    def __init__(self, trunk: Backbone) -> None:
        super().__init__()
        self.trunk = trunk
        self.channels = 2 * trunk.channels
        self.cut = cut_of(trunk.model)
        try:
            late = _after(trunk, self.cut)
            trunk.model.set_submodule(self.cut, Doubled(trunk.model.get_submodule(self.cut)))
            paths = list(_whole(trunk.model, late, self.cut))
            if not paths:
                raise ValueError("no weights come behind")
            for path in paths:
                trunk.model.set_submodule(path, Halves(trunk.model.get_submodule(path)))
            self._check(trunk)
        except (RuntimeError, TypeError, ValueError, AttributeError, AssertionError) as error:
            raise OptionError(
                f"the backbone {trunk.name} cannot be cut behind {self.cut}, where its last stage begins; "
                "choose another one"
            ) from error

    def forward(self, images: Tensor) -> Tensor:
        """Both maps."""
        first, second = self.trunk(images).chunk(2)
        return torch.cat([first, second], dim=1)  # (batch, 2 D, h', w')

    def _check(self, trunk: Backbone) -> None:
        """Both halves must have come through, and be the same as long as their weights are."""
        with torch.no_grad():
            maps = _evaluated(trunk, _blank(trunk, 2))
        if maps.shape[0] != 4 or not (maps.is_meta or torch.allclose(maps[:2], maps[2:], atol=1e-4, rtol=1e-3)):
            raise ValueError("what comes behind is not two halves")


class Doubled(nn.Module):
    """A module whose answer is given twice, one after the other along the batch.

    Args:
        inner: with one tensor for an answer.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, *given: Any, **options: Any) -> Tensor:
        """``(2 batch, ...)``."""
        answer = self.inner(*given, **options)
        return torch.cat([answer, answer])


class Halves(nn.Module):
    """A module for the first half of a batch, and its copy for the second.

    Args:
        inner: takes and gives one tensor, and whatever else does not depend on the batch.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.parts = nn.ModuleList([inner, copy.deepcopy(inner)])

    def forward(self, x: Tensor, *given: Any, **options: Any) -> Tensor:
        """``(2 batch, ...)`` to the same."""
        halves = zip(self.parts, x.chunk(2), strict=True)
        return torch.cat([part(half, *given, **options) for part, half in halves])


class PairHead(Head):
    """A head for each of two maps; the logit of their mean probability.

    Args:
        head: of the first; its copy is of the second.
    """

    def __init__(self, head: Head) -> None:
        super().__init__(2 * head.in_channels, head.num_classes)
        self.heads = nn.ModuleList([head, copy.deepcopy(head)])
        if isinstance(head, MapHead):
            self.class_maps = self._class_maps

    def forward(self, features: Tensor) -> Tensor:
        """Logits of a batch; see :class:`Head`."""
        return mean_logits(self.both(features))  # (batch, C)

    def both(self, features: Tensor) -> list[Tensor]:
        """The logits of both branches, ``(batch, C)`` each."""
        self.check_features(features)
        return [head(part) for head, part in zip(self.heads, features.chunk(2, dim=1), strict=True)]

    def fold(self) -> Head:
        """Both folded; see :meth:`Head.fold`."""
        heads = [head.fold() for head in self._heads()]
        folded = PairHead(heads[0])
        folded.heads[1] = heads[1]
        return folded.train(self.training)

    def class_dims(self) -> ClassDims:
        """See :meth:`Head.class_dims`."""
        return {
            f"heads.{n}.{key}": dims for n, head in enumerate(self._heads()) for key, dims in head.class_dims().items()
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

    def _class_maps(self, features: Tensor) -> Tensor:
        parts = zip(self._heads(), features.chunk(2, dim=1), strict=True)
        maps: list[Tensor] = [head.class_maps(part) for head, part in parts]  # type: ignore[operator]
        return (maps[0] + maps[1]) / 2


def drawn_anew(head: nn.Module, seed: int) -> None:
    """Fresh weights for the layers of a head, a function of ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in head.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                module.reset_parameters()


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
