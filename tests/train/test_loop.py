"""What the loop promises to whoever iterates over it, and to the method that it trains."""

import copy
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from toys import PREPROCESSING, tiny_set
from watched import OneOfTwo, Watched, run, weights_of

from polytag.data.augment.flip import Flip
from polytag.data.loader import Loader
from polytag.samplers.uniform import Uniform
from polytag.train import loop
from polytag.train.loop import Epoch, Step
from polytag.train.optimizers import sgd
from polytag.train.sam import SAM
from polytag.train.schedules import Cosine


def test_steps_and_epochs_come_in_order_and_count_over_the_whole_training():
    seen = [(type(e).__name__, e.epoch, e.step, e.total) if isinstance(e, Step) else e.number for e in run()]
    first, second = ([("Step", n, 4 * n - 4 + k, 8) for k in range(1, 5)] for n in (1, 2))
    assert seen == [*first, 1, *second, 2]


def test_the_losses_told_are_means_over_the_epoch_so_far():
    method, seen = Watched(), []
    told = method.losses

    def remembered(batch):
        terms = told(batch)
        seen.append(terms["classify"].item())
        return terms

    method.losses = remembered
    for event in run(method):
        epoch = event.epoch if isinstance(event, Step) else event.number
        done = event.state.step - 4 * (epoch - 1)
        assert event.losses == {"classify": pytest.approx(np.mean(seen[-done:])), "extra": 0.0}
    assert len(seen) == 8


def test_the_rates_told_are_those_that_were_used():
    schedule = Cosine(warmup=0.25)
    expected = [0.1 * schedule.factor(step, 8) for step in range(8)]
    steps, epochs = [], []
    for event in run(schedule=schedule):
        (steps if isinstance(event, Step) else epochs).append(event.rate)
    assert steps == pytest.approx(expected)
    assert epochs == pytest.approx([expected[3], expected[7]])


@pytest.mark.parametrize(("share", "few"), [(1.0, 16), (0.25, 4), (0.3, 5), (0.01, 2)])
def test_sam_climbs_by_a_share_of_the_photos(share, few):
    method, rows = Watched(), []
    told = method.losses

    def remembered(batch):
        rows.append(batch.rows.tolist())
        return told(batch)

    method.losses = remembered
    for _ in run(method, epochs=1, optimizer=lambda trained: SAM(sgd(trained, 0.1, 0.0), ascent_share=share)):
        pass
    assert [len(each) for each in rows] == 4 * [few, 16]
    assert all(first == whole[:few] for first, whole in zip(rows[::2], rows[1::2], strict=True))


def test_sam_starts_when_its_share_of_the_training_is_over_also_in_a_resumed_one():
    method = Watched()
    options = {"optimizer": lambda trained: SAM(sgd(trained, 0.1, 0.0), start=0.5), "epochs": 4}
    runs = []  # passes seen at the end of each epoch
    for event in run(method, **options):
        if isinstance(event, Epoch):
            runs.append(len(method.calls))
            if event.number == 3:
                kept = copy.deepcopy(event.state.state_dict())
    assert np.diff([0, *runs]).tolist() == [4, 4, 8, 8]
    method = Watched()
    for _ in run(method, resume=kept, **options):
        pass
    assert len(method.calls) == 8


@pytest.mark.parametrize(("every", "told"), [(0.0, [1, 2, 3, 4]), (2.0, [2, 4]), (3.0, [3]), (math.inf, [])])
def test_steps_are_told_every_so_many_seconds(every, told, monkeypatch):
    method = Watched()
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: float(len(method.calls))))  # a second a step
    assert [event.step for event in run(method, epochs=1, report_every=every) if isinstance(event, Step)] == told


def test_an_interrupt_is_told_at_once():
    method = Watched()
    training = run(method, report_every=math.inf, interrupted=lambda: len(method.calls) == 2)
    assert [(e.step, e.interrupted) for e in training if isinstance(e, Step)] == [(2, True)]


def test_steps_between_are_not_interrupted():
    assert not any(event.interrupted for event in run() if isinstance(event, Step))


def test_several_processes_stop_together_at_once_on_cpus_and_at_every_tenth_step_on_gpus():
    method = Watched()
    options = {"report_every": math.inf, "accelerator": OneOfTwo()}
    training = run(method, interrupted=lambda: len(method.calls) == 2, **options)
    assert [event.step for event in training if isinstance(event, Step)] == [2]
    assert [step for step in range(1, 31) if loop._may_stop(torch.device("cuda"), step)] == [10, 20, 30]


