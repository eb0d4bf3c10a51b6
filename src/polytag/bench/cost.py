"""What a row costs: its training in seconds and megabytes, its model in parameters, operations and milliseconds."""

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from torch import nn
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from polytag._random import generator
from polytag.bench.types import Cost
from polytag.fits import seconds_of
from polytag.run import Run
from polytag.views import with_views

WARM_UP, TIMES, SECONDS = 5, 50, 2.0  # calls that are not counted, and that are; no further one begins past so long


def cost_of(runs: Sequence[Path]) -> Cost:
    """What the runs of one row cost: medians of their trainings, and the model of the first of them.

    Training is without validation; what a method trains while it prepares and a search for a learning rate count as
    well, as if one came after the other. A photo is timed on the GPU where the first run was trained on one and
    this machine has one, else on the CPU. Memory is NaN where a run did not note it.

    Raises:
        RunError: if a folder is no run with a history, or the head is the user's own and so cannot be loaded.
    """
    opened = [Run.open(path) for path in runs]
    running = [run.config.get("running", {}) for run in opened]
    memory = [of.get("memory_mb", float("nan")) for of in running]
    first, size = opened[0], opened[0].preprocessing.image_size
    model = with_views(first.new_model().folded(), first.tta)  # what its weights are makes no difference here
    on_gpu = running[0].get("device") == "cuda" and torch.cuda.is_available()
    return Cost(
        train_seconds=median(map(seconds_of, opened)),
        parameters=sum(weights.numel() for weights in model.parameters()),
        gmacs=gmacs(model, size),
        inference_ms=inference_ms(model, size, torch.device("cuda" if on_gpu else "cpu")),
        memory_mb=float(np.median(memory)),  # NaN if one of them is
    )


def cost_together(costs: Sequence[Cost]) -> Cost:
    """What an ensemble costs: its members one after the other, so all sums, but for the memory."""
    return Cost(
        train_seconds=sum(cost.train_seconds for cost in costs),
        parameters=sum(cost.parameters for cost in costs),
        gmacs=sum(cost.gmacs for cost in costs),
        inference_ms=sum(cost.inference_ms for cost in costs),
        memory_mb=float(np.max([cost.memory_mb for cost in costs])),  # NaN if one of them is
    )


def gmacs(model: nn.Module, image_size: tuple[int, int]) -> float:
    """Multiplications with an addition, in billions, of a photo ``image_size`` through ``model``.

    Those of convolutions and of products of matrices, as :class:`torch.utils.flop_counter.FlopCounterMode` finds them;
    nothing is computed.
    """
    tensors = chain(model.named_parameters(), model.named_buffers())
    shapes = {name: tensor.to("meta") for name, tensor in tensors}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        functional_call(model, shapes, (torch.empty(1, 3, *image_size, device="meta"),))
    return float(counter.get_total_flops() / 2 / 1e9)


def inference_ms(model: nn.Module, image_size: tuple[int, int], device: torch.device) -> float:
    """Median milliseconds of a photo ``image_size`` through ``model``, which moves to ``device``.

    At batch 1, in float32, channels last; the photo is there already, normalised.
    """
    model.to(device).to(memory_format=torch.channels_last)
    pixels = generator(0).standard_normal((1, 3, *image_size), dtype=np.float32)
    photo = torch.from_numpy(pixels).to(device, memory_format=torch.channels_last)  # (1, 3, h, w)

    def forward() -> None:
        model(photo)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    with torch.no_grad():
        return 1000 * median_seconds(forward)


def median_seconds(call: Callable[[], object]) -> float:
    """Median of ``TIMES`` calls after ``WARM_UP`` others; of fewer, at least one, where ``SECONDS`` are over before."""
    began, took = perf_counter(), []
    for _ in range(WARM_UP + TIMES):
        start = perf_counter()
        call()
        end = perf_counter()
        took.append(end - start)
        if end - began >= SECONDS:
            break
    return median(took[min(WARM_UP, len(took) - 1) :])
