"""When the state of a training is saved: so often that little is lost, so seldom that it costs little."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

EVERY = 60.0  # seconds from one save to the next, at most
SHARE = 0.05  # of the time that saves after epochs may take


class Pace:
    """Says when to save: after an epoch, unless that would take more than ``SHARE`` of the time; else once a minute.

    An epoch of a few photos on a GPU is over in less time than its state is written in.
    """

    def __init__(self) -> None:
        self.last = time.monotonic()
        self.takes = 0.0  # seconds, the save before

    def due(self, after_epoch: bool) -> bool:
        """Whether to save now, within an epoch or after one."""
        wait = min(self.takes / SHARE, EVERY) if after_epoch else EVERY
        return time.monotonic() - self.last >= wait

    @contextmanager
    def saving(self) -> Iterator[None]:
        """The save, which is measured."""
        began = time.monotonic()
        yield
        self.last = time.monotonic()
        self.takes = self.last - began
