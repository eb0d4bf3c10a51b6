"""What the loop promises of what may be chosen: SAM, averages, schedules, frozen epochs, an early end."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from toys import CLASSES, Small, events, tiny_set
from watched import OneOfTwo, Watched, run, weights_of

from polytag.errors import OptionError
from polytag.train.loop import Epoch, Step
from polytag.train.optimizers import sgd
from polytag.train.sam import plain_sam
from polytag.train.schedules import Constant, Cosine, Plateau
from polytag.train.speed import SPEEDS
from polytag.train.stopping import Stopping


def test_weights_may_be_thawed_on_the_way():
    method = Watched()
    method.model.trunk.requires_grad_(False)
    start = method.model.trunk[0].weight.detach().clone()
    for event in run(method, report_every=math.inf):
        assert torch.equal(method.model.trunk[0].weight, start) == (event.number == 1)
        method.model.trunk.requires_grad_(True)


def test_the_schedule_is_told_the_better_of_both_scores_under_the_name_asked_for():
    seen, scores = [], iter([0.1, 0.3, 0.4, 0.2])
    schedule = Constant()
    schedule.observe = seen.append
    list(run(schedule=schedule, average=0.9, score="OF1", evaluate=lambda model: {"mAP": 1.0, "OF1": next(scores)}))
    assert seen == [0.3, 0.4]


def test_a_score_that_is_not_measured_is_named():
    with pytest.raises(OptionError, match=r"^score must be one of accuracy, OF1, got 'mAP'$"):
        list(run(evaluate=lambda model: {"accuracy": 1.0, "OF1": 0.5}))


def plateau_rates(resume_after=None):
    """The rate of each epoch under a score that never rises; stopped and taken up again after one of them."""
    options = {"evaluate": lambda model: {"mAP": 0.5}, "evaluate_every": 2, "epochs": 9, "report_every": math.inf}
    rates, state = [], None
    for event in run(schedule=Plateau(warmup=0, patience=0), **options):
        rates.append(event.rate)
        if event.number == resume_after:
            state = copy.deepcopy(event.state.state_dict())
            break
    if state is not None:
        rates += [event.rate for event in run(schedule=Plateau(warmup=0, patience=0), resume=state, **options)]
    return rates


def test_plateau_counts_judged_epochs_alone_and_outlives_a_restart():
    expected = [0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.0001]  # judged after 2, 4, 6, 8
    assert plateau_rates() == pytest.approx(expected)
    for number in (1, 2, 5):
        assert plateau_rates(number) == pytest.approx(expected)


def test_it_learns():
    data = tiny_set()
    images = torch.from_numpy(np.stack(data.images.arrays)).permute(0, 3, 1, 2) / 127.5 - 1
    targets = torch.from_numpy(data.labels.dense()) == 1

    def accuracy(model):
        return {"mAP": ((model(images) > 0) == targets).float().mean().item()}

    epochs = [e for e in run(Watched(), epochs=30, lr=0.3, evaluate=accuracy, average=0.9) if isinstance(e, Epoch)]
    assert epochs[-1].losses["classify"] < 0.5 * epochs[0].losses["classify"]
    assert min(scores["mAP"] for scores in epochs[-1].metrics.values()) > 0.9


def test_the_hardest_training_tells_every_term_of_every_step():
    names = {"classify_0", "agree_0", "classify_1", "agree_1"}
    assert all(event.losses.keys() == names for event in events(epochs=1))


def test_dropout_depends_on_the_step_and_not_on_what_ran_before():
    states = []
    for noise in (1, 2):
        method = Watched(Small(dropout=0.5))
        method.load_state_dict(Watched(Small(dropout=0.5)).state_dict())
        torch.manual_seed(noise)
        for _ in run(method, epochs=1):
            torch.rand(noise)
        states.append(weights_of(method))
    assert torch.equal(*states)


@pytest.mark.parametrize("speed", ["channels_last", "bf16"])
def test_both_passes_of_sam_draw_the_same_numbers(speed):
    drawn = []

    class Noted(Watched):
        def losses(self, batch):
            drawn.append(torch.rand(4).tolist())  # as dropout would
            return super().losses(batch)

    method = Noted()
    before = weights_of(method)
    for _ in run(method, epochs=1, optimizer=lambda m: plain_sam(sgd(m, 0.1, 0.0), m.buffers()), speed=SPEEDS[speed]):
        pass
    first, second = drawn[::2], drawn[1::2]
    assert len(first) == 4  # steps
    assert first == second
    assert len({tuple(numbers) for numbers in first}) == 4
    assert weights_of(method).isfinite().all()
    assert weights_of(method).dtype == torch.float32
    assert not torch.equal(weights_of(method), before)


def test_a_step_of_sam_in_bf16_is_that_in_float32_but_for_rounding():
    moved = {}
    for speed in ("channels_last", "bf16"):
        method = Watched()
        before = weights_of(method)
        options = {"optimizer": lambda m: plain_sam(sgd(m, 0.1, 0.0), m.buffers()), "speed": SPEEDS[speed]}
        for _ in run(method, epochs=1, **options):
            pass
        moved[speed] = weights_of(method) - before
    assert torch.nn.functional.cosine_similarity(moved["bf16"], moved["channels_last"], dim=0) > 0.99


def test_batch_norm_is_trained_and_averaged():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, CLASSES)
    )
    *_, last = run(Watched(model), average=0.9)
    raw, average = last.models["raw"][1], last.models["average"][1]
    assert raw.num_batches_tracked.item() == average.num_batches_tracked.item() == 8
    assert not torch.equal(raw.running_mean, average.running_mean)
    assert raw.running_mean.norm().item() > 0


def test_an_undefined_score_is_no_reason_to_lower_the_rate():
    nothing_defined = {"evaluate": lambda model: {"mAP": math.nan}, "epochs": 4}
    events = [event for event in run(schedule=Plateau(warmup=0, patience=0), **nothing_defined) if type(event) is Epoch]
    assert len({event.rate for event in events}) == 1


class Whole(nn.Module):
    """A backbone with batch norm, and a head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(4 * 9, CLASSES)

    def forward(self, images):
        return self.head(self.backbone(images))


