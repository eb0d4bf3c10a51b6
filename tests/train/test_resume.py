"""What resuming promises: a killed training ends with the very same weights as one that never stopped."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from toys import events

from polytag.train.loop import Epoch
from polytag.train.state import load_tree

TOYS = Path(__file__).parents[1] / "toys.py"


def tensors(tree, at=""):
    if isinstance(tree, torch.Tensor):
        return {at: tree}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list | tuple) else ()
    return {name: value for key, item in items for name, value in tensors(item, f"{at}/{key}").items()}


@pytest.fixture(scope="module")
def undisturbed():
    return tensors(list(events())[-1].state.state_dict())


@pytest.mark.parametrize(("die_at", "workers"), [(3, 0), (22, 2), (33, 0)])  # call of `losses`, four a step
def test_a_killed_run_ends_bit_for_bit_like_one_that_was_not(die_at, workers, tmp_path, undisturbed):
    command = [sys.executable, str(TOYS), str(tmp_path), str(die_at), str(workers)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "end.safetensors").exists()
    subprocess.run(command, check=True)
    resumed = tensors(load_tree(tmp_path / "end.safetensors"))
    assert resumed.keys() == undisturbed.keys()
    assert [name for name, value in resumed.items() if not torch.equal(value, undisturbed[name])] == []


def test_a_state_may_be_taken_up_again_at_every_single_step(undisturbed):
    state = None
    for _ in range(30):  # each training goes one step further than the one it takes up
        run = events(state)
        state = next(run).state.state_dict()
        run.close()
        if state["epoch"] == 3:
            break
    assert state["epoch"] == 3
    assert all(torch.equal(value, undisturbed[name]) for name, value in tensors(state).items())


def test_workers_change_nothing(undisturbed):
    threaded = tensors(list(events(workers=3))[-1].state.state_dict())
    assert all(torch.equal(value, undisturbed[name]) for name, value in threaded.items())


def test_the_generators_outside_are_left_as_they_were():
    run = events()
    before = torch.get_rng_state()
    assert not all(isinstance(event, Epoch) for event in run)
    assert torch.equal(torch.get_rng_state(), before)
