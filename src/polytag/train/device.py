"""Where and how exactly a training computes."""

import os
import platform
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import torch
from accelerate import Accelerator
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from polytag._launch import processes, restarts
from polytag.errors import OptionError

LINUX = platform.system() == "Linux"
PATIENCE = timedelta(minutes=10)  # until a process that does not answer counts as lost; a dead one is noticed at once


def accelerator_for(device: str) -> Accelerator:
    """The accelerator of this process: there is one, and the first call chooses its device.

    Args:
        device: "auto", "cpu" or "cuda".

    Raises:
        OptionError: if that device is not there or another one was chosen.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise OptionError("device is cuda, and torch finds no GPU on this machine; use auto or cpu")
    on_cpu = device == "cpu" or not torch.cuda.is_available()  # or several processes would not find each other
    if processes() > 1 and not torch.distributed.is_initialized():
        _meet("gloo" if on_cpu else "nccl")
    try:
        accelerator = Accelerator(cpu=on_cpu)
    except ValueError as error:
        raise OptionError("device is cpu, and this process has trained on a GPU; start another process") from error
    if device == "cuda" and accelerator.device.type != "cuda":
        raise OptionError("device is cuda, and this process has trained on the CPU; start another process")
    return accelerator


def _meet(backend: str) -> None:
    """Join the other processes of this launch, each restart at a place of its own.

    The agent of torchrun keeps one store over all restarts. At the same place in it, a process may find the address
    that a dead one has left there, and wait for it.
    """
    store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
    attempt = PrefixStore(f"attempt {restarts()}", store)
    torch.distributed.init_process_group(backend, store=attempt, rank=rank, world_size=size, timeout=PATIENCE)


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Within this context torch uses algorithms alone that give the same numbers every time, if ``wanted``.

    An operation that has none raises torch's own error with its name. Afterwards all is as it was.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    workspace = os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"  # without it cuBLAS may choose among algorithms
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=warns)
        torch.backends.cudnn.benchmark = before[1]
        if workspace is None:
            del os.environ["CUBLAS_WORKSPACE_CONFIG"]
        else:
            os.environ["CUBLAS_WORKSPACE_CONFIG"] = workspace


def forget_peak_memory(device: torch.device) -> None:
    """Count :func:`peak_memory` from here on, where the system can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif LINUX:
        with suppress(OSError):  # where /proc is read-only the peak is that of the whole process
            Path("/proc/self/clear_refs").write_text("5")


def peak_memory(device: torch.device) -> float:
    """The most memory in use so far, in MB: of the GPU, or of this process where it computes on the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    if LINUX:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6  # from KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
