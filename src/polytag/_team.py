"""The processes of one training: what the first one decides and what all of them agree on."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object
from torch import nn

from polytag.errors import BusyElsewhereError, BusyError, ElsewhereError, PolytagError, ProcessError

Made = TypeVar("Made")
Event = TypeVar("Event")


class Team:
    """Every method is called by all processes at the same place; with one process none of them communicates.

    Args:
        rank: number of this process.
        size: how many there are.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @classmethod
    def of(cls, accelerator: Accelerator) -> "Team":
        """The processes that an accelerator knows of."""
        return cls(accelerator.process_index, accelerator.num_processes)

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def from_first(self, make: Callable[[], Made]) -> Made:
        """What the first process makes, in all of them.

        Raises:
            PolytagError: in all of them, if it was refused there.
        """
        if self.size == 1:
            return make()
        answer: list[Any] = [None, None]
        if self.first:
            try:
                answer[0] = make()
            except PolytagError as error:
                answer[1] = error
        broadcast_object_list(answer)
        if answer[1] is not None:
            kind = BusyElsewhereError if isinstance(answer[1], BusyError) else ElsewhereError
            raise answer[1] if self.first else kind(str(answer[1]))
        made: Made = answer[0]
        return made

    def together(self, events: Generator[Event, None, Made]) -> Generator[Event, None, Made]:
        """Let every process do its part; where one of them refuses, all stop with its sentence."""
        if self.size == 1:
            return (yield from events)
        made, own = None, None
        try:
            made = yield from events
        except PolytagError as error:
            own = error
        errors = gather_object([own])
        number = next((number for number, error in enumerate(errors) if error is not None), None)
        if number is None:
            return made  # type: ignore[return-value]  # there is one where there is no error
        if not self.first:
            raise ElsewhereError(str(errors[number]))
        raise own or ProcessError(f"process {number} of {self.size}: {errors[number]}")

    def gathered(self, part: Made) -> list[Made]:
        """The part of every process, in their order."""
        parts: list[Made] = [part] if self.size == 1 else gather_object([part])
        return parts

    @torch.no_grad()
    def share_buffers(self, *modules: nn.Module) -> None:
        """Buffers of the first process to all: batch norm counts its statistics in every process for itself."""
        if self.size > 1:
            for module in modules:
                for buffer in module.buffers():
                    torch.distributed.broadcast(buffer, src=0)


ALONE = Team()


def leave_team() -> None:
    """Take leave of the other processes, where there are any."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def lost_process(error: RuntimeError) -> bool:
    """Whether an error of the communication says that another process is gone or does not answer."""
    texts = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "communicator was aborted")
    return any(text in str(error) for text in (*texts, "remote process exited", "Timed out", "timed out"))
