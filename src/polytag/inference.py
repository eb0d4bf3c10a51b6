"""Logits of many photos."""

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from polytag.data.loader import Loader, ToDevice
from polytag.errors import DivergedError
from polytag.metrics import Evaluation


def predict_logits(model: nn.Module, loader: Loader, device: torch.device, batch_size: int = 64) -> NDArray[np.float32]:
    """Run the model over all photos of a loader, in ``eval`` mode, in float32, without gradients.

    Returns:
        Logits ``(items, classes)``, in the order of the photos.
    """
    if not len(loader.data):
        return np.empty((0, len(loader.data.classes)), np.float32)
    was_training = model.training
    to_device = ToDevice(device, loader.preprocessing.mean, loader.preprocessing.std)
    model.eval()
    try:
        # Not inference_mode: what a model keeps from one batch to the next could then not be trained through.
        with torch.no_grad():
            parts = [model(to_device(batch).images).float().cpu().numpy() for batch in loader.in_order(batch_size)]
    finally:
        model.train(was_training)
    return np.concatenate(parts)  # (items, classes)


def evaluate(model: nn.Module, loader: Loader, device: torch.device, batch_size: int = 64) -> Evaluation:
    """The same, compared with the labels of the loader's photos.

    Raises:
        DivergedError: if an answer is not a number.
    """
    evaluation = Evaluation(loader.data.classes)
    logits = predict_logits(model, loader, device, batch_size)
    if lost := int(np.isnan(logits).any(axis=1).sum()):
        raise DivergedError(f"the model answers {lost} of {len(logits)} photos with NaN; lower the learning rate")
    evaluation.update(logits, loader.data.labels.dense())
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
