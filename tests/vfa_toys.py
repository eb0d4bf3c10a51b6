"""A small VFA, batches for it, and who learns from a term."""

import numpy as np
import torch
from accelerate import Accelerator

from polytag.build import build_model
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.loader import Batch
from polytag.labels import Labels
from polytag.losses import BCE
from polytag.method import Context
from polytag.methods.vfa import VFA

LABELS = Labels.from_dense([[1, 0, 0], [1, 1, 0], [1, 0, 0], [0, 1, 1], [1, 0, -1], [1, 0, 0]], "abc")
DATA = LabelledSet(ImageArrays(np.zeros((6, 32, 32, 3), np.uint8)), LABELS)
SMALL = {"size": 5, "latent": 3, "hidden": 7, "aggregate": 9}


def a_model(head="linear", seed=0):
    return build_model("test_resnet", head, 3, image_size=(64, 64), seed=seed)


def built(loss=None, head="linear", seed=0, **options):
    method = VFA(a_model(head), loss or BCE(), **{**SMALL, **options})
    method.prepare(DATA, Context(Accelerator(cpu=True), seed))
    return method.eval()  # so that batch norms do not mix photos


def batch(seed=0, size=6, targets=None):
    random = torch.Generator().manual_seed(seed)
    images = torch.randn(size, 3, 64, 64, generator=random)
    drawn = torch.randint(-1, 2, (size, 3), generator=random).float()
    return Batch(images, drawn if targets is None else targets, torch.arange(size))


def seeded(method, *batches, seed=7):
    torch.manual_seed(seed)
    return method.losses(*batches)


def gradients(term, method):
    """Which parts learn from a term."""
    method.zero_grad()
    term.backward(retain_graph=True)
    parts = {"backbone": method.model.backbone, "head": method.model.head, "vaes": method.vaes}
    learn = {
        name
        for name, part in {**parts, "aggregate": method.aggregate}.items()
        if any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    }
    method.zero_grad()
    return learn


def four_classes(kind, *options, **named):
    return kind(build_model("test_resnet", "linear", 4, image_size=(64, 64)), BCE(), *options, **named)
