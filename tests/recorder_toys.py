"""A recorder, and epochs whose weights are set by hand."""

import torch
from safetensors.torch import load_file
from torch import nn

from polytag.method import Method
from polytag.recorder import Recorder
from polytag.train.loop import Epoch
from polytag.train.schedules import Constant
from polytag.train.state import TrainState


class Still(Method):
    """A method whose weights are set by hand."""

    def __init__(self, value):
        super().__init__()
        self.model = nn.Linear(1, 1)
        with torch.no_grad():
            self.model.weight[:] = value

    def losses(self, *batches):
        return {}


def epoch(number, raw, average=None, value=None):
    method = Still(number if value is None else value)
    state = TrainState(method, torch.optim.SGD(method.parameters(), 0.1), Constant(), None, number, 10 * number)
    metrics = {"raw": {"mAP": raw, "CF1": 0.5, "lrap": 0.25}}
    models = {"raw": method.model}
    if average is not None:
        metrics["average"], models["average"] = {"mAP": average}, Still(100 + number).model
    return Epoch(number, {"classify": 1 / number}, metrics, models, 0.1, state)


def recorder(folder, config=None):
    return Recorder(folder, config or {"training": {}, "data": {}}, "mAP")


def kept(folder):
    return load_file(folder / "model.safetensors")["weight"].item()
