"""The fastest way to run a step on this machine: number format, memory order, compilation."""

import copy
import dataclasses
import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from polytag._random import generator
from polytag.data.loader import Batch, Draw, Loader, ToDevice
from polytag.layers.cosine import coarse_products
from polytag.method import Context, Method


@dataclass(frozen=True)
class Speed:
    """How a step is run. Evaluation stays in float32, uncompiled, whatever is chosen here."""

    channels_last: bool = True
    bf16: bool = False
    compile: bool = False
    medium: bool = False

    def precision(self) -> AbstractContextManager[None]:
        """Products of float32 matrices from bf16 parts (on GPUs: TF32) if that was chosen; afterwards as before."""
        return coarse_products() if self.medium else nullcontext()

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """Mixed precision for the forward pass; losses are computed in float32."""
        return torch.autocast(device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def wrap(self, method: nn.Module) -> Callable[..., dict[str, Tensor]]:
        """The method, compiled if that was chosen."""
        return torch.compile(method) if self.compile else method


SPEEDS: dict[str, Speed] = {
    "eager": Speed(channels_last=False),
    "channels_last": Speed(),
    "medium": Speed(medium=True),
    "bf16": Speed(bf16=True),
    "compile": Speed(compile=True),
    "compile_bf16": Speed(bf16=True, compile=True),
}


def has_bf16(device: torch.device) -> bool:
    """Whether the device computes in bf16 by itself; every CPU does, if slowly where it has no such instructions."""
    return device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)


def without_bf16(name: str) -> str:
    """The name of the same way to run a step in float32."""
    plain = dataclasses.replace(SPEEDS[name], bf16=False)
    return next(other for other, speed in SPEEDS.items() if speed == plain)


COARSEST = 1e-3  # error of a product under "medium": TF32 has 3e-4, bf16 over 2e-3, which is for the one who names it
WORTH = 1.05  # how much faster coarser products of the same number format must be
COMPILE_PAYS_FROM = 300.0  # seconds of training; compiling takes about a minute on two cores


def fastest(method: Method, loader: Loader, context: Context, batch_size: int, steps: int) -> tuple[str, str]:
    """Time a few forward and backward passes in each way, on a copy of the method and real photos.

    Args:
        method: not yet prepared.
        loader: of the training photos.
        context: handed to the copy's ``prepare``.
        batch_size: photos a pass.
        steps: passes of the training to come; compiling is tried only where they would take over five minutes.

    Returns:
        The name of the fastest way, and a sentence with what was measured. Coarser products of float32 are only tried
        where they are off by little: on some machines they are computed in bf16.
    """
    device = context.accelerator.device
    trial = copy.deepcopy(method).to(device)
    trial.prepare(loader.data, context)
    to_device = ToDevice(device, loader.preprocessing.mean, loader.preprocessing.std)
    draws = [
        Draw(s.draw(context.seed, 0)[:batch_size], (context.seed, 0, 0)) for s in trial.samplers(loader.data.labels)
    ]
    batches = tuple(map(to_device, loader.batches(draws)))
    seconds: dict[str, float] = {}
    failed = ""
    for name, speed in SPEEDS.items():
        if speed.bf16 and not has_bf16(device):
            continue
        if speed.medium and (error := product_error(device)) > COARSEST:
            failed += f"; {name} is left out, as its products are off by {error:.1e}"
            continue
        if speed.compile and min(seconds.values()) * steps <= COMPILE_PAYS_FROM:
            continue
        try:
            seconds[name] = seconds_per_pass(trial, batches, speed)
        except Exception as failure:  # of many kinds where there is no compiler, or it does not know an operation
            if not speed.compile:
                raise
            failed += f"; {name} cannot be used here ({type(failure).__name__})"
    best = min(seconds, key=lambda name: seconds[name] * (WORTH if SPEEDS[name].medium else 1))
    measured = ", ".join(f"{name} {batch_size / value:.0f}" for name, value in seconds.items())
    return best, f"speed {best}, the fastest in images a second: {measured}{failed}"


def product_error(device: torch.device) -> float:
    """How far a product of float32 matrices is off under "medium", relative to the largest number in it."""
    left, right = torch.from_numpy(generator(0).standard_normal((2, 256, 256), np.float32)).to(device)
    exact = left @ right
    with coarse_products():
        coarse = left @ right
    return float((coarse - exact).abs().max() / exact.abs().max())


def seconds_per_pass(method: Method, batches: tuple[Batch, ...], speed: Speed, rounds: int = 3) -> float:
    """Median time of a forward and backward pass of a copy, after two that are not timed."""
    device = batches[0].images.device
    memory = torch.channels_last if speed.channels_last else torch.contiguous_format
    copied = copy.deepcopy(method).to(memory_format=memory).train()
    placed = tuple(b._replace(images=b.images.contiguous(memory_format=memory)) for b in batches)
    run = speed.wrap(copied)
    seconds = []
    for _ in range(2 + rounds):
        start = time.perf_counter()
        with speed.precision():
            with speed.autocast(device):
                total = torch.stack(list(run(*placed).values())).sum()
            total.backward()  # type: ignore[no-untyped-call]
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
        copied.zero_grad()
    return statistics.median(seconds[2:])
