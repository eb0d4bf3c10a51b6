"""Several things timed in turns, so that what else the machine does falls on all of them alike."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch

from polytag.train.memory import kept_memory


def in_turns(calls: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 2) -> dict[str, list[float]]:
    """Seconds of each call, one a round; freed memory is kept meanwhile, as it is in a training.

    Args:
        calls: what to time.
        rounds: how often.
        warm_up: calls in each turn that are not timed: after another thing has run, memory has to be found again.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    with kept_memory():
        for _ in range(rounds):
            for name, call in calls.items():
                for _ in range(warm_up):
                    call()
                _finished()
                start = time.perf_counter()
                call()
                _finished()
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(took: list[float], base: list[float]) -> float:
    """The median of the ratios of each round."""
    return statistics.median(a / b for a, b in zip(took, base, strict=True))


def _finished() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
