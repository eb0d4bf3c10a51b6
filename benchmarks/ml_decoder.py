"""ML-Decoder beside the same layer of torch: ``python benchmarks/ml_decoder.py``.

Forward and backward of the head on a map of 16 x 2048 x 14 x 14, against torch's own decoder layer with the
self-attention left out, as public code has it, and a product for each group; at 80 classes and at 1,000 queries. The
forward pass in bf16 as well.
"""

import datetime
import math
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from polytag.heads.ml_decoder import MLDecoder

BATCH, CHANNELS, SIDE, WIDTH, HIDDEN, ROUNDS = 16, 2048, 14, 768, 2048, 5


class Plain(nn.Module):
    """As one writes it with torch's modules, queries and cells first as torch's attention likes it by default."""

    def __init__(self, classes: int, groups: int) -> None:
        super().__init__()
        self.embed = nn.Linear(CHANNELS, WIDTH)
        self.queries = nn.Embedding(groups, WIDTH)
        self.queries.requires_grad_(False)
        self.attention = nn.MultiheadAttention(WIDTH, 8, dropout=0.1)
        self.widen, self.narrow = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.dropout = nn.Dropout(0.1)
        self.classes = classes
        self.weight = nn.Parameter(torch.randn(groups, WIDTH, math.ceil(classes / groups)) / 30)
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, features: Tensor) -> Tensor:
        """Logits."""
        tokens = torch.relu(self.embed(features.flatten(2).transpose(1, 2))).transpose(0, 1)
        target = self.queries.weight.unsqueeze(1).expand(-1, len(features), -1)
        target = self.norms[0](target + self.dropout(target))
        target = self.norms[1](target + self.dropout(self.attention(target, tokens, tokens)[0]))
        target = self.norms[2](
            target + self.dropout(self.narrow(self.dropout(torch.relu(self.widen(target)))))
        ).transpose(0, 1)
        logits = torch.zeros(len(features), *self.weight.shape[::2])
        for group in range(len(self.weight)):
            logits[:, group] = target[:, group] @ self.weight[group]
        return logits.flatten(1)[:, : self.classes] + self.bias


def trained(head: nn.Module, features: Tensor) -> None:
    """Forward and backward."""
    head(features).sum().backward()
    head.zero_grad()


def asked(head: nn.Module, features: Tensor, bf16: bool = False) -> None:
    """Forward alone."""
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        head.eval()(features)
    head.train()


def seconds(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Medians, in turns."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(1 + ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if number:
                taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    """Time all and print."""
    print(
        f"{datetime.date.today()}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    features = torch.randn(BATCH, CHANNELS, SIDE, SIDE)
    for classes, groups in ((80, 80), (1000, 1000)):
        heads = {"torch's layers": Plain(classes, groups), "polytag": MLDecoder(CHANNELS, classes, groups=groups)}

        base, ours = heads.values()
        both = seconds({name: partial(trained, head, features) for name, head in heads.items()})
        forward = seconds(
            {
                "torch's layers": partial(asked, base, features),
                "polytag": partial(asked, ours, features),
                "polytag, bf16": partial(asked, ours, features, bf16=True),
            }
        )
        print(f"{classes} classes, {groups} queries")
        for what, medians in (("forward and backward", both), ("forward", forward)):
            for name, value in medians.items():
                ratio = medians["torch's layers"] / value
                print(f"  {what:21} {name:16} {1000 * value:8.1f} ms  {ratio:.2f}x")


if __name__ == "__main__":
    main()
