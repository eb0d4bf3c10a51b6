"""Several things timed in turns, so that what else the machine does falls on all of them alike."""

import argparse
import datetime
import platform
import statistics
import time
from collections.abc import Callable, Mapping

import torch

from polytag.data.loader import Batch
from polytag.train.memory import kept_memory


def in_turns(calls: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 2) -> dict[str, list[float]]:
    """Seconds of each call, one a round; freed memory is kept meanwhile, as it is in a training.

    Args:
        calls: what to time.
        rounds: how often.
        warm_up: calls in each turn that are not timed: after another thing has run, memory has to be found again.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    with kept_memory():
        for _ in range(rounds):
            for name, call in calls.items():
                for _ in range(warm_up):
                    call()
                _finished()
                start = time.perf_counter()
                call()
                _finished()
                seconds[name].append(time.perf_counter() - start)
    return seconds


def ratio(took: list[float], base: list[float]) -> float:
    """The median of the ratios of each round."""
    return statistics.median(a / b for a, b in zip(took, base, strict=True))


def network_parser(text: str | None) -> argparse.ArgumentParser:
    """The options of a benchmark of whole networks."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="mobilenetv2_100")
    parser.add_argument("--size", type=int, default=192, help="pixels a side (default: 192)")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--labels", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    return parser


def about(args: argparse.Namespace, device: torch.device) -> str:
    """The day, the machine and the network."""
    return (
        f"{datetime.date.today()}, {platform.machine()}, {device.type}, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}, {args.backbone}, {args.size} px, batch {args.batch}"
    )


def photos(args: argparse.Namespace, device: torch.device) -> Batch:
    """A batch of noise, with a tenth of the labels present."""
    images = torch.randn(args.batch, 3, args.size, args.size, device=device)
    targets = (torch.rand(args.batch, args.labels, device=device) < 0.1).float()
    return Batch(images.to(memory_format=torch.channels_last), targets, torch.arange(args.batch, device=device))


def _finished() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
