"""Exponential moving average of a model."""

import copy

import torch
from torch import nn

from polytag._checks import check_number


class ModelAverage:
    """A second model whose weights follow those of the first: ``average += (1 - decay_t) * (weights - average)``.

    ``decay_t = min(decay, (1 + t) / (10 + t))`` after ``t`` updates, so that the first weights are soon forgotten.
    Floating-point buffers (batch-norm statistics) are averaged too, whole numbers are copied.

    Args:
        model: the one to follow.
        decay: in ``[0, 1]``.
    """

    def __init__(self, model: nn.Module, decay: float = 0.9997) -> None:
        check_number("decay", decay, 0.0, 1.0)
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay
        self.updates = 0
        # Walking the module tree at every step costs more than the arithmetic, so the tensors are listed once.
        pairs = list(zip(_tensors(self.model), _tensors(model), strict=True))
        self._averaged = [mine for mine, theirs in pairs if theirs.is_floating_point()]
        self._followed = [theirs for _, theirs in pairs if theirs.is_floating_point()]
        self._copied = [(mine, theirs) for mine, theirs in pairs if not theirs.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Moves towards the weights as they are now; called once a step."""
        self.updates += 1
        rate = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._averaged, self._followed, rate)
        for mine, theirs in self._copied:
            mine.copy_(theirs)

    def state_dict(self) -> dict[str, object]:
        """The averaged weights and how often they were updated."""
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Takes back what :meth:`state_dict` gave."""
        self.model.load_state_dict(state["model"])  # type: ignore[arg-type]
        self.updates = int(state["updates"])  # type: ignore[call-overload]


def _tensors(model: nn.Module) -> list[torch.Tensor]:
    return [*model.parameters(), *model.buffers()]
