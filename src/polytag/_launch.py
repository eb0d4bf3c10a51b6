"""What ``torchrun`` or ``accelerate launch`` told this process, known before torch is imported."""

import os


def rank() -> int:
    """The number of this process; 0 is the one that writes and speaks, and the only one without a launcher."""
    return _number("RANK", 0)


def processes() -> int:
    """How many were started together."""
    return _number("WORLD_SIZE", 1)


def restarts() -> int:
    """How often torchrun has started these processes again, after one of them died."""
    return _number("TORCHELASTIC_RESTART_COUNT", 0)


def launch() -> str:
    """What the processes of one torchrun have in common, restarts included; empty without one."""
    name = os.environ.get("TORCHELASTIC_RUN_ID")
    return "" if name is None else f"{name}-{os.getppid()}"


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else default  # others use these names for words of their own
