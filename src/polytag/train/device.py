"""Where a training runs."""

import torch
from accelerate import Accelerator

from polytag.errors import OptionError


def accelerator_for(device: str) -> Accelerator:
    """The accelerator of this process: there is one, and the first call chooses its device.

    Args:
        device: "auto", "cpu" or "cuda".

    Raises:
        OptionError: if that device is not there or another one was chosen, or if there are several processes.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise OptionError("device is cuda, and torch finds no GPU on this machine; use auto or cpu")
    try:
        accelerator = Accelerator(cpu=device == "cpu")
    except ValueError as error:
        raise OptionError("device is cpu, and this process has trained on a GPU; start another process") from error
    if device == "cuda" and accelerator.device.type != "cuda":
        raise OptionError("device is cuda, and this process has trained on the CPU; start another process")
    if accelerator.num_processes > 1:
        raise OptionError(f"a training runs in one process, and {accelerator.num_processes} were started; start one")
    return accelerator
