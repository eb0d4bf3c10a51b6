"""The command line: thin; nothing that a Python user cannot reach."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from polytag._version import __version__
from polytag.errors import PolytagError

COMMANDS = {
    "demo": "train on scenes of handwritten digits, evaluate, show",
    "train": "photos and a table of tags in, a run folder out",
    "evaluate": "every metric of a run on labelled photos",
    "predict": "the tags of photos",
    "list": "what there is to choose from",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status: 0, 1 where something was refused, 2 for wrong usage, 130 after Ctrl-C."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser()
    if not words:
        parser.print_help()
        return 2
    parser.parse_args(words[:1])  # answers --help and --version, and refuses what is no command
    try:
        command = import_module(f"polytag.cli.{words[0]}")  # torch is imported here at the earliest
        status: int = command.main(words[1:])
        sys.stdout.flush()
        return status
    except PolytagError as error:
        print(f"polytag: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print(f"\npolytag: {error or 'stopped'}", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has left, as in `polytag list backbones | head`
        sys.stderr.close()
        return 0


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    parser = argparse.ArgumentParser(
        prog="polytag",
        description="Multi-label image classification: photos in, tags out.",
        epilog="commands:\n"
        + "\n".join(f"  {name.ljust(width)}  {text}" for name, text in COMMANDS.items())
        + "\n\npolytag COMMAND --help says more about each.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"polytag {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    return parser
