"""What the schedules promise: rates by hand at every step, in range throughout, and drops that outlive a restart."""

import math

import pytest
import torch
from torch import nn

from polytag.errors import OptionError
from polytag.train.schedules import SCHEDULES, Constant, Cosine, OneCycle, Plateau, Step


def factors(schedule, total):
    return [schedule.factor(step, total) for step in range(total)]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("total", [1, 2, 3, 10, 97, 1000])
def test_every_factor_is_above_0_and_at_most_1_and_the_top_is_reached(name, total):
    found = factors(SCHEDULES[name](), total)
    assert all(0 < factor <= 1 for factor in found)
    assert max(found) > 0.999 or total < 97


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_rate_rises_once_and_then_only_falls(name):
    found = factors(SCHEDULES[name](), 200)
    top = found.index(max(found))
    assert found[: top + 1] == sorted(found[: top + 1])
    assert found[top:] == sorted(found[top:], reverse=True)


def test_a_warm_up_by_hand():
    assert factors(Constant(warmup=0.4), 10) == pytest.approx([1 / 5, 2 / 5, 3 / 5, 4 / 5, 1, 1, 1, 1, 1, 1])
    assert factors(Constant(), 3) == [1, 1, 1]


def test_cosine_by_hand():
    assert factors(Cosine(warmup=0), 4) == pytest.approx([1, 0.5 + math.sqrt(0.125), 0.5, 0.5 - math.sqrt(0.125)])
    assert factors(Cosine(warmup=0, final=0.2), 2) == pytest.approx([1, 0.6])
    assert factors(Cosine(warmup=0.5), 4) == pytest.approx([1 / 3, 2 / 3, 1, 0.5])


def test_one_cycle_by_hand():
    found = factors(OneCycle(warmup=0.4, div_factor=10, final_div_factor=100), 10)
    assert found[:5] == pytest.approx([0.1, 0.1 + 0.9 * (1 - math.sqrt(0.5)) / 2, 0.55, 0.1 + 0.9 * 0.853553390, 1])
    assert found[7] == pytest.approx(0.001 + 0.999 / 2)
    assert found[9] == pytest.approx(0.001 + 0.999 * (1 + math.cos(math.pi * 5 / 6)) / 2)


def test_step_by_hand():
    found = factors(Step(warmup=0, decay=0.1, first=0.6, second=0.8), 10)
    assert found == pytest.approx([1] * 6 + [0.1] * 2 + [0.01] * 2)


def test_plateau_drops_after_more_than_patience_epochs_without_a_new_best():
    schedule, found = Plateau(warmup=0, decay=0.1, patience=1), []
    for score in (0.5, 0.5, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6):  # a tie is not a new best
        schedule.observe(score)
        found.append(schedule.factor(5, 10))
    assert found == pytest.approx([1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001])


def test_a_score_that_is_not_defined_is_no_new_best():
    schedule = Plateau(warmup=0, patience=0)
    schedule.observe(float("nan"))
    assert schedule.factor(0, 1) == pytest.approx(0.1)


def test_plateau_goes_on_from_its_state():
    first, second = Plateau(patience=1), Plateau(patience=1)
    for score in (0.5, 0.4, 0.4, 0.4):
        first.observe(score)
    second.load_state_dict(first.state_dict())
    assert second.factor(9, 10) == pytest.approx(0.1)
    for schedule in (first, second):
        schedule.observe(0.45)  # no new best: the second epoch of waiting
        assert schedule.factor(9, 10) == pytest.approx(0.01)


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"plateau"}))
def test_the_others_do_not_look_at_scores(name):
    schedule = SCHEDULES[name]()
    before = factors(schedule, 20)
    schedule.observe(0.1)
    schedule.observe(0.1)
    schedule.load_state_dict(schedule.state_dict())
    assert factors(schedule, 20) == before


def test_every_group_keeps_its_own_base_rate_however_often_it_is_set():
    weights = [nn.Parameter(torch.ones(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": weights[:1], "lr": 1.0}, {"params": weights[1:], "lr": 0.1}])
    schedule = Constant(warmup=0.5)
    for step, factor in ((0, 1 / 3), (1, 2 / 3), (0, 1 / 3), (2, 1.0)):
        assert schedule.apply(optimizer, step, 4) == pytest.approx(factor)
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([factor, 0.1 * factor])


def test_the_base_rate_is_part_of_the_optimizer_s_state():
    def built():
        return torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)

    first, second, schedule = built(), built(), Constant(warmup=0.5)
    schedule.apply(first, 0, 4)
    second.load_state_dict(first.state_dict())
    schedule.apply(second, 2, 4)
    assert second.param_groups[0]["lr"] == 1.0


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Cosine(warmup=1.0), r"warmup must be between 0 and 0\.99, got 1\.0"),
        (lambda: Cosine(final=1.5), r"final must be between 0 and 1, got 1\.5"),
        (lambda: OneCycle(div_factor=0.5), r"div_factor must be between 1 and 1e\+09, got 0\.5"),
        (lambda: OneCycle(final_div_factor=0), r"final_div_factor must be between 1 and 1e\+09, got 0"),
        (lambda: OneCycle(low_momentum=1.0), r"low_momentum must be between 0 and 0\.9999, got 1\.0"),
        (
            lambda: OneCycle(low_momentum=0.9, high_momentum=0.8),
            r"high_momentum must be between 0\.9 and 0\.9999, got 0\.8",
        ),
        (lambda: Step(decay=2), r"decay must be between 0 and 1, got 2"),
        (lambda: Step(first=-1), r"first must be between 0 and 1, got -1"),
        (lambda: Step(first=0.6, second=0.5), r"second must be between 0\.6 and 1, got 0\.5"),
        (lambda: Plateau(decay=-1), r"decay must be between 0 and 1, got -1"),
        (lambda: Plateau(patience=-1), r"patience must be between 0 and 10000, got -1"),
    ],
)
def test_an_option_out_of_range_is_refused(build, sentence):
    with pytest.raises(OptionError, match=rf"^{sentence}$"):
        build()


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_one_cycle_moves_the_momentum_as_torch_does(kind):
    options = {"momentum": 0.9} if kind is torch.optim.SGD else {}
    ours, theirs = (kind([nn.Parameter(torch.zeros(1))], lr=0.1, **options) for _ in range(2))
    total = 101  # torch reaches the end in its last step, here it is the next one
    reference = torch.optim.lr_scheduler.OneCycleLR(theirs, 0.1, total_steps=total, pct_start=21 / 101)

    def momentum(optimizer):
        group = optimizer.param_groups[0]
        return group["betas"][0] if "betas" in group else group["momentum"]

    schedule = SCHEDULES["one_cycle"](0.2, 25.0, 1e4, low_momentum=0.85, high_momentum=0.95)
    seen = []
    for step in range(100):
        schedule.apply(ours, step, 100)
        seen.append(momentum(ours))
        assert seen[-1] == pytest.approx(momentum(theirs), abs=1e-6)
        theirs.step()
        reference.step()
    assert (seen[0], min(seen)) == (pytest.approx(0.95), pytest.approx(0.85, abs=1e-4))
    plain_cycle = SCHEDULES["one_cycle"]()
    plain_cycle.apply(ours, 0, 100)
    assert momentum(ours) == seen[-1]  # left alone
    with pytest.raises(OptionError, match=r"^Adagrad has no momentum to move; leave high_momentum at 0$"):
        schedule.apply(torch.optim.Adagrad([nn.Parameter(torch.zeros(1))]), 0, 100)
