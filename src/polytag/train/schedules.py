"""Learning rates over time. This file is their table: ``SCHEDULES[name]()`` builds one."""

import math
from abc import ABC, abstractmethod

from torch.optim import Optimizer

from polytag._checks import check_number
from polytag.errors import OptionError


class Schedule(ABC):
    """A factor on the learning rate: a function of the step, and of the scores seen so far.

    Args:
        warmup: share of all steps, in ``[0, 1)``, over which the rate first rises in a straight line.
    """

    def __init__(self, warmup: float = 0.05) -> None:
        check_number("warmup", warmup, 0.0, 0.99)
        self.warmup = warmup

    def factor(self, step: int, total: int) -> float:
        """What the base rate is multiplied by at ``step`` (from 0) of ``total``, in ``(0, 1]``."""
        rising = self.warmup * total
        if step < rising:
            return (step + 1) / (rising + 1)
        return self.shape((step - rising) / max(1.0, total - rising))

    @abstractmethod
    def shape(self, progress: float) -> float:
        """The factor after the warm-up, where ``progress`` goes from 0 to 1."""

    def observe(self, score: float) -> None:  # noqa: B027
        """Told the validation score (higher is better) after every judged epoch. Ignored by default."""

    def state_dict(self) -> dict[str, float]:
        """What a resumed run must know beside the step. Nothing by default."""
        return {}

    def load_state_dict(self, state: dict[str, float]) -> None:  # noqa: B027
        """Takes back what :meth:`state_dict` gave."""

    def apply(self, optimizer: Optimizer, step: int, total: int) -> float:
        """Sets the rate of every group; returns the factor."""
        factor = self.factor(step, total)
        for group in optimizer.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
        return factor


class Constant(Schedule):
    """The same rate throughout, after the warm-up (none by default).

    Args:
        warmup: see :class:`Schedule`.
    """

    def __init__(self, warmup: float = 0.0) -> None:
        super().__init__(warmup)

    def shape(self, progress: float) -> float:
        """Always 1."""
        return 1.0


class Cosine(Schedule):
    """Falls along half a cosine to ``final`` of the rate.

    Args:
        warmup: see :class:`Schedule`.
        final: share of the rate, in ``[0, 1]``, that is left at the end.
    """

    def __init__(self, warmup: float = 0.05, final: float = 0.0) -> None:
        super().__init__(warmup)
        check_number("final", final, 0.0, 1.0)
        self.final = final

    def shape(self, progress: float) -> float:
        """From 1 to ``final``."""
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2


class OneCycle(Schedule):
    """Rises along a cosine from ``1 / div_factor`` to 1, then falls to ``1 / (div_factor * final_div_factor)``.

    Args:
        warmup: share of all steps, in ``[0, 1)``, over which the rate rises.
        div_factor: ``>= 1``, how many times lower than its highest the rate begins.
        final_div_factor: ``>= 1``, how many times lower than it began the rate ends.
        low_momentum, high_momentum: in ``[0, 1)``, the optimizer's momentum (Adam's first beta) where the rate is
            highest, and at both ends, as 0.85 and 0.95 in torch's one cycle; 0 for one that stays as it is.

    Raises:
        OptionError: if an option is out of its range.
    """

    def __init__(
        self,
        warmup: float = 0.2,
        div_factor: float = 100.0,
        final_div_factor: float = 1000.0,
        low_momentum: float = 0.0,
        high_momentum: float = 0.0,
    ) -> None:
        super().__init__(warmup)
        check_number("div_factor", div_factor, 1.0, 1e9)
        check_number("final_div_factor", final_div_factor, 1.0, 1e9)
        check_number("low_momentum", low_momentum, 0.0, 0.9999)
        check_number("high_momentum", high_momentum, low_momentum, 0.9999)
        self.start = 1 / div_factor
        self.end = self.start / final_div_factor
        self.low_momentum, self.high_momentum = low_momentum, high_momentum

    def factor(self, step: int, total: int) -> float:
        """Two half cosines that meet at the top after ``warmup * total`` steps."""
        rising = self.warmup * total
        if step < rising:
            return 1 + (self.start - 1) * (1 + math.cos(math.pi * step / rising)) / 2
        return super().factor(step, total)

    def shape(self, progress: float) -> float:
        """From 1 to the end."""
        return self.end + (1 - self.end) * (1 + math.cos(math.pi * progress)) / 2

    def apply(self, optimizer: Optimizer, step: int, total: int) -> float:
        """Sets the rate of every group, and its momentum where that moves; returns the factor of the rate.

        Raises:
            OptionError: if it is to move, and the optimizer has none.
        """
        if self.high_momentum:
            rising = self.warmup * total
            height = step / rising if step < rising else 1 - (step - rising) / max(1.0, total - rising)
            share = (1 - math.cos(math.pi * height)) / 2  # 0 at both ends, 1 at the top
            momentum = self.high_momentum + (self.low_momentum - self.high_momentum) * share
            for group in optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (momentum, *group["betas"][1:])
                elif "momentum" in group:
                    group["momentum"] = momentum
                else:
                    raise OptionError(f"{type(optimizer).__name__} has no momentum to move; leave high_momentum at 0")
        return super().apply(optimizer, step, total)


class Step(Schedule):
    """Multiplied by ``decay`` at each of two points of the training.

    Args:
        warmup: see :class:`Schedule`.
        decay: in ``[0, 1]``.
        first, second: shares of the steps after the warm-up, in ``[0, 1]``, ``second`` not before ``first``.
    """

    def __init__(self, warmup: float = 0.05, decay: float = 0.1, first: float = 0.6, second: float = 0.85) -> None:
        super().__init__(warmup)
        check_number("decay", decay, 0.0, 1.0)
        check_number("first", first, 0.0, 1.0)
        check_number("second", second, first, 1.0)
        self.decay, self.first, self.second = decay, first, second

    def shape(self, progress: float) -> float:
        """1, then ``decay``, then its square."""
        return self.decay ** ((progress >= self.first) + (progress >= self.second))


class Plateau(Schedule):
    """Multiplied by ``decay`` whenever the score has not risen for more than ``patience`` judged epochs.

    Args:
        warmup: see :class:`Schedule`.
        decay: in ``[0, 1]``.
        patience: judged epochs, ``>= 0``.
    """

    def __init__(self, warmup: float = 0.05, decay: float = 0.1, patience: int = 4) -> None:
        super().__init__(warmup)
        check_number("decay", decay, 0.0, 1.0)
        check_number("patience", patience, 0, 10_000)
        self.decay, self.patience = decay, patience
        self.best, self.waited, self.drops = -math.inf, 0, 0

    def shape(self, progress: float) -> float:
        """``decay`` to the power of the drops so far."""
        return self.decay**self.drops

    def observe(self, score: float) -> None:
        """Counts the epochs without a new best."""
        if score > self.best:
            self.best, self.waited = score, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.drops, self.waited = self.drops + 1, 0

    def state_dict(self) -> dict[str, float]:
        """The best score, the wait and the drops."""
        return {"best": self.best, "waited": self.waited, "drops": self.drops}

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Takes them back."""
        self.best, self.waited, self.drops = state["best"], int(state["waited"]), int(state["drops"])


SCHEDULES: dict[str, type[Schedule]] = {
    "one_cycle": OneCycle,
    "cosine": Cosine,
    "step": Step,
    "plateau": Plateau,
    "constant": Constant,
}
