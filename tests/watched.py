"""A method and an accelerator that note what the training loop does with them, and the plain training of both."""

import math
import threading
from contextlib import contextmanager

import torch
from accelerate import Accelerator
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from toys import PREPROCESSING, Small, tiny_set

from polytag.data.augment.flip import Flip
from polytag.data.loader import Loader
from polytag.method import Context, Method
from polytag.train.loop import train
from polytag.train.optimizers import sgd
from polytag.train.schedules import Constant


class Watched(Method):
    """One branch, one loss, and a note of what the loop did."""

    def __init__(self, model=None, broken_at=None):
        super().__init__()
        torch.manual_seed(0)
        self.model, self.broken_at, self.calls, self.prepared = model or Small(), broken_at, [], []

    def prepare(self, train_set, context):
        self.prepared.append((len(train_set), context.seed, context.accelerator))

    def losses(self, batch):
        self.calls.append((self.training, self.model.training, torch.is_grad_enabled(), len(batch.rows)))
        extra = math.nan if len(self.calls) == self.broken_at else 0.0
        return {"classify": bce(self.model(batch.images), batch.targets), "extra": batch.images.new_tensor(extra)}


class OneOfTwo:
    """An accelerator as the second of two processes sees it, without the first."""

    device, num_processes, process_index = torch.device("cpu"), 2, 1
    mixed_precision, gradient_accumulation_steps = "no", 1

    def __init__(self):
        self.apart, self.passes = False, []

    def prepare_model(self, model):
        return model

    def reduce(self, tensor, how):
        assert how == "mean"
        return tensor

    @contextmanager
    def no_sync(self, model):
        self.apart = True
        yield
        self.apart = False

    def backward(self, loss):
        self.passes.append("apart" if self.apart else "together")
        loss.backward()


def run(
    method=None, data=None, *, epochs=2, batch_size=16, lr=0.1, workers=0, optimizer=None, accelerator=None, **options
):
    """A plain training, told step by step; 64 photos make four steps an epoch."""
    data = data or tiny_set()
    context = Context(accelerator or Accelerator(cpu=True), 5)
    settings = {"schedule": Constant(), "context": context, "report_every": 0.0}
    return train(
        method or Watched(),
        Loader(data, PREPROCESSING, Flip(), workers),
        epochs=epochs,
        batch_size=batch_size,
        optimizer=optimizer or (lambda trained: sgd(trained, lr, 0.0)),
        **settings | options,
    )


def weights_of(method):
    return torch.cat([p.detach().flatten() for p in method.parameters()])


def loader_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("polytag-loader")]
