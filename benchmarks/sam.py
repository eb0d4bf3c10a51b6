"""What a step with SAM costs, counted in two plain passes: ``python benchmarks/sam.py``.

A pass is the forward and backward of a batch; a step with SAM needs two, and may cost 1.2 times as much. Beside it is
SAM as one writes it from its formula, parameter by parameter, and SAM whose climb sees a quarter of the photos, which
may cost 1.2 times as much as the passes that it needs, five eighths of two.
"""

import argparse
import datetime
import platform
import statistics
import time
from collections.abc import Callable

import timm
import torch
from torch import Tensor, nn

from polytag.train.sam import SAM

CLASSES, ROUNDS, TARGET, SHARE = 53, 9, 1.2, 0.25


def by_hand(model: nn.Module, base: torch.optim.Optimizer, closure: Callable[[], Tensor], rho: float = 0.05) -> None:
    """A step of SAM, one parameter after the other."""
    closure()
    weights = [p for p in model.parameters() if p.grad is not None]
    norm = torch.stack([p.grad.norm() for p in weights if p.grad is not None]).norm()
    kept = [p.detach().clone() for p in weights]
    with torch.no_grad():
        for p in weights:
            if p.grad is not None:
                p.add_(rho * p.grad / (norm + 1e-12))
    closure()
    with torch.no_grad():
        for p, before in zip(weights, kept, strict=True):
            p.copy_(before)
    base.step()


def main() -> None:
    """Time all in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="mobilenetv2_100")
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    args = parser.parse_args()
    torch.manual_seed(0)
    images = torch.rand(args.batch, 3, args.side, args.side).to(memory_format=torch.channels_last)
    targets = (torch.rand(args.batch, CLASSES) < 0.1).float()
    model: nn.Module = timm.create_model(args.backbone, num_classes=CLASSES).to(memory_format=torch.channels_last)
    base = torch.optim.SGD(model.parameters(), 1e-4, momentum=0.9)
    sam, quarter = SAM(base, model.buffers()), SAM(base, model.buffers(), ascent_share=SHARE)

    def closure(share: float = 1.0) -> Tensor:
        base.zero_grad()
        many = int(share * args.batch)
        loss = nn.functional.binary_cross_entropy_with_logits(model(images[:many]), targets[:many])
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    def two_passes() -> None:
        closure()
        closure()

    contenders: dict[str, Callable[[], object]] = {
        "two passes, no step": two_passes,
        "SAM by hand": lambda: by_hand(model, base, closure),
        "polytag's SAM": lambda: sam.step(closure),
        "with a quarter climb": lambda: quarter.step(closure),
    }
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS + 2):
        for name, call in contenders.items():
            start = time.perf_counter()
            call()
            seconds[name].append(time.perf_counter() - start)
    print(
        f"{datetime.date.today()}, {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}, "
        f"{args.backbone}, {args.side} px, batch {args.batch}"
    )
    medians = {name: statistics.median(values[2:]) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"  {name:20} {1000 * value:7.1f} ms  {value / medians['two passes, no step']:.3f} of two passes")
    for name, passes in (("polytag's SAM", 2.0), ("with a quarter climb", 1 + SHARE)):
        factor = medians[name] / (passes * medians["two passes, no step"] / 2)
        print(f"  {name}: {factor:.2f} of its passes, target {TARGET:g}: {'reached' if factor <= TARGET else 'missed'}")


if __name__ == "__main__":
    main()
