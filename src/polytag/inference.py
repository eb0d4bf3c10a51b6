"""Logits of many photos."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from polytag.data.loader import Loader, ToDevice
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
    """The same, compared with the labels of the loader's photos."""
    evaluation = Evaluation(loader.data.classes)
    evaluation.update(predict_logits(model, loader, device, batch_size), loader.data.labels.dense())
    return evaluation
