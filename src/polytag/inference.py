"""Logits of many photos."""

import time
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from polytag.data.loader import Loader, ToDevice
from polytag.errors import DivergedError
from polytag.metrics import Evaluation

Answer = tuple[NDArray[np.float32], NDArray[np.int8]]  # logits and targets, (batch, classes) each


def predict_logits(model: nn.Module, loader: Loader, device: torch.device, batch_size: int = 64) -> NDArray[np.float32]:
    """Run the model over all photos of a loader, in ``eval`` mode, in float32, without gradients.

    Returns:
        Logits ``(items, classes)``, in the order of the photos.
    """
    parts = [logits for logits, _ in _answers(model, loader, device, batch_size)]
    return np.concatenate(parts) if parts else np.empty((0, len(loader.data.classes)), np.float32)  # (items, classes)


def _answers(model: nn.Module, loader: Loader, device: torch.device, batch_size: int) -> Iterator[Answer]:
    """Logits and targets of each batch, ``(batch, classes)``."""
    was_training = model.training
    to_device = ToDevice(device, loader.preprocessing.mean, loader.preprocessing.std)
    model.eval()
    try:
        # Not inference_mode: what a model keeps from one batch to the next could then not be trained through.
        with torch.no_grad():
            for batch in loader.in_order(batch_size):
                yield model(to_device(batch).images).float().cpu().numpy(), batch.targets.numpy()
    finally:
        model.train(was_training)


def evaluate(model: nn.Module, loader: Loader, device: torch.device, batch_size: int = 64) -> Evaluation:
    """The same, compared with the labels of the loader's photos.

    Raises:
        DivergedError: if an answer is not a number.
    """
    evaluation = Evaluation(loader.data.classes)
    lost = 0
    for logits, targets in _answers(model, loader, device, batch_size):
        nan = np.isnan(logits).any(axis=1)
        lost += int(nan.sum())
        evaluation.update(logits[~nan], targets[~nan])
    if lost:
        photos = len(loader.data)
        raise DivergedError(f"the model answers {lost} of {photos} photos with NaN; lower the learning rate")
    return evaluation


class Judge:
    """Metrics of a model on the photos of a loader, and how long they took.

    Args:
        loader: of the validation photos.
        device: where the model is.
    """

    def __init__(self, loader: Loader, device: torch.device) -> None:
        self.loader, self.device, self.seconds = loader, device, 0.0

    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Every metric."""
        started = time.monotonic()
        metrics = evaluate(model, self.loader, self.device).compute()
        self.seconds += time.monotonic() - started
        return metrics

    def take_seconds(self) -> float:
        """The seconds since this was last asked."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds
