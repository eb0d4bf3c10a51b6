"""What keeping freed memory gives to a training step on the CPU: ``python benchmarks/memory.py``.

The same step of a real network, in turns with and without it.
"""

import argparse
import datetime
import platform
import statistics
import time
from contextlib import AbstractContextManager, nullcontext

import timm
import torch
from torch import nn

from polytag.train.memory import kept_memory

CLASSES, ROUNDS, STEPS = 53, 5, 4


def main() -> None:
    """Time both in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="mobilenetv2_100")
    parser.add_argument("--side", type=int, default=192)
    parser.add_argument("--batch", type=int, default=32)
    args = parser.parse_args()
    images = torch.rand(args.batch, 3, args.side, args.side).to(memory_format=torch.channels_last)
    targets = (torch.rand(args.batch, CLASSES) < 0.1).float()
    model: nn.Module = timm.create_model(args.backbone, num_classes=CLASSES).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
    contexts: dict[str, AbstractContextManager[None]] = {}
    seconds: dict[str, list[float]] = {"given back": [], "kept": []}
    for _ in range(ROUNDS):
        contexts = {"given back": nullcontext(), "kept": kept_memory()}
        for name, context in contexts.items():
            with context:
                for step in range(1 + STEPS):
                    start = time.perf_counter()
                    loss = nn.functional.binary_cross_entropy_with_logits(model(images), targets)
                    optimizer.zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    optimizer.step()
                    if step:  # the first one brings the memory
                        seconds[name].append(time.perf_counter() - start)
    print(
        f"{datetime.date.today()}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{args.backbone}, {args.side} px, batch {args.batch}"
    )
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"  {name:12} {args.batch / value:6.1f} img/s  {medians['given back'] / value:.2f}x")


if __name__ == "__main__":
    main()
