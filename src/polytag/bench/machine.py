"""Where a table was made: numbers of speed mean little without it."""

import os
import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import torch

from polytag._text import counted
from polytag.run import Run

CPUINFO = Path("/proc/cpuinfo")


def machine(runs: Sequence[Run]) -> str:
    """Date, processor and cores of this machine, then device and versions of the runs, with commas between them.

    A GPU that the runs were trained on has its name; where this machine has none like it, "trained on" stands before.
    """
    running = [run.config.get("running", {}) for run in runs]
    devices = _agreed([of.get("gpu", of.get("device", "unknown device")) for of in running])
    here_too = torch.cuda.is_available() and devices == torch.cuda.get_device_name()
    if not here_too and any("gpu" in of for of in running):
        devices = f"trained on {devices}"
    versions = [run.config.get("versions", {}) for run in runs]
    python, torch_version = (_agreed([of.get(name, "unknown") for of in versions]) for name in ("python", "torch"))
    here = [date.today().isoformat(), platform.machine(), _processor(), counted(os.cpu_count() or 1, "core")]
    return ", ".join(part for part in (*here, devices, f"Python {python}", f"torch {torch_version}") if part)


def _agreed(values: Sequence[str]) -> str:
    different = sorted(set(values))
    return different[0] if len(different) == 1 else f"mixed: {' and '.join(different)}"


def _processor() -> str:
    """The model of the processor, empty where this system does not tell it."""
    if not CPUINFO.exists():
        return ""
    lines = (line.partition(":") for line in CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == "model name"), "")
