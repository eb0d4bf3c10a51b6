"""Tasks on Ray: the user's, or a private one of this machine."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from polytag.errors import OptionError
from polytag.parallel.crew import GRACE, TICK, environment, share
from polytag.parallel.task import Outcome, opened, perform, said, thread_variables


@contextlib.contextmanager
def on_ray(processes: int) -> Iterator["RayTasks"]:
    """A crew on Ray. An error in this context ends its tasks, and Ray ends with it if it was not there before."""
    try:
        with environment({}):  # which the import changes
            ray: Any = import_module("ray")
    except ImportError as error:
        raise OptionError('backend "ray" needs Ray; bring it with pip install "polytag[ray]"') from error
    with contextlib.nullcontext() if ray.is_initialized() else _started(ray, processes):
        crew = RayTasks(ray, processes)
        try:
            yield crew
        except BaseException:
            crew.stop()
            raise


class RayTasks:
    """A :class:`~polytag.parallel.crew.Crew`; no task is tried twice."""

    def __init__(self, ray: Any, processes: int) -> None:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        with_gpu = [node for node in nodes if node.get("GPU", 0) >= 1]
        cores = [int(node.get("CPU", 0)) for node in with_gpu or nodes]
        self._threads = max(1, min(sum(cores) // processes, max(cores)))  # of one machine, on which a task must fit
        self._ray, self._running = ray, dict[Any, str]()
        remote = ray.remote(max_retries=0, num_cpus=self._threads, num_gpus=1 if with_gpu else 0)
        self._perform = remote(_perform).remote

    def start(self, name: str, function: Callable[[Any], Any], item: Any) -> None:
        """Begin a task."""
        # Other than pickle, this takes along what a script defines: no worker of Ray could import that.
        payload = self._ray.cloudpickle.dumps((function, item))
        self._running[self._perform(payload, self._threads)] = name

    def ended(self) -> dict[str, Outcome]:
        """Tasks that have ended since."""
        ready, _ = self._ray.wait(list(self._running), timeout=TICK)
        return {self._running.pop(task): self._outcome(task) for task in ready}

    def stop(self) -> None:
        """End all tasks; one that does not obey is killed."""
        running = list(self._running)
        try:
            for task in running:
                self._ray.cancel(task)  # as Ctrl-C would
            if running:
                _, running = self._ray.wait(running, num_returns=len(running), timeout=GRACE)
        finally:  # another Ctrl-C ends the waiting
            for task in running:
                self._ray.cancel(task, force=True)

    def _outcome(self, task: Any) -> Outcome:
        try:
            return opened(self._ray.get(task))
        except self._ray.exceptions.RayError as error:
            return Outcome(None, f"lost its Ray worker ({said(error).rstrip('.')})", error)


@contextlib.contextmanager
def _started(ray: Any, processes: int) -> Iterator[None]:
    """Ray where ``RAY_ADDRESS`` says, or else a private one of this machine."""
    where = {} if os.environ.get("RAY_ADDRESS") else {"address": "local", "num_cpus": processes * share(processes)}
    variables = {
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),  # what this process can import, its workers can
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # the default to come, of which it would warn
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    handler = signal.getsignal(signal.SIGTERM)
    with environment(variables):
        try:
            try:
                ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR", **where)
            except Exception as error:  # of many kinds
                raise OptionError(f"Ray cannot be had ({said(error)}); start it, or choose another backend") from error
            finally:
                if threading.current_thread() is threading.main_thread():
                    signal.signal(signal.SIGTERM, handler)  # Ray has put its own there
            yield
        finally:
            ray.shutdown()


def _perform(payload: bytes, threads: int) -> bytes:
    os.environ.update(thread_variables(threads))
    return perform(payload, threads)
