"""VAEs of all classes at once beside a Python loop over classes: ``python benchmarks/vfa.py``.

Forward and backward of 80 encoders, auto-encoders and classifiers on a batch of 64 vectors of 2048 numbers. The base is
a module for each class, in a loop, as one writes it from the formulas, with the memory and the precision that torch has
by default. Measured in turns, first with freed memory given back, as is the default, then with it kept, as trainings of
polytag do: the first ratio is against the loop with the same memory, in turns, the second against the first loop
of all. The last lines of each kind of memory are the whole step, with AdamW.
"""

import argparse
import datetime
import platform
import statistics
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from polytag.layers.class_vaes import ClassVAEs, Decoupled, divergence
from polytag.train.memory import kept_memory

SIZE, LATENT, HIDDEN = 32, 8, 128


class OneClass(nn.Module):
    """What one class has."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, SIZE))
        self.encoder = nn.Sequential(nn.Linear(SIZE, SIZE), nn.ReLU(), nn.Linear(SIZE, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, SIZE), nn.ReLU(), nn.Linear(SIZE, SIZE))
        self.classifier = nn.Linear(LATENT, 1)

    def forward(self, vectors: Tensor, targets: Tensor) -> Tensor:
        """Its share of the losses."""
        features = self.features(vectors)
        mean, log_variance = self.encoder(features).chunk(2, dim=1)
        codes = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        apart = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum(dim=1).mean()
        rebuilt = (self.decoder(codes) - features).square().mean()
        loss: Tensor = apart + rebuilt + bce(self.classifier(codes).squeeze(1), targets)
        return loss


class Loop(nn.Module):
    """One class after the other."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.each = nn.ModuleList(OneClass(inputs) for _ in range(classes))

    def forward(self, vectors: Tensor, targets: Tensor) -> Tensor:
        """The mean over classes."""
        losses = [one(vectors, targets[:, number]) for number, one in enumerate(self.each)]
        return torch.stack(losses).mean()


class Batched(nn.Module):
    """All classes at once."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.vaes = ClassVAEs(inputs, classes, SIZE, LATENT, HIDDEN)

    def forward(self, vectors: Tensor, targets: Tensor) -> Tensor:
        """The mean over classes."""
        seen: Decoupled = self.vaes(vectors)
        rebuilt = (seen.decoded - seen.features).square().mean()
        return divergence(seen.mean, seen.log_variance).mean() + rebuilt + bce(seen.logits, targets)


def main() -> None:
    """Time all in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--inputs", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    args = parser.parse_args()
    print(
        f"{datetime.date.today()}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{args.classes} classes, {args.inputs} numbers, batch {args.batch}"
    )
    vectors = torch.randn(args.batch, args.inputs)
    targets = (torch.rand(args.batch, args.classes) < 0.1).float()
    modules: dict[str, nn.Module] = {
        "loop": Loop(args.inputs, args.classes),
        "batched": Batched(args.inputs, args.classes),
    }
    optimizers = {name: torch.optim.AdamW(module.parameters()) for name, module in modules.items()}

    def taken(name: str, precision: Literal["highest", "medium"], step: bool) -> float:
        start = time.perf_counter()
        torch.set_float32_matmul_precision(precision)
        modules[name](vectors, targets).backward()
        if step:
            optimizers[name].step()
        modules[name].zero_grad()
        torch.set_float32_matmul_precision("highest")
        return time.perf_counter() - start

    def timed(calls: dict[str, Callable[[], float]], base: float | None = None) -> dict[str, float]:
        seconds: dict[str, list[float]] = {what: [] for what in calls}
        for number in range(2 + args.rounds):
            for what, call in calls.items():
                value = call()
                if number >= 2:
                    seconds[what].append(value)
        medians = {what: statistics.median(values) for what, values in seconds.items()}
        beside = next(iter(medians.values()))
        for what, value in medians.items():
            print(f"  {what:38} {1000 * value:8.1f} ms  {beside / value:5.2f}x  {(base or beside) / value:5.2f}x")
        return medians

    base: float | None = None
    for kept in (False, True):
        print("freed memory kept, as polytag's trainings do" if kept else "memory as it is by default")
        with kept_memory() if kept else nullcontext():
            medians = timed(
                {
                    "loop": lambda: taken("loop", "highest", False),
                    "batched": lambda: taken("batched", "highest", False),
                    'loop, "medium"': lambda: taken("loop", "medium", False),
                    'batched, "medium"': lambda: taken("batched", "medium", False),
                },
                base,
            )
            base = base or medians["loop"]
            timed(
                {
                    "loop, and a step of AdamW": lambda: taken("loop", "highest", True),
                    "batched, and a step of AdamW": lambda: taken("batched", "highest", True),
                }
            )


if __name__ == "__main__":
    main()
