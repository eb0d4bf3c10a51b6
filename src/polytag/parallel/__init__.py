"""Many long tasks that do not need each other: in sequence, in processes of this machine, or on Ray."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeVar

from polytag._checks import check_choice
from polytag._interrupt import Interrupts
from polytag.errors import OptionError, TaskError
from polytag.parallel.crew import Crew
from polytag.parallel.on_ray import on_ray
from polytag.parallel.processes import in_processes
from polytag.parallel.task import Outcome, check_picklable, said

Item = TypeVar("Item")
Result = TypeVar("Result")
Backend = Literal["sequence", "processes", "ray"]

_CREWS: dict[str, Callable[[int], AbstractContextManager[Crew]]] = {"processes": in_processes, "ray": on_ray}


def run_all(
    function: Callable[[Item], Result],
    items: Mapping[str, Item],
    *,
    backend: Backend = "sequence",
    processes: int = 2,
) -> dict[str, Result]:
    """``{name: function(item)}`` for all items, in their order.

    Ctrl-C and SIGTERM reach tasks in processes as one SIGTERM, and on Ray as one KeyboardInterrupt; then they have 30
    seconds to save. If this process is killed, those in processes learn it in the same way, and those on Ray just end.

    Args:
        function: does one task. In parallel it, its items and its results must be picklable, and a script must call
            this below ``if __name__ == "__main__":``.
        items: what each task works on, under the name that errors call it by.
        backend: "sequence": one after the other, here. "processes": in processes of their own, which share the cores
            evenly and take the GPUs in turn. "ray": on the Ray that is initialised or that ``RAY_ADDRESS`` names, or
            else on a private one of this machine; each task takes an even share of the cores, and a GPU if there are
            any.
        processes: how many tasks run at once, at most; "sequence" has no use for it.

    Raises:
        TaskError: if a task fails or its process dies. Those that run by then are finished first, no other is started.
        OptionError: if an argument is out of range or cannot be pickled, or if Ray is missing or not to be reached.
        KeyboardInterrupt: when interrupted, once all that ran in parallel has stopped.
    """
    check_choice("backend", backend, ("sequence", *_CREWS))
    if processes < 1:
        raise OptionError(f"processes must be at least 1, got {processes}")
    if not items:
        return {}
    if backend == "sequence":
        outcomes = _in_sequence(function, items)
    else:
        check_picklable(function, items)
        with _CREWS[backend](processes) as crew:
            outcomes = _drive(crew, function, items, processes)
    _check(outcomes, len(items))
    return {name: outcomes[name].result for name in items}


def _in_sequence(function: Callable[[Any], Any], items: Mapping[str, Any]) -> dict[str, Outcome]:
    outcomes = {}
    for name, item in items.items():
        try:
            outcomes[name] = Outcome(function(item))
        except Exception as error:
            outcomes[name] = Outcome(None, f"failed: {said(error)}", error)
            break
    return outcomes


def _drive(crew: Crew, function: Callable[[Any], Any], items: Mapping[str, Any], at_once: int) -> dict[str, Outcome]:
    """The outcomes in the order in which they came: of all tasks, or of those that ended with the first that failed."""
    waiting, running, outcomes = list(items), 0, dict[str, Outcome]()
    with Interrupts() as interrupts:
        while True:
            failed = any(outcome.trouble for outcome in outcomes.values())
            while waiting and not failed and running < at_once:
                name = waiting.pop(0)
                crew.start(name, function, items[name])
                running += 1
            if not running:
                return outcomes
            ended = crew.ended()
            running -= len(ended)
            outcomes |= ended
            if interrupts.seen():
                raise KeyboardInterrupt(f"stopped; {_counted(outcomes, len(items))}")


def _check(outcomes: dict[str, Outcome], total: int) -> None:
    failed = [name for name, outcome in outcomes.items() if outcome.trouble]
    if failed:
        trouble, cause = outcomes[failed[0]].trouble, outcomes[failed[0]].cause
        others = "".join(f"; {name!r} failed too" for name in failed[1:])
        raise TaskError(f"task {failed[0]!r} {trouble}{others}; {_counted(outcomes, total)}") from cause


def _counted(outcomes: dict[str, Outcome], total: int) -> str:
    done = sum(not outcome.trouble for outcome in outcomes.values())
    return f"{done} of {total} are done, and those that are kept need not run again"
