"""Tasks in processes of this machine. Each is spawned and does task after task, as importing torch takes seconds."""

import contextlib
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from multiprocessing import connection, get_context, parent_process, resource_tracker
from multiprocessing.context import SpawnProcess
from typing import Any

from polytag.parallel.crew import GRACE, TICK, environment, share
from polytag.parallel.task import Outcome, opened, perform, thread_variables


@contextlib.contextmanager
def in_processes(processes: int) -> Iterator["Processes"]:
    """A crew of so many processes, which end with this context; an error in it ends their tasks, too."""
    crew = Processes(processes)
    try:
        yield crew
    except BaseException:
        crew.close(stop=True)
        raise
    crew.close(stop=False)


class Processes:
    """A :class:`~polytag.parallel.crew.Crew`; its processes start when there is a task for them."""

    def __init__(self, processes: int) -> None:
        self._threads, self._gpus = share(processes), gpus()
        self._workers: list[_Worker] = []

    def start(self, name: str, function: Callable[[Any], Any], item: Any) -> None:
        """Begin a task."""
        worker = next((worker for worker in self._workers if worker.task is None), None) or self._hire()
        worker.start(name, pickle.dumps((function, item)))

    def ended(self) -> dict[str, Outcome]:
        """Tasks that have ended since."""
        busy = {worker.task: worker for worker in self._workers if worker.task is not None}
        connection.wait([worker.pipe for worker in busy.values()], TICK)
        return {name: outcome for name, worker in busy.items() if (outcome := worker.outcome())}

    def close(self, stop: bool) -> None:
        """End the processes; one that does not obey is killed."""
        deadline = time.monotonic() + GRACE
        try:
            for worker in self._workers:
                worker.pipe.close()  # there will be no other task
                if stop:
                    worker.process.terminate()
            for worker in self._workers:
                worker.process.join(max(0.0, deadline - time.monotonic()))
        finally:  # another Ctrl-C ends the waiting
            for worker in self._workers:
                worker.process.kill()
                worker.process.join()

    def _hire(self) -> "_Worker":
        ours, theirs = get_context("spawn").Pipe()
        process = get_context("spawn").Process(target=_serve, args=(theirs, self._threads))
        variables = thread_variables(self._threads)
        if self._gpus:
            variables["CUDA_VISIBLE_DEVICES"] = self._gpus[len(self._workers) % len(self._gpus)]
        resource_tracker.ensure_running()  # when it starts it unblocks what is blocked next
        # Ctrl-C reaches all processes of a terminal. Blocked, it leaves them with the SIGTERM of `close`: one signal
        # lets a training save, a second one would cut it off.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            with environment(variables):
                process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self._workers.append(_Worker(process, ours))
        return self._workers[-1]


class _Worker:
    """A process, the pipe to it, and the name of the task that it has."""

    def __init__(self, process: SpawnProcess, pipe: connection.Connection) -> None:
        self.process, self.pipe = process, pipe
        self.task: str | None = None
        self._payload, self._ready = b"", False

    def start(self, name: str, payload: bytes) -> None:
        self.task = name
        if not self._ready:
            self._payload = payload
            return
        with contextlib.suppress(OSError):  # it died while it had no task; `outcome` finds out
            self.pipe.send_bytes(payload)

    def outcome(self) -> Outcome | None:
        """What became of its task, if that is known by now."""
        dead = self.process.exitcode is not None  # asked before the pipe, where its last words may be
        try:
            while self.pipe.poll():
                message = self.pipe.recv_bytes()
                if self._ready:
                    self.task = None
                    return opened(message)
                self._ready = True
                self.pipe.send_bytes(self._payload)
                self._payload = b""  # it may hold all photos
        except (EOFError, OSError):
            dead = True
        return Outcome(None, self._end()) if dead else None

    def _end(self) -> str:
        self.process.join(GRACE)
        self.task, code = None, self.process.exitcode
        if code is not None and code < 0:
            names = {number.value: number.name for number in signal.Signals}
            return f"was killed by signal {-code} ({names.get(-code, 'of no name')})"
        early = "" if self._ready else ' before it began (a script must begin below `if __name__ == "__main__":`)'
        return f"ended its process with status {code}{early}"


def _serve(pipe: connection.Connection, threads: int) -> None:
    """What a process does until there are no more tasks."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        pipe.send_bytes(b"ready")
        while True:
            pipe.send_bytes(perform(pipe.recv_bytes(), threads))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), signal.SIGKILL)


def gpus() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` calls them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible == "":
        return []
    count = import_module("torch").cuda.device_count()
    return visible.split(",")[:count] if visible else [str(number) for number in range(count)]
