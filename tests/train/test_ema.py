"""What the running average promises: its formula, for weights and statistics alike, and nothing of the model's own."""

import copy

import pytest
import torch
from torch import nn

from polytag.errors import OptionError
from polytag.train.ema import ModelAverage


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))


def disturb(model, seed):
    """Stands for a training step: every weight and every statistic moves."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.add_(torch.randn(tensor.shape, generator=random) if tensor.is_floating_point() else 1)


def test_follows_its_formula_worked_by_hand():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = ModelAverage(model, 0.9)
    nn.init.constant_(model.weight, 11.0)
    average.update()  # decay 2 / 11
    assert average.model.weight.item() == pytest.approx(9.0)
    nn.init.constant_(model.weight, 1.0)
    average.update()  # decay 3 / 12
    assert average.model.weight.item() == pytest.approx(0.25 * 9.0 + 0.75 * 1.0)


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.9997])
def test_equals_a_loop_over_all_tensors_in_float64(decay):
    model = network()
    average = ModelAverage(model, decay)
    expected = {name: value.double() for name, value in model.state_dict().items()}
    for t in range(1, 21):
        disturb(model, t)
        average.update()
        kept = min(decay, (1 + t) / (10 + t))
        expected = {name: kept * expected[name] + (1 - kept) * value for name, value in model.state_dict().items()}
    found = average.model.state_dict()
    assert found.pop("1.num_batches_tracked").item() == model[1].num_batches_tracked.item() == 20
    for name, value in found.items():
        torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-6)


def test_batch_norm_statistics_are_averaged_and_their_count_is_copied():
    model = nn.BatchNorm1d(1)
    average = ModelAverage(model, 0.9)
    model(torch.tensor([[3.0], [5.0]]))  # running_mean 0.1 * 4
    average.update()
    assert average.model.running_mean.item() == pytest.approx(9 / 11 * 0.4)
    assert average.model.num_batches_tracked.item() == 1


def test_tied_weights_stay_tied_and_move_once():
    model = nn.ModuleList([nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)])
    model[1].weight = model[0].weight
    average = ModelAverage(model, 0.9)
    before = model[0].weight.detach().clone()
    disturb(model, 1)
    average.update()
    assert average.model[0].weight is average.model[1].weight
    torch.testing.assert_close(average.model[0].weight, before + 9 / 11 * (model[0].weight.detach() - before))


def test_the_model_is_left_as_it_was():
    model = network()
    average = ModelAverage(model, 0.5)
    disturb(model, 1)
    before = copy.deepcopy(model.state_dict())
    average.update()
    assert model.training
    assert all(p.requires_grad for p in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not average.model.training
    assert not any(p.requires_grad for p in average.model.parameters())


def test_weights_that_are_loaded_later_are_followed_too():
    model, other = network(), network()
    average = ModelAverage(model, 0.0)
    disturb(other, 1)
    model.load_state_dict(other.state_dict())
    average.update()  # decay 0: the average is the model
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in average.model.state_dict().items())


def test_goes_on_bit_for_bit_from_its_state():
    model = network()
    undisturbed, resumed = ModelAverage(model, 0.9997), ModelAverage(model, 0.9997)
    for t in range(1, 9):
        disturb(model, t)
        undisturbed.update()
        resumed.update()
        state = copy.deepcopy(resumed.state_dict())
        resumed = ModelAverage(model, 0.9997)
        resumed.load_state_dict(state)
    assert resumed.updates == 8
    expected = undisturbed.model.state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in resumed.model.state_dict().items())


@pytest.mark.parametrize("decay", [-0.1, 1.5, float("nan")])
def test_a_decay_out_of_range_is_refused(decay):
    with pytest.raises(OptionError, match=rf"^decay must be between 0 and 1, got {decay}$"):
        ModelAverage(nn.Linear(1, 1), decay)
