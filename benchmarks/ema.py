"""Speed of the running average of a model, beside timm and a plain loop: ``python benchmarks/ema.py``.

Every round runs each contender once, so that a noisy neighbour slows all of them; ratios are medians over rounds. Time
is that of the processor, which waiting for a neighbour does not add to.
"""

import argparse
import copy
import datetime
import os
import platform
import time
from collections.abc import Callable

import numpy as np
import timm
import torch
from timm.utils.model_ema import ModelEmaV3
from torch import nn

from polytag.train.ema import ModelAverage

DECAY = 0.9997
TARGET = 1.5  # times timm


class PlainAverage:
    """The average as it is usually typed: tensor by tensor, along the state dict."""

    def __init__(self, model: nn.Module) -> None:
        self.model = copy.deepcopy(model).eval()

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Moves towards the weights as they are now."""
        for mine, theirs in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.copy_(DECAY * mine + (1 - DECAY) * theirs)
            else:
                mine.copy_(theirs)


def main() -> None:
    """Read the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs="+", default=["mobilenetv3_large_100"], help="names of timm")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"{arguments.threads} threads, torch {torch.__version__}, timm {timm.__version__}"
    )
    for name in arguments.model:
        report(name, arguments.rounds)


def report(name: str, rounds: int) -> None:
    """Print one model, once it is sure that all contenders agree."""
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=20)
    ours, theirs, plain = ModelAverage(model, DECAY), ModelEmaV3(model, DECAY), PlainAverage(model)
    contenders: dict[str, Callable[[], None]] = {
        "polytag": ours.update,
        "timm ModelEmaV3": lambda: theirs.update(model),
        "plain loop": lambda: plain.update(model),
    }
    ours.updates = 100_000  # the others have no warm-up
    with torch.no_grad():
        for tensor in model.parameters():
            tensor.add_(0.01 * torch.randn_like(tensor))
    for update in contenders.values():
        update()
    for other in (theirs.module, plain.model):
        torch.testing.assert_close(dict(ours.model.state_dict()), dict(other.state_dict()))
    took = np.zeros((rounds + 5, len(contenders)), np.int64)  # five rounds to warm up
    for cell in np.ndindex(took.shape):
        run = list(contenders.values())[cell[1]]
        start = time.process_time_ns()
        run()
        took[cell] = time.process_time_ns() - start
    weights = sum(tensor.numel() for tensor in model.state_dict().values())
    print(f"{name}, {len(model.state_dict())} tensors, {weights / 1e6:.1f} million numbers")
    for number, contender in enumerate(contenders):
        milliseconds, ratio = np.median(took[5:, number]) / 1e6, np.median(took[5:, number] / took[5:, 0])
        print(f"  {contender:16} {milliseconds:7.3f} ms, polytag is {ratio:5.2f}x as fast")
    reached = np.median(took[5:, 1] / took[5:, 0]) >= TARGET
    print(f"  target of {TARGET} times timm: {'reached' if reached else 'missed'}")


if __name__ == "__main__":
    main()
