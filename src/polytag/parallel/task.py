"""A task on its way to another process, and its outcome on the way back."""

import pickle
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from polytag.errors import OptionError, PolytagError


class Outcome(NamedTuple):
    """What a task gave, or how it went wrong: words that follow its name, and its error if there was one."""

    result: Any = None
    trouble: str = ""
    cause: BaseException | None = None


def check_picklable(function: Callable[[Any], Any], items: Mapping[str, Any]) -> None:
    """Raise :class:`OptionError` unless all of it can go to another process. Arrays, which can, are not copied."""
    _pickled(function, "function")
    for name, item in items.items():
        _pickled(item, f"item {name!r}", lambda array: None)


def perform(payload: bytes, threads: int) -> bytes:
    """Do a task, a pickled pair of function and item; its pickled outcome, for :func:`opened`."""
    try:
        function, item = pickle.loads(payload)
        if torch := sys.modules.get("torch"):  # if it comes later, it asks the environment
            torch.set_num_threads(threads)
        return _pickled(Outcome(function(item)), "its result")
    except BaseException as error:  # sys.exit is no result, either
        return pickle.dumps(Outcome(None, f"failed: {said(error)}", _portable(error)))


def opened(message: bytes) -> Outcome:
    """The outcome that :func:`perform` has pickled."""
    try:
        outcome: Outcome = pickle.loads(message)
    except Exception as error:  # code of the result's own class
        return Outcome(None, f"failed: its result cannot be unpickled ({said(error)})", error)
    return outcome


def thread_variables(threads: int) -> dict[str, str]:
    """Environment variables that torch and numpy obey when they are imported."""
    return dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))


def said(error: BaseException) -> str:
    """An error in words: of ours its sentence; of others their kind and first line."""
    if isinstance(error, PolytagError):
        return str(error)
    return f"{type(error).__name__}: {str(error).strip()}".splitlines()[0].removesuffix(": ")


def _pickled(value: Any, what: str, leave_out: Callable[[Any], None] | None = None) -> bytes:
    try:
        return pickle.dumps(value, protocol=5, buffer_callback=leave_out)
    except Exception as error:  # code of the value's own class
        raise OptionError(
            f"{what} must be picklable to go to another process, and is not ({said(error)}); "
            "use plain values, and functions and classes from the top of a module"
        ) from error


def _portable(error: BaseException) -> BaseException:
    """The error as it can travel; one that is no refusal of ours has its traceback in a note, as that cannot."""
    if not isinstance(error, PolytagError):
        error.add_note("".join(traceback.format_exception(error)).rstrip())
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # it holds a file, say, or its __init__ wants more than it hands on
        substitute = RuntimeError(said(error))
        for note in getattr(error, "__notes__", ()):
            substitute.add_note(note)
        return substitute
    return error
