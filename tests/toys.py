"""Small stand-ins for what papers bring, and a training of them that can be killed: shared by several tests."""

import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from polytag._random import generator
from polytag.build import build_model
from polytag.data.augment.flip import Flip
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.loader import Loader
from polytag.data.preprocessing import Preprocessing
from polytag.labels import Labels
from polytag.losses import BCE
from polytag.method import Context, Method
from polytag.methods.vfa import VFA
from polytag.samplers.base import Sampler
from polytag.samplers.uniform import Uniform
from polytag.train.loop import Step, train
from polytag.train.optimizers import sgd
from polytag.train.sam import SAMS
from polytag.train.schedules import OneCycle
from polytag.train.state import load_tree, save_tree

CLASSES, SIDE = 4, 8
PREPROCESSING = Preprocessing((SIDE, SIDE), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear")


def tiny_set(items=64):
    """Class ``c`` is present where colour plane ``c % 3`` of quadrant ``c`` is bright."""
    random = generator(0)
    targets = (random.random((items, CLASSES)) < 0.4).astype(np.int8)
    images = random.integers(60, 120, (items, SIDE, SIDE, 3))
    for c in range(CLASSES):
        top, left = 4 * (c // 2), 4 * (c % 2)
        images[:, top : top + 4, left : left + 4, c % 3] += 110 * targets[:, c, None, None]
    return LabelledSet(ImageArrays(images.astype(np.uint8)), Labels.from_dense(targets, list("abcd")))


class Small(nn.Module):
    """A trunk and one or two branches; their mean is the answer. No batch norm: its statistics depend on the split."""

    def __init__(self, branches=1, dropout=0.0):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten())
        self.branches = nn.ModuleList(
            nn.Sequential(nn.Dropout(dropout), nn.Linear(8 * 16, CLASSES)) for _ in range(branches)
        )

    def both(self, images):
        shared = self.trunk(images)
        return [branch(shared) for branch in self.branches]

    def forward(self, images):
        return torch.stack(self.both(images)).mean(dim=0)


class Rare(Sampler):
    """Rows with the rarest class come twice as often; its pass is longer than the first sampler's."""

    def __init__(self, labels):
        present = labels.dense() == 1
        self.weights = 1.0 + present[:, present.sum(axis=0).argmin()]

    def __len__(self):
        return 90

    def draw(self, seed, number):
        return generator(seed, 1, number).choice(len(self.weights), len(self), p=self.weights / self.weights.sum())


class TwoSamplings(Method):
    """Two branches, each with a batch of its own, that should agree."""

    def __init__(self, model, die_at=None):
        super().__init__()
        self.model, self.die_at, self.calls = model, die_at, 0
        self.gain = nn.Parameter(torch.ones(CLASSES))  # trained beside the model, and left behind

    def samplers(self, labels):
        return Uniform(labels), Rare(labels)

    def losses(self, uniform, rare):
        self.calls += 1  # four a step: two micro-batches, each twice for SAM
        if self.calls == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        terms = {}
        for number, batch in enumerate((uniform, rare)):
            logits = self.model.both(batch.images)
            terms[f"classify_{number}"] = bce(logits[number] * self.gain, batch.targets)
            terms[f"agree_{number}"] = 0.1 * (logits[number] - logits[1 - number]).square().mean()
        return terms


def events(
    resume=None,
    *,
    method=None,
    items=64,
    accumulate=2,
    workers=0,
    dropout=0.3,
    epochs=3,
    use_sam=True,
    die_at=None,
    **options,
):
    """The hardest training that the loop is made for: SAM, two samplings, EMA, accumulation, dropout, flips."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return train(
        method or TwoSamplings(Small(branches=2, dropout=dropout), die_at),
        Loader(tiny_set(items), PREPROCESSING, Flip(), workers),
        epochs=epochs,
        batch_size=16,
        optimizer=lambda method: SAMS["plain" if use_sam else "none"](sgd(method, 0.1, 1e-4), method.buffers()),
        schedule=OneCycle(),
        context=Context(Accelerator(cpu=True), 5),
        average=0.9,
        evaluate=lambda model: {"mAP": sum(p.sum().item() for p in model.parameters())},
        accumulate=accumulate,
        clip=5.0,
        report_every=0.0,
        resume=resume,
        **options,
    )


def main(folder, die_at, workers):
    """Train, saving at every second step; the first time, killed without warning within a step."""
    state, killed = Path(folder) / "state.safetensors", Path(folder) / "killed"
    resume = load_tree(state) if state.exists() else None
    die_at = None if killed.exists() else die_at
    killed.touch()
    for event in events(resume, workers=workers, die_at=die_at):
        if event.state.step % 2 == 0 or not isinstance(event, Step):
            save_tree(state, event.state.state_dict())
    save_tree(Path(folder) / "end.safetensors", event.state.state_dict())


def augmenting():
    """Vectors of a batch mixed label by label; in the last epoch the backbone rests."""
    model = build_model("test_resnet", "linear", 4, image_size=(SIDE, SIDE), seed=0)
    return VFA(model, BCE(), begin=0.6, ramp=0.2, fine_tune=True, hidden=8, size=4, latent=2)


def processes(folder, method=None):
    """Train as one of several processes, and leave what it saw."""
    seen = list(events(dropout=0.0, method=method))
    end = {"losses": [event.losses for event in seen], "state": seen[-1].state.state_dict()}
    save_tree(Path(folder) / f"rank-{os.environ['RANK']}.safetensors", end)
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    if sys.argv[2] == "processes":
        processes(sys.argv[1])
    elif sys.argv[2] == "augmenting":
        processes(sys.argv[1], augmenting())
    else:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
