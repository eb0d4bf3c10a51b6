"""Ctrl-C and SIGTERM as a question that a loop asks, so that nothing is cut in the middle."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class InterruptedWorkError(Exception):
    """Raised where work that can be done again is left undone, since a signal has come."""


class Interrupts:
    """Within this context the first Ctrl-C or SIGTERM is only remembered; the second one acts as it always does.

    Args:
        patient: remember the second one and all others, too, where launchers send several.
    """

    def __init__(self, patient: bool = False) -> None:
        self._seen, self._patient = False, patient
        self._before: dict[signal.Signals, Any] = {}

    def seen(self) -> bool:
        """Whether a signal has come."""
        return self._seen

    def __enter__(self) -> "Interrupts":
        if threading.current_thread() is threading.main_thread():  # only there can handlers be set
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self._seen = True
        if not self._patient:
            self._restore()

    def _restore(self) -> None:
        before, self._before = self._before, {}  # at once, as a signal may come in between
        for number, handler in before.items():
            signal.signal(number, handler)
