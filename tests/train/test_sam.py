"""SAM: its path worked by itself in numpy, weights and statistics that come back exactly, all state the base's."""

import numpy as np
import pytest
import torch
from torch import nn

from polytag.errors import OptionError
from polytag.train.sam import SAM, SAMS

A = np.array([[3.0, 1.0], [1.0, 2.0]])  # of the loss 1/2 w'Aw - b'w
B = np.array([1.0, -2.0])


def path(adaptive, rho, rate, momentum, steps):
    """The weights after each step, from the formulas alone."""
    w, velocity, found = np.array([2.0, -1.5]), np.zeros(2), []
    for _ in range(steps):
        g = A @ w - B
        size = np.abs(w) if adaptive else np.ones(2)
        worst = w + rho * size**2 * g / (np.linalg.norm(size * g) + 1e-12)
        velocity = momentum * velocity + (A @ worst - B)
        w = w - rate * velocity
        found.append(w)
    return np.array(found)


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_its_path_is_that_of_the_formula(adaptive, momentum):
    parts = [nn.Parameter(torch.tensor([2.0], dtype=torch.float64)), nn.Parameter(torch.tensor(-1.5).double())]
    optimizer = SAM(torch.optim.SGD(parts, 0.05, momentum=momentum), rho=0.3, adaptive=adaptive)

    def closure():
        optimizer.zero_grad()
        w = torch.stack([parts[0][0], parts[1]])
        loss = w @ torch.tensor(A) @ w / 2 - torch.tensor(B) @ w
        loss.backward()
        return loss

    found = []
    for _ in range(30):
        optimizer.step(closure)
        found.append([parts[0].item(), parts[1].item()])
    np.testing.assert_allclose(found, path(adaptive, 0.3, 0.05, momentum, 30), rtol=1e-9)


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))


def batch():
    return torch.randn(8, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def closure_of(model, optimizer, seen):
    def closure():
        optimizer.zero_grad()
        loss = model(batch()).square().mean()
        loss.backward()
        seen.append(([p.detach().clone() for p in model.parameters()], loss.item()))
        return loss

    return closure


@pytest.mark.parametrize("adaptive", [False, True])
def test_weights_come_back_exactly_and_only_the_first_run_moves_the_statistics(adaptive):
    model, once = network(), network()
    before = [p.detach().clone() for p in model.parameters()]
    optimizer = SAM(torch.optim.SGD(model.parameters(), 0.0), model.buffers(), 0.7, adaptive)
    seen = []
    loss = optimizer.step(closure_of(model, optimizer, seen))
    once(batch())
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))  # the rate is 0
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), once.buffers(), strict=True))
    assert loss.item() == seen[0][1] < seen[1][1]  # the second place is worse
    if not adaptive:
        moved = torch.cat([(a - b).flatten() for a, b in zip(seen[1][0], before, strict=True)])
        assert moved.norm().item() == pytest.approx(0.7, rel=1e-5)


def test_a_weight_without_a_gradient_stays():
    model = network()
    model[4].requires_grad_(False)
    before = model[4].weight.clone()
    optimizer = SAM(torch.optim.AdamW(model.parameters(), 0.1), model.buffers())
    seen = []
    optimizer.step(closure_of(model, optimizer, seen))
    assert torch.equal(model[4].weight, before)
    assert torch.equal(seen[1][0][4], before)


def test_without_any_gradient_nothing_moves():
    model = network().requires_grad_(False)
    before = [p.clone() for p in model.parameters()]
    SAM(torch.optim.SGD(model.parameters(), 0.1)).step(lambda: torch.zeros(()))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))


def test_at_a_distance_of_0_it_is_its_base():
    model, other = network(), network()
    optimizer, plain = (
        SAM(torch.optim.AdamW(model.parameters(), 0.01), model.buffers(), rho=0.0),
        torch.optim.AdamW(other.parameters(), 0.01),
    )
    for _ in range(3):
        optimizer.step(closure_of(model, optimizer, []))
        plain.step(closure_of(other, plain, []))
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))


def test_state_and_groups_are_the_base_s_also_after_loading():
    model = network()
    optimizer = SAM(torch.optim.AdamW(model.parameters(), 0.01), model.buffers())
    optimizer.step(closure_of(model, optimizer, []))
    saved = optimizer.state_dict()
    assert saved.keys() == optimizer.base.state_dict().keys()
    other = SAM(torch.optim.AdamW(network().parameters(), 0.5), rho=0.2)
    other.load_state_dict(saved)
    assert other.param_groups is other.base.param_groups
    assert other.state is other.base.state
    assert other.param_groups[0]["lr"] == 0.01
    assert len(other.state) == 6
    other.param_groups[0]["lr"] = 0.3  # as a schedule sets it
    assert other.base.param_groups[0]["lr"] == 0.3
    more = nn.Parameter(torch.zeros(2))
    other.add_param_group({"params": [more], "lr": 0.1})
    assert other.base.param_groups[1]["params"] == [more]
    assert other.param_groups is other.base.param_groups


