"""Whoever runs tasks in parallel, and what all of them need."""

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from polytag.parallel.task import Outcome

GRACE = 30.0  # seconds that a task gets to save when it is to stop
TICK = 0.2  # seconds between two looks at signals and at processes


class Crew(Protocol):
    """What runs tasks."""

    def start(self, name: str, function: Callable[[Any], Any], item: Any) -> None:
        """Begin a task, beside those that run."""

    def ended(self) -> dict[str, Outcome]:
        """Tasks that have ended since this was last asked, by name; waits for one, but not longer than a moment."""


def share(processes: int) -> int:
    """Threads for each of so many processes; also while fewer of them are at work, as results depend on it."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, usable // processes)


@contextlib.contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """These environment variables, and afterwards all as they were."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
