"""Argument parsing whose complaints are sentences like all others; without torch, so that --help answers at once."""

import argparse
from typing import NoReturn

from polytag.errors import OptionError


class Parser(argparse.ArgumentParser):
    """An :class:`argparse.ArgumentParser` that raises :class:`OptionError` where that one prints a usage and exits."""

    def error(self, message: str) -> NoReturn:
        """Raise ``message`` as a polytag error."""
        raise OptionError(f"{message}; {self.prog} --help shows what there is")
