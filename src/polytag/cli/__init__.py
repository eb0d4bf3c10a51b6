"""The command line: thin; nothing that a Python user cannot reach."""

import argparse
import difflib
import io
import os
import select
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TextIO

from polytag._launch import rank
from polytag._text import printable
from polytag._version import __version__
from polytag.cli.parser import Parser
from polytag.errors import DataError, ElsewhereError, OptionError, PolytagError, ProcessError, RunError

COMMANDS = {
    "demo": "train on scenes of handwritten digits, evaluate, show",
    "inspect": "what there is in a data set, and what is wrong with it",
    "train": "photos and a table of tags in, a run folder out",
    "evaluate": "every metric of a run on labelled photos",
    "predict": "the tags of photos",
    "explain": "where each label is seen on a photo",
    "tune": "above which probability each label counts as present",
    "calibrate": "probabilities that come true",
    "longtail": "a training split with rare labels, of any data",
    "bench": "a suite of trainings in one table, with verdicts",
    "compare": "runs on the same test photos, with intervals",
    "convert": "labels in another format",
    "list": "what there is to choose from",
}
TOGETHER = ("train",)  # commands that several processes may run as one


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, 1 where something was refused, 2 without a command, 130 after Ctrl-C."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as by >&-
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w"))
    for stream in (sys.stdout, sys.stderr) if argv is None else ():
        if isinstance(stream, io.TextIOWrapper):  # letters that the terminal does not have are shown by their numbers
            stream.reconfigure(errors="backslashreplace")
    words = [*(sys.argv[1:] if argv is None else argv)]  # not list(): here that is the command, once it has run
    parser = _parser()
    if not words:
        parser.print_help()
        return 2
    try:
        parser.parse_args(words[:1])  # answers --help and --version
        _check_command(words[0])
        command = import_module(f"polytag.cli.{words[0]}")  # torch is imported here at the earliest
        status: int = command.main(words[1:])
        sys.stdout.flush()
        return status
    except PolytagError as error:
        if not _said_elsewhere(words[0], error):
            lines = map(printable, str(error).split("\n"))  # names of files and labels come from strangers
            print("polytag: " + "\n".join(lines), file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        end_of_line = "\n" if sys.stderr.isatty() else ""  # behind the ^C that the terminal shows
        if rank() == 0 or words[0] not in TOGETHER:
            print(f"{end_of_line}polytag: {printable(str(error)) or 'stopped'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has left, as in `polytag list backbones | head`
        status = 0 if _unread(sys.stdout) else 1  # else it was that of our sentences, and work is left undone
        _give_up_output()
        return status
    except OSError as error:  # of the system, where nobody has put it into words
        where = f" {error.filename}:" if error.filename else ""
        print(f"polytag:{printable(where)} {error.strerror or error}", file=sys.stderr)
        _give_up_output()
        return 1


def _said_elsewhere(command: str, error: PolytagError) -> bool:
    """Whether the first of several processes says it. What happens to one of them alone, that one must tell."""
    if rank() == 0 or command not in TOGETHER:
        return False
    torch = sys.modules.get("torch")
    met = torch is not None and torch.distributed.is_initialized()
    # Before they have met, all refuse alike, but for files that may be missing on one machine.
    return isinstance(error, ElsewhereError | ProcessError) if met else not isinstance(error, DataError | RunError)


def _give_up_output() -> None:
    """What cannot be written goes nowhere: Python would try again when it ends, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _unread(stream: TextIO) -> bool:
    """Whether it is a pipe whose reader has left."""
    poll = select.poll()
    poll.register(stream.fileno(), 0)  # errors are always told
    return bool(poll.poll(0))


def _check_command(name: str) -> None:
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f"; did you mean {near[0]!r}" if near else ""
        raise OptionError(f"the command must be one of {', '.join(COMMANDS)}, got {name!r}{hint}")


def _parser() -> Parser:
    width = max(map(len, COMMANDS))
    parser = Parser(
        prog="polytag",
        description="Multi-label image classification: photos in, tags out.",
        epilog="commands:\n"
        + "\n".join(f"  {name.ljust(width)}  {text}" for name, text in COMMANDS.items())
        + "\n\npolytag COMMAND --help says more about each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"polytag {__version__}")
    parser.add_argument("command", metavar="COMMAND", help="one of those below")
    return parser
