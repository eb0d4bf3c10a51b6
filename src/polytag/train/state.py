"""What a training must remember to go on as if it had never stopped, and how that is written without pickle."""

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.optim import Optimizer

from polytag._files import write_atomic
from polytag.errors import RunError
from polytag.method import Method
from polytag.train.ema import ModelAverage
from polytag.train.schedules import Schedule
from polytag.train.stopping import Stopping


@dataclass
class TrainState:
    """Everything that changes while training."""

    method: Method
    optimizer: Optimizer
    schedule: Schedule
    average: ModelAverage | None
    epoch: int = 0  # epochs that are finished and judged
    step: int = 0  # optimizer steps that are finished, over all epochs
    stopping: Stopping | None = None

    def __post_init__(self) -> None:
        self.sums: dict[str, Tensor] = {}  # of each loss term over the steps of this epoch, on the device

    def state_dict(self) -> dict[str, Any]:
        """Nested dicts and lists of tensors, numbers and strings."""
        return {
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "stopping": self.stopping.state_dict() if self.stopping else None,
            "epoch": self.epoch,
            "step": self.step,
            "sums": self.sums,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes back what :meth:`state_dict` gave, sharing no memory with it.

        Raises:
            RunError: if one of the two has a running average and the other has not.
        """
        if (self.average is None) != (state["average"] is None):
            which = "without" if self.average else "with"
            raise RunError(
                f"the training state was left by a run {which} a running average; resume it as it was started"
            )
        self.method.load_state_dict(state["method"])
        self.optimizer.load_state_dict(state["optimizer"])
        for weights, values in self.optimizer.state.items():
            for name, value in values.items():
                if isinstance(value, Tensor):  # in the memory order of the weights, where it is one
                    like = weights if value.shape == weights.shape else value
                    values[name] = torch.empty_like(like, dtype=value.dtype, device=value.device).copy_(value)
        self.schedule.load_state_dict(state["schedule"])
        if self.average:
            self.average.load_state_dict(state["average"])
        if self.stopping and state["stopping"]:
            self.stopping.load_state_dict(state["stopping"])
        self.epoch, self.step = state["epoch"], state["step"]
        device = next(self.method.parameters()).device
        self.sums = {name: value.to(device) for name, value in state["sums"].items()}


def save_tree(path: Path, tree: Any) -> None:
    """Write nested dicts and lists of tensors, numbers, strings and None as one safetensors file.

    The tensors are stored as such; the rest is JSON in the header. Appears by rename, so there is never half of one.

    Raises:
        RunError: if it cannot be written; what stood there before is kept.
    """
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_pack(tree, tensors))
    write_tensors(path, tensors, {"tree": text, "digest": _digest(text, tensors)})


def load_tree(path: Path) -> Any:
    """Read back what :func:`save_tree` wrote.

    Raises:
        RunError: if the file is missing, or a single bit of it is not as it was written.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            text, digest = file.metadata()["tree"], file.metadata().get("digest", "")
        if digest != _digest(text, tensors):
            raise ValueError("its content does not fit its digest")
        return _unpack(json.loads(text), tensors)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise RunError(f"the training state {path} cannot be read ({error}); start again without --resume") from error


def _digest(text: str, tensors: dict[str, Tensor]) -> str:
    digest = hashlib.blake2b(text.encode(), digest_size=16)
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file, which appears by rename; the same content is the same bytes.

    Raises:
        RunError: if it cannot be written; what stood there before is kept.
    """

    def write(temporary: Path) -> None:
        temporary.touch()
        usual = stat.S_IMODE(temporary.stat().st_mode)  # save_file makes a file that only its owner may read
        try:
            save_file(tensors, temporary, metadata)
            _sort_metadata(temporary)
            temporary.chmod(usual)
        except SafetensorError as error:  # what a full disk is to this library
            if code := re.search(r"\(os error (\d+)\)", str(error)):
                raise OSError(int(code[1]), os.strerror(int(code[1]))) from error
            raise

    write_atomic(path, write, size=sum(tensor.nbytes for tensor in tensors.values()))


def _sort_metadata(path: Path) -> None:
    """Put the metadata of a safetensors file in order, which the library writes in another one each time."""
    with path.open("r+b") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(size)
        if len(text) != size:
            raise RunError(f"the header of {path} is written otherwise than expected; install another safetensors")
        file.seek(8)
        file.write(text)


def _pack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()  # two names must not share memory
        return {"tensor": name}
    if isinstance(value, dict):  # as pairs, since JSON would turn the numbers of an optimizer's state into strings
        return {"dict": [[key, _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        return [_pack(item, tensors) for item in value]
    return value


def _unpack(value: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    return {key: _unpack(item, tensors) for key, item in value["dict"]}


def is_finite(tensors: dict[str, Any]) -> bool:
    """Whether every number of every floating-point tensor is."""
    checked = [t for t in tensors.values() if isinstance(t, Tensor) and t.is_floating_point()]
    return bool(torch.stack([t.isfinite().all() for t in checked]).all()) if checked else True
