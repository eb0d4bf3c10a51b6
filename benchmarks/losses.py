"""Speed of ASL and of masked BCE, forward and backward, beside plain PyTorch: ``python benchmarks/losses.py``.

Every round runs each contender once, so that a noisy neighbour slows all of them; ratios are medians over rounds. Time
is that of the processor, which waiting for a neighbour does not add to.
"""

import argparse
import datetime
import os
import platform
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from polytag.losses import ASL, BCE

Contender = Callable[[Tensor, Tensor], Tensor]


class EagerASL(nn.Module):
    """ASL as its formula is usually typed; knows no unknown labels."""

    def __init__(self, detach_weights: bool, gamma_neg: float = 4, gamma_pos: float = 0, clip: float = 0.05) -> None:
        super().__init__()
        self.detach_weights, self.gamma_neg, self.gamma_pos, self.clip = detach_weights, gamma_neg, gamma_pos, clip

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Loss of a batch."""
        p = torch.sigmoid(logits)
        q = (1 - p + self.clip).clamp(max=1)
        cost = targets * torch.log(p.clamp(min=1e-8)) + (1 - targets) * torch.log(q.clamp(min=1e-8))
        with torch.set_grad_enabled(not self.detach_weights):
            right = p * targets + q * (1 - targets)
            weight = torch.pow(1 - right, self.gamma_pos * targets + self.gamma_neg * (1 - targets))
        return -(cost * weight).sum() / len(logits)


def plain_bce(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy that knows no unknown labels."""
    return binary_cross_entropy_with_logits(logits, targets, reduction="sum") / len(logits)


def rounds(losses: Sequence[Contender], logits: Tensor, targets: Tensor, count: int) -> NDArray[np.int64]:
    """Nanoseconds of each loss in each round, ``(count, losses)``, after three rounds to warm up."""
    took = np.zeros((count + 3, len(losses)), np.int64)
    for cell in np.ndindex(took.shape):
        logits.grad = None
        start = time.process_time_ns()
        losses[cell[1]](logits, targets).backward()  # type: ignore[no-untyped-call]
        took[cell] = time.process_time_ns() - start
    return took[3:]


def report(size: str, count: int) -> None:
    """Print one size."""
    images, classes = map(int, size.split("x"))
    seed = torch.Generator().manual_seed(0)
    logits = (2 * torch.randn(images, classes, generator=seed) - 2).requires_grad_()
    targets = (torch.rand(images, classes, generator=seed) < 3 / classes).float()  # about three labels an image
    pairs: dict[str, tuple[Contender, Contender]] = {
        "ASL": (EagerASL(detach_weights=True), ASL()),
        "ASL, weights differentiated": (EagerASL(detach_weights=False), ASL(detach_weights=False)),
        "BCE": (plain_bce, BCE()),
    }
    took = rounds([loss for pair in pairs.values() for loss in pair], logits, targets, count)  # (rounds, contenders)
    print(size)
    for number, name in enumerate(pairs):
        eager, ours, bce = took[:, 2 * number], took[:, 2 * number + 1], took[:, -2]
        print(
            f"  {name:28} {np.median(ours) / 1e6:8.3f} ms, {np.median(eager / ours):5.2f}x eager, "
            f"{np.median(ours / bce):5.2f} plain BCEs"
        )


def main() -> None:
    """Read the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", nargs="+", default=["128x80", "128x9605"], help="images x classes")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"{arguments.threads} threads, torch {torch.__version__}"
    )
    for size in arguments.size:
        report(size, arguments.rounds)


if __name__ == "__main__":
    main()
