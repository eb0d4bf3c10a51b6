"""Trainings side by side beside the same ones in sequence: ``python benchmarks/parallel.py``.

Four trainings of a real network in sequence with all threads, in sequence with one thread, and two at once in processes
with half of the threads each; their start, for which each imports torch, is included.
"""

import argparse
import datetime
import os
import platform
import time

import timm
import torch
from torch import nn

from polytag.parallel import Backend, run_all

TASKS, PROCESSES = 4, 2
BACKBONE, SIDE, BATCH = "mobilenetv2_100", 128, 32
TARGET = 1.0  # times in sequence with all threads


def train(task: tuple[int, int]) -> float:
    """A network on random photos; the loss of its last step, which tells the bits apart."""
    seed, steps = task
    torch.manual_seed(seed)
    model: nn.Module = timm.create_model(BACKBONE, num_classes=20).to(memory_format=torch.channels_last)
    photos, targets = torch.rand(8 * BATCH, 3, SIDE, SIDE), (torch.rand(8 * BATCH, 20) < 0.2).float()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss = torch.zeros(())
    for step in range(steps):
        rows = torch.arange(BATCH * step, BATCH * (step + 1)) % len(photos)
        loss = nn.functional.binary_cross_entropy_with_logits(model(photos[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return loss.item()


def main() -> None:
    """Read the command line and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=80, help="of each training")
    steps = parser.parse_args().steps
    threads = torch.get_num_threads()
    print(
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"{threads} threads, torch {torch.__version__}, {TASKS} trainings of {steps} steps, "
        f"{BACKBONE}, {SIDE} px, batch {BATCH}"
    )
    contenders: dict[str, tuple[Backend, int]] = {
        f"in sequence, {threads} threads": ("sequence", threads),
        "in sequence, 1 thread": ("sequence", 1),
        f"{PROCESSES} processes": ("processes", threads),
    }
    seconds, losses = [], []
    for name, (backend, own_threads) in contenders.items():
        torch.set_num_threads(own_threads)
        start = time.perf_counter()
        tasks = {f"training {seed}": (seed, steps) for seed in range(TASKS)}
        losses.append(run_all(train, tasks, backend=backend, processes=PROCESSES))
        seconds.append(time.perf_counter() - start)
        print(f"  {name:24} {seconds[-1]:6.1f} s", flush=True)
    same = "the same" if losses[1] == losses[2] else "other"
    print(f"  processes give {same} bits as 1 thread in sequence")
    for name, taken in zip(contenders, seconds[:2], strict=False):
        print(f"  processes are {taken / seconds[2]:.2f}x as fast as {name}")
    reached = seconds[0] / seconds[2] >= TARGET
    print(f"  target of {TARGET:g} times in sequence with all threads: {'reached' if reached else 'missed'}")


if __name__ == "__main__":
    main()
