"""Tasks that other processes can import."""

import os
import signal
import sys
import time
from pathlib import Path

from polytag._interrupt import Interrupts
from polytag.errors import OptionError


def square(number):
    return number**2


def slow_first(number):
    """The first of them ends last."""
    time.sleep(0.3 if number == 0 else 0)
    return number


def surroundings(_):
    """The process, and what it was told about threads and GPUs."""
    return os.getpid(), *map(os.environ.get, ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES"))


def threads_of_torch(_):
    """The process, and the threads of torch there, of which this leaves another number."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    return os.getpid(), threads


def trained(seed):
    """The weights of a tiny network after a few steps in one thread."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    random = torch.Generator().manual_seed(seed)
    images, targets = torch.rand(64, 30, generator=random), torch.rand(64, 5, generator=random)
    first, second = (torch.randn(a, b, generator=random).requires_grad_() for a, b in ((30, 40), (40, 5)))
    optimizer = torch.optim.SGD([first, second], lr=0.1, momentum=0.9)
    for _ in range(20):
        optimizer.zero_grad()
        (((images @ first).relu() @ second).sigmoid() - targets).square().mean().backward()
        optimizer.step()
    torch.set_num_threads(threads)
    return first.detach(), second.detach()


class Picky(Exception):  # noqa: N818
    """Cannot be made again from its message alone."""

    def __init__(self, what, why):
        super().__init__(f"{what} is {why}\nand more of it")


class Trap:
    """A result that goes out and does not come back."""

    def __reduce__(self):
        return int, ("no number",)


def _fails():
    """Tells the tasks beside this one."""
    if folder := os.environ.get("TASKS_MEET_IN"):
        (Path(folder) / "failed").touch()


def _after_the_first_failure(seconds):
    """Waits for it, however slowly its process starts, and then for the parent to hear of it."""
    failed, deadline = Path(os.environ["TASKS_MEET_IN"]) / "failed", time.monotonic() + 60
    while not failed.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(seconds)


def fate(word):
    """Ends as the word says."""
    match word:
        case "fine":
            return word
        case "late":
            _after_the_first_failure(0.6)
            return word
        case "refused":
            _fails()
            raise OptionError("the rate must be positive, got 0")
        case "later than late":
            _after_the_first_failure(0.3)
            raise OptionError("too late")
        case "broken":
            _fails()
            raise ZeroDivisionError("nothing there")
        case "picky":
            raise Picky("tea", "cold")
        case "left":
            sys.exit(3)
        case "gone":
            os._exit(3)
        case "lambda":
            return lambda: None
        case "trap":
            return Trap()
    os.kill(os.getpid(), getattr(signal, word))
    time.sleep(60)
    return None


def noted(note: Path):
    """Leaves a note that it was done."""
    note.touch()
    if note.name == "bad":
        raise OptionError("no")


def saving(folder: Path):
    """Runs until it is asked to stop, then takes its time to save, during which another signal would end it."""
    with Interrupts() as interrupts:
        os.write(sys.stdout.fileno(), b"started\n")  # in one piece, whoever else writes
        deadline = time.monotonic() + 60
        while not interrupts.seen() and time.monotonic() < deadline:
            time.sleep(0.02)
    time.sleep(0.5)
    (folder / f"saved-{os.getpid()}").touch()
    raise KeyboardInterrupt


def deaf(_):
    """Ignores whoever asks it to stop."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.write(sys.stdout.fileno(), b"started\n")  # in one piece, whoever else writes
    time.sleep(60)
