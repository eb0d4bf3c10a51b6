"""Sharpness-aware minimisation: an optimizer around another one. This file has the table of its kinds.

Paper: Foret, Kleiner, Mobahi, Neyshabur, "Sharpness-Aware Minimization for Efficiently Improving Generalization",
ICLR 2021; the adaptive variant: Kwon, Kim, Park, Choi, "ASAM: Adaptive Sharpness-Aware Minimization for
Scale-Invariant Learning of Deep Neural Networks", ICML 2021; the climb on a share of the photos: Brock, De, Smith,
Simonyan, "High-Performance Large-Scale Image Recognition Without Normalization", ICML 2021; the climb late in training
alone: Zhou, Wang, Mao, Li, Yan, "Sharpness-Aware Minimization Efficiently Selects Flatter Minima Late in Training",
ICLR 2025.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from polytag._checks import check_number


class SAM(Optimizer):
    """Takes the gradient at the worst place nearby, then lets ``base`` step from where the weights were.

    That place is ``w + rho * g / ||g||``, or if adaptive ``w + rho * w^2 g / ||w g||``, with the norm over all weights.
    A step runs the closure twice; the loop that calls it draws the same random numbers both times. What the second run
    does to buffers (batch-norm statistics) is undone, or with an ascent share below 1 what the first does, which sees
    fewer photos. Before ``start`` a step is the base's own; the loop tells ``progress`` before each. The optimizer
    keeps no other state of its own: all of it is the base's.

    Args:
        base: what steps.
        buffers: of the model.
        rho: distance ``>= 0``.
        adaptive: measure it in shares of each weight.
        ascent_share: of the photos of a step, those that tell where that place is, above 0 and at most 1.
        start: share of the training that is over before the first such step, 0 to 0.99.

    Raises:
        OptionError: if ``rho``, ``ascent_share`` or ``start`` is out of its range.
    """

    def __init__(
        self,
        base: Optimizer,
        buffers: Iterable[Tensor] = (),
        rho: float = 0.05,
        adaptive: bool = False,
        ascent_share: float = 1.0,
        start: float = 0.0,
    ) -> None:
        check_number("rho", rho, 0.0, 1000.0)
        check_number("ascent_share", ascent_share, 0.01, 1.0)
        check_number("start", start, 0.0, 0.99)
        self.base, self.buffers, self.rho, self.adaptive = base, list(buffers), rho, adaptive
        self.ascent_share, self.start = ascent_share, start
        self.progress = 0.0  # share of the training that is over
        super().__init__(base.param_groups, base.defaults)
        self._share()
        self._room: list[Tensor] = []  # fresh memory is dear, so it is kept from step to step

    def _share(self) -> None:
        self.param_groups, self.state = self.base.param_groups, self.base.state

    def step(self, closure: Callable[..., Any]) -> Any:  # type: ignore[override]
        """One step of ``base`` with the gradient of the worst place.

        Args:
            closure: clears the gradients, computes the loss and its gradients. With an ascent share below 1 it is given
                that share first, and then takes as many of the photos.

        Returns:
            The loss of the first run, at the weights as they were.
        """
        if self.progress < self.start:
            return self.base.step(closure)
        part = self.ascent_share < 1
        before = [buffer.clone() for buffer in self.buffers] if part else []
        with torch.enable_grad():
            loss = closure(self.ascent_share) if part else closure()
        weights = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        if part:
            _copy(self.buffers, before)
        undone = weights if part else [*weights, *self.buffers]
        kept = self._kept(undone)
        self._climb(weights, [p.grad for p in weights])
        with torch.enable_grad():
            closure()
        _copy(undone, kept)
        self.base.step()
        return loss

    @torch.no_grad()
    def _kept(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        if [(t.shape, t.dtype, t.device) for t in tensors] != [(t.shape, t.dtype, t.device) for t in self._room]:
            self._room = [torch.empty_like(tensor) for tensor in tensors]
        _copy(self._room, tensors)
        return self._room

    @torch.no_grad()
    def _climb(self, weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        """Go to the worst place; the gradients, which the second run clears, are the room that this needs."""
        if not weights:
            return
        steps = list(gradients)
        if self.adaptive:
            sizes = torch._foreach_abs(list(weights))
            torch._foreach_mul_(steps, sizes)  # |w| g
        norm = torch.stack(torch._foreach_norm(steps)).norm()
        torch._foreach_mul_(steps, self.rho / (norm + 1e-12))
        if self.adaptive:
            torch._foreach_mul_(steps, sizes)  # w^2 g
        torch._foreach_add_(list(weights), steps)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients."""
        self.base.zero_grad(set_to_none)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Hand more parameters to the base."""
        if not hasattr(self, "_room"):  # while this object is made, torch adds what the base has
            super().add_param_group(param_group)
            return
        self.base.add_param_group(param_group)
        self._share()

    def state_dict(self) -> dict[str, Any]:
        """The base's."""
        return self.base.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Handed to the base."""
        self.base.load_state_dict(state_dict)
        self._share()


def no_sam(base: Optimizer, buffers: Iterable[Tensor]) -> Optimizer:
    """Plain steps, without a second run."""
    return base


def plain_sam(
    base: Optimizer, buffers: Iterable[Tensor], rho: float = 0.05, ascent_share: float = 1.0, start: float = 0.0
) -> Optimizer:
    """Steps with the gradient of the worst place within a distance.

    Args:
        base: what steps.
        buffers: of the model.
        rho: the distance, ``>= 0``.
        ascent_share: of the photos of a step, those that tell where that place is; 1 doubles the price of a step, 0.25
            adds a quarter.
        start: share of the training before which steps are plain, and cost what those cost.
    """
    return SAM(base, buffers, rho, ascent_share=ascent_share, start=start)


def adaptive_sam(
    base: Optimizer, buffers: Iterable[Tensor], rho: float = 0.5, ascent_share: float = 1.0, start: float = 0.0
) -> Optimizer:
    """The same, with distances in shares of each weight (ASAM).

    Args:
        base: what steps.
        buffers: of the model.
        rho: the distance, ``>= 0``.
        ascent_share: of the photos of a step, those that tell where that place is.
        start: share of the training before which steps are plain.
    """
    return SAM(base, buffers, rho, adaptive=True, ascent_share=ascent_share, start=start)


SAMS: dict[str, Callable[..., Optimizer]] = {
    "none": no_sam,
    "plain": plain_sam,
    "adaptive": adaptive_sam,
}


@torch.no_grad()
def _copy(into: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    if into:
        torch._foreach_copy_(list(into), list(values))
