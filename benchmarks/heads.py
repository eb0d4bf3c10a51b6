"""What every head costs as labels grow: ``python benchmarks/heads.py``.

Forward and backward on a map of 16 x 1280 x 7 x 7, in turns, counted in linear heads of as many labels; and the memory
that a step takes on top of the weights. A head that does not scale shows here; from which number on another one is
cheaper shows ``python benchmarks/heads.py --labels 300 600 1000 --heads ml_decoder decouple``.
"""

import argparse
import datetime
import platform
import statistics
import time
import weakref

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from polytag.heads import HEADS

BATCH, CHANNELS, SIDE, ROUNDS = 16, 1280, 7, 3


class Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The most bytes that the tensors which a step makes have at one time."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes, self.now = 0, 0

    def gone(self, size: int) -> None:
        """A storage was freed."""
        self.now -= size

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        """Run it, and count what is new."""
        out = func(*args, **(kwargs or {}))
        known = {leaf.untyped_storage().data_ptr() for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor) and leaf.untyped_storage().data_ptr() not in known:
                storage = leaf.untyped_storage()
                known.add(storage.data_ptr())
                self.now += storage.nbytes()
                weakref.finalize(storage, self.gone, storage.nbytes())
        self.bytes = max(self.bytes, self.now)
        return out


def step(head: nn.Module, features: Tensor) -> None:
    """Forward and backward."""
    head(features).sum().backward()
    head.zero_grad(set_to_none=False)


def main() -> None:
    """Print a line for each head."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, nargs="+", default=[20, 1000], metavar="N", help="(default: 20 1000)")
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=list(HEADS), metavar="NAME", help="(default: all)")
    args = parser.parse_args()
    names = ["linear", *(name for name in args.heads if name != "linear")]
    print(
        f"{datetime.date.today()}, {platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads"
    )
    features = torch.randn(BATCH, CHANNELS, SIDE, SIDE).to(memory_format=torch.channels_last)
    print(f"{'':<14}" + "".join(f"{f'{labels} labels':>34}" for labels in args.labels))
    print(f"{'head':<14}" + f"{'parameters':>14}{'time':>8}{'MB a step':>12}" * len(args.labels))
    taken: dict[tuple[str, int], list[float]] = {}
    heads = {(name, labels): HEADS[name](CHANNELS, labels).train() for labels in args.labels for name in names}
    for number in range(1 + ROUNDS):
        for key, head in heads.items():
            start = time.perf_counter()
            step(head, features)
            if number:
                taken.setdefault(key, []).append(time.perf_counter() - start)
    for name in names:
        cells = []
        for labels in args.labels:
            head = heads[name, labels]
            with Largest() as memory:
                step(head, features)
            ratio = statistics.median(taken[name, labels]) / statistics.median(taken["linear", labels])
            parameters = sum(weights.numel() for weights in head.parameters()) / 1e6
            cells.append(f"{f'{parameters:.1f} M':>14}{f'{ratio:.0f}x':>8}{memory.bytes / 1e6:>12.0f}")
        print(f"{name:<14}" + "".join(cells))


if __name__ == "__main__":
    main()
