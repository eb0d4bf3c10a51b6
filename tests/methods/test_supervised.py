"""What the plain method promises: one term, from one model and one loss, over one sampler's photos."""

import pytest
import torch
from accelerate import Accelerator
from torch import nn
from toys import Rare, Small, tiny_set

from polytag.data.loader import Batch
from polytag.errors import OptionError
from polytag.losses import BCE, WeightedBCE
from polytag.method import Context
from polytag.methods.supervised import Supervised
from polytag.samplers.uniform import Uniform

DATA = tiny_set(12)
BATCH = Batch(torch.rand(3, 3, 8, 8), torch.tensor([[1.0, 0, 0, -1], [0, 1, 0, 1], [-1, 0, 1, 0]]), torch.arange(3))


def test_the_one_term_is_the_loss_of_the_model():
    model, loss = Small(), BCE()
    method = Supervised(model, loss)
    for terms in (method.losses(BATCH), method(BATCH)):
        assert list(terms) == ["classify"]
        torch.testing.assert_close(terms["classify"], loss(model(BATCH.images), BATCH.targets))


def test_its_gradient_reaches_every_weight():
    method = Supervised(Small(), BCE())
    method.losses(BATCH)["classify"].backward()
    assert all(p.grad.abs().sum() > 0 for p in method.parameters())


def test_preparing_gives_the_loss_the_training_labels():
    method = Supervised(Small(), WeightedBCE())
    with pytest.raises(OptionError):
        method.losses(BATCH)
    method.prepare(DATA, Context(Accelerator(cpu=True), 0))
    assert method.loss.frequencies.present.tolist() == (DATA.labels.dense() == 1).sum(axis=0).tolist()
    assert method.losses(BATCH)["classify"].item() > 0


def test_a_loss_of_one_s_own_is_taken_as_it_is():
    method = Supervised(Small(), lambda logits, targets: logits.sum() * 0 + 7)
    method.prepare(DATA, Context(Accelerator(cpu=True), 0))
    assert method.losses(BATCH)["classify"].item() == 7


def test_weights_of_the_loss_are_trained_and_stay_behind():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, logits, targets):
            return (self.scale * logits - targets).square().mean()

    method = Supervised(Small(), Scaled())
    assert "loss.scale" in dict(method.named_parameters())
    assert not any("scale" in name for name in method.model.state_dict())


@pytest.mark.parametrize("sampler", [Uniform, Rare])
def test_the_sampler_is_built_from_the_training_labels(sampler):
    (built,) = Supervised(Small(), BCE(), sampler).samplers(DATA.labels)
    assert isinstance(built, sampler)
    assert isinstance(Supervised(Small(), BCE()).samplers(DATA.labels)[0], Uniform)