def test_none_is_the_base_itself():
    base = torch.optim.SGD(network().parameters(), 0.1)
    assert SAMS["none"](base, ()) is base


@pytest.mark.parametrize(("name", "adaptive", "rho"), [("plain", False, 0.05), ("adaptive", True, 0.5)])
def test_the_table_builds_both_kinds(name, adaptive, rho):
    found = SAMS[name](torch.optim.SGD(network().parameters(), 0.1), ())
    assert (found.adaptive, found.rho, found.ascent_share) == (adaptive, rho, 1.0)
    found = SAMS[name](torch.optim.SGD(network().parameters(), 0.1), (), rho=0.1, ascent_share=0.25, start=0.5)
    assert (found.adaptive, found.rho, found.ascent_share, found.start) == (adaptive, 0.1, 0.25, 0.5)


def test_a_share_of_the_photos_tells_where_to_climb_and_all_tell_the_step():
    weight = nn.Parameter(torch.tensor([1.0, 2.0], dtype=torch.float64))
    centres = torch.tensor([[0.0, 0.0], [4.0, -2.0], [1.0, 5.0], [-3.0, 1.0]], dtype=torch.float64)
    optimizer = SAM(torch.optim.SGD([weight], 0.1), rho=0.5, ascent_share=0.25)

    def closure(share=1.0):
        optimizer.zero_grad()
        loss = (weight - centres[: int(4 * share)]).square().sum(1).mean() / 2
        loss.backward()
        return loss

    loss = optimizer.step(closure)
    w = np.array([1.0, 2.0])
    worst = w + 0.5 * w / np.linalg.norm(w)  # away from the first centre, which is at 0
    np.testing.assert_allclose(weight.detach().numpy(), w - 0.1 * (worst - centres.mean(0).numpy()), rtol=1e-12)
    assert loss.item() == pytest.approx(2.5)  # of the share, at the weights as they were


def test_with_a_share_the_statistics_are_those_of_all_photos():
    model, other = network(), network()
    optimizer = SAM(torch.optim.SGD(model.parameters(), 0.0), model.buffers(), 0.7, ascent_share=0.25)
    places = []

    def closure(share=1.0):
        optimizer.zero_grad()
        loss = model(batch()[: int(8 * share)]).square().mean()
        loss.backward()
        places.append([p.detach().clone() for p in model.parameters()])
        return loss

    before = [p.detach().clone() for p in model.parameters()]
    optimizer.step(closure)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), before, strict=True))
    with torch.no_grad():
        for p, place in zip(other.parameters(), places[1], strict=True):
            p.copy_(place)
    other(batch())  # once, with all photos, at the worst place
    assert all(torch.equal(a, b) for a, b in zip(model.buffers(), other.buffers(), strict=True))


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5])
def test_a_share_out_of_its_range_is_refused(share):
    with pytest.raises(OptionError, match=r"^ascent_share must be between 0.01 and 1, got "):
        SAM(torch.optim.SGD(network().parameters(), 0.1), ascent_share=share)


def test_before_its_start_steps_are_those_of_the_base():
    weight, plain = (nn.Parameter(torch.tensor([2.0, -1.5], dtype=torch.float64)) for _ in range(2))
    optimizer, base = SAM(torch.optim.SGD([weight], 0.05), rho=0.3, start=0.5), torch.optim.SGD([plain], 0.05)
    runs = []

    def closure_at(w):
        def closure():
            w.grad = None
            loss = w @ torch.tensor(A) @ w / 2 - torch.tensor(B) @ w
            loss.backward()
            runs.append(w)
            return loss

        return closure

    for optimizer.progress in (0.0, 0.25, 0.4999):
        assert optimizer.step(closure_at(weight)) == base.step(closure_at(plain))
        assert torch.equal(weight, plain)
    assert len(runs) == 6
    for optimizer.progress in (0.5, 0.75):
        before = weight.detach().numpy().copy()
        optimizer.step(closure_at(weight))
        g = A @ before - B
        worst = before + 0.3 * g / np.linalg.norm(g)
        np.testing.assert_allclose(weight.detach().numpy(), before - 0.05 * (A @ worst - B), rtol=1e-9)
    assert len(runs) == 10


@pytest.mark.parametrize("start", [-0.1, 1.0, 2])
def test_a_start_out_of_its_range_is_refused(start):
    with pytest.raises(OptionError, match=r"^start must be between 0 and 0.99, got "):
        SAM(torch.optim.SGD(network().parameters(), 0.1), start=start)


def test_a_negative_distance_is_refused():
    with pytest.raises(OptionError, match=r"^rho must be between 0 and 1000, got -1$"):
        SAM(torch.optim.SGD(network().parameters(), 0.1), rho=-1)
