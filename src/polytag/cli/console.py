"""What a person sees while something runs. Narration goes to stderr, results to stdout."""

import io
import logging
import os
import sys
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from tqdm import tqdm

from polytag._text import printable
from polytag.cli.show import number
from polytag.data.readers.photos import watched
from polytag.data.ready import REPORT_EVERY, Note, Progress
from polytag.session import SCORE, Event
from polytag.train.loop import Epoch, Step

Done = TypeVar("Done")
MANY = 20_000  # photos, from which it takes long enough for a bar to see whether they are there
LINE_EVERY = 30.0  # seconds between two plain lines where there is no terminal


def say(text: str) -> None:
    """A sentence beside the results; below a bar if there is one. Work goes on where nobody listens any more."""
    try:
        tqdm.write(printable(text), file=sys.stderr)
    except BrokenPipeError:  # as in `polytag train ... 2>&1 | grep -m1 "epoch 1/"`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def write_data(text: str) -> None:
    """To stdout as UTF-8, whatever the terminal has letters for: a program may read it."""
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.encoding.lower() not in ("utf-8", "utf8"):
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode())
    else:
        sys.stdout.write(text)


def report_bad(errors: Iterable[str | None]) -> int:
    """Say why photos were skipped; the exit status, 1 where one was."""
    bad = [error for error in errors if error]
    for error in bad:
        say(f"polytag: {error}")
    return 1 if bad else 0


class Aloud(logging.Handler):
    """Says what is logged, as the other narration."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say one."""
        say(record.getMessage())


@contextmanager
def listening() -> Iterator[None]:
    """What polytag logs is said meanwhile."""
    log, handler = logging.getLogger("polytag"), Aloud()
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def watch(events: Iterable[Event], epochs: int) -> None:
    """Show a training: a bar with the time left on a terminal, plain lines elsewhere."""
    terminal = sys.stderr.isatty()
    bar: tqdm[Any] | None = None
    spoken, best = time.monotonic(), float("-inf")
    try:
        for event in events:
            if isinstance(event, Note):
                say(event.text)
                continue
            label = event.task if isinstance(event, Progress) else f"epoch {_number(event)}/{epochs}"
            done, total = _place(event, epochs)
            if terminal:
                bar = _moved(bar, label, done, total)
            elif not isinstance(event, Epoch) and time.monotonic() - spoken > LINE_EVERY:
                spoken = time.monotonic()
                say(f"{label}: {done} of {total}")
            if isinstance(event, Epoch):
                spoken = time.monotonic()
                score = max((values[SCORE] for values in event.metrics.values()), default=float("nan"))
                losses = ", ".join(f"{name} {value:.4f}" for name, value in event.losses.items())
                star = " *" if score > best else ""
                best = max(best, score)
                judged = f"  val {SCORE} {number(score)}{star}" if event.metrics else ""
                say(f"epoch {event.number:>{len(str(epochs))}}/{epochs}  loss {losses}{judged}")
    finally:
        if bar is not None:
            bar.close()


def watch_task(events: Generator[Progress, None, Done]) -> Done:
    """Show a task by a bar on a terminal; what it returns."""
    bar: tqdm[Any] | None = None
    try:
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                done: Done = end.value
                return done
            if sys.stderr.isatty():
                bar = _moved(bar, event.task, event.done, event.total)
                if event.done == event.total:
                    bar.close()
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def counting(task: str, total: int) -> Iterator[Callable[[int], object]]:
    """A bar on a terminal; calling what it yields with 1 moves it on by one."""
    bar: tqdm[Any] | None = None
    done = 0

    def progress(number: int) -> None:
        nonlocal bar, done
        done += number
        if sys.stderr.isatty() and (done == total or done % REPORT_EVERY == 0):
            bar = _moved(bar, task, done, total)

    try:
        yield progress
    finally:
        if bar is not None:
            bar.close()


@contextmanager
def looking_for_photos() -> Iterator[None]:
    """A bar on a terminal while a reader finds out whether many photos are all there."""
    bar: tqdm[Any] | None = None

    def progress(seen: int, total: int) -> None:
        nonlocal bar
        if total >= MANY and sys.stderr.isatty():
            bar = _moved(bar, "looking for photos", seen, total)

    try:
        with watched(progress):
            yield
    finally:
        if bar is not None:
            bar.close()


def _number(event: Step | Epoch) -> int:
    return event.epoch if isinstance(event, Step) else event.number


def _place(event: Progress | Step | Epoch, epochs: int) -> tuple[int, int]:
    if isinstance(event, Progress):
        return event.done, event.total
    if isinstance(event, Step):
        return event.step, event.total
    return event.state.step, event.state.step // event.number * epochs


def _moved(bar: "tqdm[Any] | None", label: str, done: int, total: int) -> "tqdm[Any]":
    """The bar at a new place; another total, or a place further back, is another task and gets another bar."""
    if bar is not None and (bar.total != total or done < bar.n):
        bar.close()
        bar = None
    if bar is None:
        layout = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}]"
        bar = tqdm(total=total, initial=done, bar_format=layout, leave=False, dynamic_ncols=True, file=sys.stderr)
    bar.set_description_str(label, refresh=False)
    bar.update(done - bar.n)
    bar.refresh()
    return bar