def test_a_frozen_backbone_stays_with_its_statistics_and_is_trained_from_the_next_epoch_on():
    method = Watched(Whole())
    model, seen = method.model, []
    for event in run(method, epochs=3, frozen=2):
        trunk = torch.cat([t.flatten().double() for t in model.backbone.state_dict().values()])
        seen.append((trunk, model.head.weight.detach().clone()))
        model.eval()
        assert isinstance(event, Step | Epoch)
    frozen, thawed = seen[:10], seen[10:]
    assert all(torch.equal(trunk, frozen[0][0]) for trunk, _ in frozen)
    assert not torch.equal(frozen[0][1], frozen[3][1])
    assert not torch.equal(thawed[0][0], frozen[0][0])
    assert all(p.requires_grad for p in model.parameters())


def test_a_training_that_is_resumed_among_frozen_epochs_ends_the_same():
    whole = list(run(Watched(Whole()), epochs=3, frozen=1))[-1].state.state_dict()
    for stop_at in (2, 4, 6):
        part = run(Watched(Whole()), epochs=3, frozen=1)
        saved = copy.deepcopy(next(e.state.state_dict() for e in part if e.state.step == stop_at))
        part.close()
        *_, last = run(Watched(Whole()), epochs=3, frozen=1, resume=saved)
        ended = last.state.state_dict()["method"]
        assert all(torch.equal(ended[name], value) for name, value in whole["method"].items())


@pytest.mark.parametrize("frozen", [0, 1])
def test_weights_that_somebody_else_has_frozen_stay_frozen(frozen):
    method = Watched(Whole())
    first = method.model.backbone[0].weight.requires_grad_(False)
    before = first.clone()
    list(run(method, epochs=2, frozen=frozen))
    assert not first.requires_grad
    assert torch.equal(first, before)
    assert method.model.backbone[1].weight.requires_grad


def test_a_model_without_a_backbone_cannot_have_frozen_epochs():
    with pytest.raises(OptionError, match=r"^frozen epochs need a model with a backbone, and this one has none; set "):
        list(run(frozen=1))


def stopped(scores, resume=None, **options):
    """A training judged with these scores, which ends after two that are no better."""
    scores = iter(scores)
    stopping = Stopping(2)
    return list(run(evaluate=lambda model: {"mAP": next(scores)}, stopping=stopping, resume=resume, **options))


def test_it_ends_early_where_the_score_no_longer_rises():
    seen = stopped([0.5, 0.6, 0.2, 0.1, 0.9], epochs=5)
    assert [event.number for event in seen if isinstance(event, Epoch)] == [1, 2, 3, 4]
    assert seen[-1].metrics == {"raw": {"mAP": 0.1}}


def test_it_does_not_while_the_rate_rises():
    seen = stopped([0.5, 0.1, 0.1, 0.1, 0.9], epochs=5, schedule=Cosine(warmup=0.5))
    assert seen[-1].number == 4  # the second epoch ends below half of the steps, the third and fourth do not


def test_what_has_ended_early_does_not_go_on_when_it_is_resumed():
    saved = stopped([0.5, 0.2, 0.1], epochs=5)[-1].state.state_dict()
    assert stopped([], resume=saved, epochs=5) == []


def test_the_wait_survives_a_resume():
    training = run(evaluate=lambda model: {"mAP": 0.5 if model.training else 0.4}, stopping=Stopping(2), epochs=5)
    first = next(event for event in training if isinstance(event, Epoch))
    saved = copy.deepcopy(first.state.state_dict())
    training.close()
    assert [e.number for e in stopped([0.1, 0.1, 0.9], resume=saved, epochs=5) if isinstance(e, Epoch)] == [2, 3]


def test_every_step_part_and_process_draws_numbers_of_its_own():
    drawn = {0: [], 1: []}

    class Noted(Watched):
        def losses(self, batch):
            drawn[accelerator.process_index].append(tuple(torch.rand(4).tolist()))  # as dropout would
            return super().losses(batch)

    for place in drawn:
        accelerator = OneOfTwo()
        accelerator.process_index = place
        optimizer = {"optimizer": lambda method: plain_sam(sgd(method, 0.1, 0.0), method.buffers())}
        list(run(Noted(), epochs=1, accumulate=2, accelerator=accelerator, **optimizer))
    for numbers in drawn.values():  # of each step two parts, and these again
        assert [numbers[n : n + 2] for n in range(0, 16, 4)] == [numbers[n : n + 2] for n in range(2, 16, 4)]
    assert len({*drawn[0], *drawn[1]}) == 16
