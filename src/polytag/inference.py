"""Logits of many photos."""

import time
from collections.abc import Callable

import numpy as np
import torch
from accelerate.utils.memory import should_reduce_batch_size
from numpy.typing import NDArray
from torch import nn

from polytag._interrupt import InterruptedWorkError
from polytag._team import ALONE, Team
from polytag.data.loader import Loader, ToDevice
from polytag.errors import DivergedError
from polytag.metrics import Evaluation

Answer = tuple[NDArray[np.float32], NDArray[np.int8]]  # logits and targets, (batch, classes) each
BATCH = 64  # photos


def predict_logits(
    model: nn.Module, loader: Loader, device: torch.device, batch_size: int = BATCH
) -> NDArray[np.float32]:
    """Run the model over all photos of a loader, in ``eval`` mode, in float32, without gradients.

    Returns:
        Logits ``(items, classes)``, in the order of the photos.
    """
    return _answers(model, loader, device, batch_size, np.arange(len(loader.data)))[0]


def _answers(
    model: nn.Module,
    loader: Loader,
    device: torch.device,
    batch_size: int,
    rows: NDArray[np.int64],
    between: Callable[[], object] = lambda: None,
) -> Answer:
    """Logits and targets of these rows, ``(rows, classes)``; in smaller batches where memory runs out."""
    while True:
        try:
            return _answers_at(model, loader, device, batch_size, rows, between)
        except RuntimeError as error:
            if batch_size == 1 or not should_reduce_batch_size(error):
                raise
        batch_size //= 2


def _answers_at(
    model: nn.Module,
    loader: Loader,
    device: torch.device,
    batch_size: int,
    rows: NDArray[np.int64],
    between: Callable[[], object],
) -> Answer:
    was_training = model.training
    to_device = ToDevice(device, loader.preprocessing.mean, loader.preprocessing.std)
    logits, targets = [], []
    model.eval()
    try:
        # Not inference_mode: what a model keeps from one batch to the next could then not be trained through.
        with torch.no_grad():
            for batch in loader.in_order(batch_size, rows):
                logits.append(model(to_device(batch).images).float().cpu().numpy())
                targets.append(batch.targets.numpy())
                between()
    finally:
        model.train(was_training)
    if not logits:
        return np.empty((0, len(loader.data.classes)), np.float32), np.empty((0, len(loader.data.classes)), np.int8)
    return np.concatenate(logits), np.concatenate(targets)  # (rows, classes) each


def evaluate(
    model: nn.Module,
    loader: Loader,
    device: torch.device,
    team: Team = ALONE,
    batch_size: int = BATCH,
    between: Callable[[], object] = lambda: None,
) -> Evaluation:
    """The same, compared with the labels of the loader's photos; each process sees its share of them, each photo once.

    Args:
        model: what answers.
        loader: of the photos.
        device: where the model is.
        team: the processes that share the photos.
        batch_size: photos at a time.
        between: called after each batch.

    Raises:
        DivergedError: if an answer is not a number.
    """
    own = np.arange(team.rank, len(loader.data), team.size)
    shares = team.gathered((own, *_answers(model, loader, device, batch_size, own, between)))
    order = np.argsort(np.concatenate([rows for rows, _, _ in shares]))
    logits, targets = (np.concatenate([share[n] for share in shares])[order] for n in (1, 2))  # (photos, classes)
    if lost := int(np.isnan(logits).any(axis=1).sum()):
        photos = len(loader.data)
        raise DivergedError(f"the model answers {lost} of {photos} photos with NaN; lower the learning rate")
    evaluation = Evaluation(loader.data.classes)
    evaluation.update(logits, targets)
    return evaluation


class Judge:
    """Metrics of a model on the photos of a loader, and how long they took.

    Args:
        loader: of the validation photos.
        device: where the model is.
        team: the processes that share them.

    Attributes:
        interrupted: asked after each batch where there is one process; several have to agree, and do so in training.
    """

    interrupted: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(self, loader: Loader, device: torch.device, team: Team = ALONE) -> None:
        self.loader, self.device, self.team, self.seconds = loader, device, team, 0.0

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Every metric.

        Raises:
            InterruptedWorkError: if a signal has come.
        """
        started = time.monotonic()
        try:
            return evaluate(model, self.loader, self.device, self.team, between=self._between).compute()
        finally:
            self.seconds += time.monotonic() - started

    def _between(self) -> None:
        if self.team.size == 1 and self.interrupted():
            raise InterruptedWorkError

    def take_seconds(self) -> float:
        """The seconds since this was last asked."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds
