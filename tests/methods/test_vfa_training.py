"""What variational feature augmentation promises of whole trainings: stages, rates, a plain run."""

import copy

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from toys import tiny_set
from vfa_toys import SMALL, built, four_classes

from polytag import Predictor, Training
from polytag.data.loader import Loader
from polytag.data.preprocessing import Preprocessing
from polytag.method import Base, Context
from polytag.methods.cpsd import CPSD
from polytag.methods.supervised import Supervised
from polytag.methods.vfa import VFA
from polytag.train.loop import Epoch, train
from polytag.train.optimizers import adam, sgd
from polytag.train.sam import SAMS
from polytag.train.schedules import Constant


class Told(Supervised):
    """Notes what the loop says."""

    def begin_step(self, done):
        self.shares = [*getattr(self, "shares", ()), done]


def with_sam(module):
    return SAMS["plain"](without_sam(module), module.buffers())


def without_sam(module):
    return sgd(module, 0.01, 1e-4)


def events(method, optimizer=with_sam, resume=None, clip=None, accelerator=None):
    """Of a training of three epochs, two steps each, in two parts each."""
    return train(
        method,
        Loader(tiny_set(16), Preprocessing((64, 64)), None, workers=0),
        epochs=3,
        batch_size=8,
        optimizer=optimizer,
        schedule=Constant(),
        context=Context(accelerator or Accelerator(cpu=True), 5),
        average=0.9,
        accumulate=2,
        clip=clip,
        resume=resume,
    )


def trained(method, stop=99, **options):
    """The last event, or the state after an epoch."""
    for event in events(method, **options):
        if isinstance(event, Epoch) and event.number == stop:
            return copy.deepcopy(event.state.state_dict())
    return event


def test_the_loop_says_how_much_of_the_training_lies_behind_and_cpsd_passes_it_on():
    method = four_classes(Told)
    trained(method)
    assert method.shares == pytest.approx([step / 6 for step in range(6)])
    holding = four_classes(CPSD, base=Base("told", Told))
    holding.begin_step(0.25)
    assert holding.base.shares == [0.25]


def test_in_two_stages_the_backbone_rests_in_the_second_bit_for_bit():
    """Decay and momentum would move it if it only had gradients of zero."""
    method, seen = four_classes(VFA, begin=0.6, ramp=0.2, fine_tune=True, **SMALL), []
    for event in events(method, optimizer=lambda module: adam(module, 0.01, 0.1)):
        if isinstance(event, Epoch):
            seen.append(copy.deepcopy(method.model.state_dict()))
    one, two, three = ({key: value for key, value in each.items() if key.startswith("backbone.")} for each in seen)
    assert not all(torch.equal(one[key], two[key]) for key in one)
    assert all(torch.equal(two[key], three[key]) for key in two)  # the third epoch begins at two thirds
    assert not torch.equal(seen[1]["head.classifier.weight"], seen[2]["head.classifier.weight"])


def test_what_only_training_needs_may_learn_faster():
    method = built(rate=4.0)
    rates = {id(p): group["lr"] for group in adam(method, 0.1, 0.0).param_groups for p in group["params"]}
    fast = {name.split(".")[0] for name, p in method.named_parameters() if rates[id(p)] == pytest.approx(0.4)}
    slow = {name.split(".")[0] for name, p in method.named_parameters() if rates[id(p)] == pytest.approx(0.1)}
    assert (fast, slow) == ({"vaes", "aggregate"}, {"model"})
    held = four_classes(CPSD, base=Base("vfa", lambda *a: VFA(*a, rate=4.0, **SMALL)))
    held.base.prepare(tiny_set(16), Context(Accelerator(cpu=True), 0))
    rates = {group["lr"] for group in adam(held, 0.1, 0.0).param_groups}
    assert sorted(rates) == pytest.approx([0.1, 0.4])


def test_a_resumed_training_ends_as_one_that_was_never_stopped():
    whole = trained(four_classes(VFA, **SMALL))
    assert set(whole.losses) == {"classify", "augmented", "kl", "decode", "binary", "reconstruct"}
    left = trained(four_classes(VFA, **SMALL), stop=1)
    assert any(key.startswith("vaes.") for key in left["method"])
    resumed = trained(four_classes(VFA, **SMALL), resume=left)
    for one, other in zip(
        whole.state.method.state_dict().items(), resumed.state.method.state_dict().items(), strict=True
    ):
        assert one[0] == other[0]
        assert torch.equal(one[1], other[1])


@pytest.mark.parametrize("clip", [None, 0.5])
def test_with_augmented_vectors_left_out_the_model_learns_as_if_there_were_nothing_else(clip):
    alike = {"optimizer": without_sam, "clip": clip}
    plain = trained(four_classes(Supervised), **alike).state.method.model
    beside = trained(four_classes(VFA, beta=0.0, **SMALL), **alike).state.method.model
    with_them = trained(four_classes(VFA, beta=1.0, **SMALL), **alike).state.method.model
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(beside.state_dict()[key], value)
    assert not torch.allclose(with_them.head.classifier.weight, plain.head.classifier.weight, atol=1e-5)


def test_a_run_holds_the_plain_model(tmp_path):
    data = tiny_set(24)
    quick = {"backbone": "test_efficientnet", "weights": "none", "image_size": 64, "epochs": 1, "workers": 0}
    quick |= {"mix": "mixup", "average": 0.9}
    options = {"method": {"name": "vfa", "hidden": 8}, **quick}
    run = Training(data=data, out=tmp_path / "vfa", **options).finish()
    plain = Training(data=data, out=tmp_path / "plain", **quick).finish()
    assert {k: v.shape for k, v in run.load_weights().items()} == {k: v.shape for k, v in plain.load_weights().items()}
    assert np.isfinite(Predictor(run, workers=0).predict_proba(data)).all()