def test_the_method_is_prepared_once_and_asked_for_its_losses_in_train_mode_with_gradients():
    method, accelerator = Watched(), Accelerator(cpu=True)
    for event in run(method, accelerator=accelerator, evaluate=lambda model: {"mAP": 0.5}):
        event.state.method.eval()  # a careless look
        assert torch.is_grad_enabled()
    assert method.prepared == [(64, 5, accelerator)]
    assert method.calls == [(True, True, True, 16)] * 8


def test_models_are_judged_in_eval_mode_without_gradients_and_come_with_the_epoch():
    judged = []

    def evaluate(model):
        judged.append((model.training, torch.is_grad_enabled()))
        return {"mAP": float(len(judged)), "OF1": 0.0}

    for event in run(average=0.9, evaluate=evaluate, report_every=math.inf):
        assert torch.is_grad_enabled()
        assert event.metrics["raw"] == {"mAP": len(judged) - 1, "OF1": 0.0}
        assert event.metrics["average"] == {"mAP": len(judged), "OF1": 0.0}
        assert event.models == {"raw": event.state.method.model, "average": event.state.average.model}
        assert not any(model.training for model in event.models.values())
        event.models["average"].train()
    assert judged == [(False, False)] * 4


def test_models_that_were_not_judged_come_in_eval_mode_too():
    (event,) = run(epochs=1, report_every=math.inf)
    assert event.metrics == {}
    assert not event.models["raw"].training


@pytest.mark.parametrize(("every", "judged"), [(1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (9, [5])])
def test_epochs_are_judged_every_so_often_and_at_the_end(every, judged):
    training = run(epochs=5, evaluate=lambda model: {"mAP": 0.5}, evaluate_every=every, report_every=math.inf)
    assert [event.number for event in training if event.metrics] == judged


def test_one_step_is_one_step_of_the_optimizer_on_the_sum_of_the_terms():
    method = Watched()
    twin = copy.deepcopy(method)
    loader = Loader(tiny_set(), PREPROCESSING, Flip(), 0)
    run_once = run(method, optimizer=lambda trained: torch.optim.SGD(trained.parameters(), 0.5))
    next(run_once)
    feed = loop.Feed(loader, (Uniform(loader.data.labels),), 16, 5)
    (((batch,),),) = feed.steps(0, 1, loop.ToDevice(torch.device("cpu"), PREPROCESSING.mean, PREPROCESSING.std))
    sum(twin.losses(batch).values()).backward()
    with torch.no_grad():
        for p in twin.parameters():
            p -= 0.5 * p.grad
    torch.testing.assert_close(weights_of(method), weights_of(twin))


@pytest.mark.parametrize("accumulate", [2, 4, 16])
def test_micro_batches_change_nothing_but_the_memory_needed(accumulate):
    whole, parts = Watched(), Watched()
    told = [event.losses for event in run(whole, clip=0.5)]
    for event, losses in zip(run(parts, clip=0.5, accumulate=accumulate), told, strict=True):
        assert event.losses == pytest.approx(losses, abs=1e-6)
    torch.testing.assert_close(weights_of(parts), weights_of(whole), atol=1e-6, rtol=0)
    assert {size for *_, size in parts.calls} == {16 // accumulate}
    assert len(parts.calls) == 8 * accumulate


def test_the_gradient_of_the_whole_step_is_clipped():
    method = Watched()
    before = weights_of(method)
    plain = run(method, clip=0.01, accumulate=2, optimizer=lambda trained: torch.optim.SGD(trained.parameters(), 1.0))
    next(plain)
    assert (weights_of(method) - before).norm().item() == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("accumulate", [1, 4])
def test_processes_agree_on_gradients_once_a_step(accumulate):
    accelerator = OneOfTwo()
    list(run(accelerator=accelerator, accumulate=accumulate, epochs=1))
    assert accelerator.passes == (["apart"] * (accumulate - 1) + ["together"]) * 4


def test_the_average_follows_the_weights_after_every_step():
    method = Watched()
    expected, decay = weights_of(method).double(), 0.5
    for event in run(method, average=decay, epochs=3):
        if isinstance(event, Step):
            kept = min(decay, (1 + event.step) / (10 + event.step))
            expected = kept * expected + (1 - kept) * weights_of(method)
    torch.testing.assert_close(weights_of(event.models["average"]).double(), expected, atol=1e-6, rtol=0)
