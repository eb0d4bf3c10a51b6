"""What the training state promises: every number comes back as it was, and a file is whole or not there."""

import copy
import math
import resource
import struct
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from toys import Small, TwoSamplings

from polytag import _files
from polytag.errors import RunError
from polytag.train.ema import ModelAverage
from polytag.train.optimizers import OPTIMIZERS
from polytag.train.sam import SAM
from polytag.train.schedules import Constant, Plateau
from polytag.train.state import TrainState, is_finite, load_tree, save_tree, write_tensors


def built(optimizer="adamw", average=0.9, channels_last=False):
    torch.manual_seed(0)
    method = TwoSamplings(Small(branches=2))
    method.to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    running = ModelAverage(method.model, average) if average else None
    return TrainState(method, OPTIMIZERS[optimizer](method, 0.1, 0.01), Plateau(patience=0), running)


def step(state, seed):
    """What an optimizer step does to a state."""
    random = torch.Generator().manual_seed(seed)
    for p in state.method.parameters():
        p.grad = torch.randn(p.shape, generator=random, dtype=p.dtype)
    state.optimizer.step()
    state.average.update()
    state.sums = {"classify": state.sums.get("classify", 0.0) + torch.randn((), generator=random)}
    state.step += 1


def flat(tree, at=""):
    """The leaves of a tree by their places, tensors as their type, shape and numbers."""
    if isinstance(tree, torch.Tensor):
        return {at: (tree.dtype, tuple(tree.shape), tree.tolist())}
    if not isinstance(tree, dict | list | tuple):
        return {at: tree}
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    return {name: value for key, item in items for name, value in flat(item, f"{at}/{key!r}").items()}


def test_everything_that_a_state_holds_survives_the_file(tmp_path):
    weight = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    tree = {
        "optimizer": {"state": {0: {"step": torch.tensor(7.0), "momentum_buffer": None}, 10: {}}, "groups": [[0, 10]]},
        "shared": [weight, weight, weight[1], weight.T],
        "types": [torch.tensor(value) for value in (True, -5, 2**40)],
        "bf16": torch.tensor([1.0, math.pi, math.inf], dtype=torch.bfloat16),
        "half": torch.tensor([6e-8], dtype=torch.float16),
        "double": torch.tensor(0.1, dtype=torch.float64),
        "channels_last": torch.arange(24).view(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
        "empty": [torch.zeros(0, 3), {}, [], ""],
        "plain": [None, True, 3, 0.1, -math.inf, "größe \udc80 \n", {"tensor": "no tensor", "dict": 1, 1: "a number"}],
    }
    before = copy.deepcopy(tree)
    save_tree(tmp_path / "new" / "state.safetensors", tree)
    assert flat(load_tree(tmp_path / "new" / "state.safetensors")) == flat(before) == flat(tree)
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["state.safetensors"]


def test_a_tree_without_tensors_and_one_that_is_a_tensor(tmp_path):
    save_tree(tmp_path / "state", [1, None])
    assert load_tree(tmp_path / "state") == [1, None]
    save_tree(tmp_path / "state", torch.tensor(2.5, requires_grad=True))
    assert load_tree(tmp_path / "state").item() == 2.5


def test_tensors_that_shared_memory_are_apart_afterwards(tmp_path):
    weight = torch.zeros(3)
    save_tree(tmp_path / "state", [weight, weight])
    first, second = load_tree(tmp_path / "state")
    first += 1
    assert second.tolist() == [0, 0, 0]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_state_that_is_taken_up_goes_on_bit_for_bit(optimizer, tmp_path):
    undisturbed, stopped = built(optimizer), built(optimizer)
    for number in range(3):
        step(undisturbed, number)
        step(stopped, number)
    save_tree(tmp_path / "state", stopped.state_dict())
    resumed = built(optimizer)
    resumed.load_state_dict(load_tree(tmp_path / "state"))
    assert flat(resumed.state_dict()).keys() == flat(undisturbed.state_dict()).keys()
    for number in range(3, 6):
        step(undisturbed, number)
        step(resumed, number)
    assert flat(resumed.state_dict()) == flat(undisturbed.state_dict())


def test_one_saved_state_may_be_taken_up_twice():
    first = built("adamw")
    step(first, 0)
    saved = copy.deepcopy(first.state_dict())
    before = flat(saved)
    for _ in range(2):
        resumed = built("adamw")
        resumed.load_state_dict(saved)
        step(resumed, 1)
        step(resumed, 2)
        assert flat(saved) == before  # Adam counts its steps in place


def test_a_scalar_parameter_keeps_the_type_of_its_step_count():
    state = built("adam")
    state.method.gain = torch.nn.Parameter(torch.ones((), dtype=torch.float64))
    state.optimizer = OPTIMIZERS["adam"](state.method, 0.1, 0.0)
    step(state, 0)
    state.load_state_dict(copy.deepcopy(state.state_dict()))
    kept = state.optimizer.state[state.method.gain]
    assert (kept["step"].dtype, kept["exp_avg"].dtype) == (torch.float32, torch.float64)


def test_momentum_takes_the_memory_order_of_the_weights(tmp_path):
    state = built("sgd", channels_last=True)
    step(state, 0)
    save_tree(tmp_path / "state", state.state_dict())
    resumed = built("sgd", channels_last=True)
    resumed.load_state_dict(load_tree(tmp_path / "state"))
    weight = resumed.method.model.trunk[0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert resumed.optimizer.state[weight]["momentum_buffer"].stride() == weight.stride()


def test_an_optimizer_around_another_one_is_resumed_through_it():
    def wrapped():
        state = built("sgd")
        state.optimizer = SAM(state.optimizer)
        return state

    first, second = wrapped(), wrapped()
    for p in first.method.parameters():
        p.grad = torch.ones_like(p)
    first.optimizer.base.step()
    second.load_state_dict(first.state_dict())
    weight = next(iter(second.method.parameters()))
    assert torch.equal(second.optimizer.base.state[weight]["momentum_buffer"], torch.ones_like(weight))


@pytest.mark.parametrize(("average", "resumed", "which"), [(0.9, None, "with"), (None, 0.9, "without")])
def test_a_running_average_neither_appears_nor_vanishes(average, resumed, which):
    with pytest.raises(RunError) as error:
        built(average=resumed).load_state_dict(built(average=average).state_dict())
    assert str(error.value) == (
        f"the training state was left by a run {which} a running average; resume it as it was started"
    )


def test_schedules_without_a_state_are_fine(tmp_path):
    state = built()
    state.schedule = Constant()
    save_tree(tmp_path / "state", state.state_dict())
    state.load_state_dict(load_tree(tmp_path / "state"))
    assert (state.epoch, state.step, state.sums) == (0, 0, {})


def refusal(path):
    with pytest.raises(RunError) as error:
        load_tree(path)
    start, _, reason = str(error.value).partition(" cannot be read (")
    assert start == f"the training state {path}"
    assert reason.endswith("); start again without --resume")
    assert "\n" not in reason
    return reason.removesuffix("); start again without --resume")


def test_every_bit_that_has_turned_is_noticed(tmp_path):
    path = tmp_path / "state.safetensors"
    tree = {
        "weights": torch.arange(40.0),
        "half": torch.ones(3, dtype=torch.bfloat16),
        "step": 7,
        "one": torch.tensor(2),
    }
    save_tree(path, tree)
    whole = path.read_bytes()
    places = np.random.default_rng(0).choice(8 * len(whole), 200, replace=False)
    for place in places.tolist():
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        with pytest.raises(RunError):
            load_tree(path)
    path.write_bytes(whole)
    assert load_tree(path)["step"] == 7


@pytest.mark.parametrize("kept", [0, 5, 100, -1])
def test_a_truncated_file_is_named(kept, tmp_path):
    path = tmp_path / "state.safetensors"
    save_tree(path, {"a": torch.ones(100)})
    path.write_bytes(path.read_bytes()[:kept])
    assert refusal(path)


def test_a_missing_file_is_named(tmp_path):
    assert "No such file" in refusal(tmp_path / "state.safetensors")


def test_files_of_another_kind_are_named(tmp_path):
    path = tmp_path / "state.safetensors"
    save_file({"a": torch.ones(2)}, path)
    assert refusal(path)
    save_file({"a": torch.ones(2)}, path, {"tree": "no JSON"})
    assert refusal(path)
    save_file({"a": torch.ones(2)}, path, {"tree": '{"tensor": "b"}'})
    assert refusal(path)
    path.write_bytes(struct.pack("<Q", 2**62))
    assert refusal(path)


def test_a_full_disk_keeps_the_old_file(tmp_path):
    path = tmp_path / "state.safetensors"
    save_tree(path, {"step": 1})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(RunError) as error:
            save_tree(path, {"step": 2, "a": torch.ones(10_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(error.value) == (
        f"cannot write {path}: the disk is full; the previous one is kept; make room or choose another folder"
    )
    assert load_tree(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_room_for_the_tensors_is_asked_for_first(tmp_path, monkeypatch):
    path = tmp_path / "state.safetensors"
    monkeypatch.setattr(_files.shutil, "disk_usage", lambda _folder: SimpleNamespace(free=3_999_999))
    with pytest.raises(RunError, match=r"state\.safetensors: it takes 4 MB and 3 MB are free; make room or choose"):
        save_tree(path, {"a": torch.ones(900_000), "b": [torch.ones(100_000)]})
    assert list(tmp_path.iterdir()) == []
    save_tree(path, {"a": torch.ones(900_000)})


def test_finds_what_is_not_finite():
    fine = {"a": torch.ones(2), "b": torch.tensor([2**40]), "c": torch.zeros(0), "d": "text"}
    assert is_finite(fine)
    assert is_finite({})
    for strange in (math.nan, math.inf, -math.inf):
        assert not is_finite(fine | {"e": torch.tensor([0.0, strange], dtype=torch.bfloat16)})


def test_the_same_content_is_the_same_bytes(tmp_path):
    told = {name: 'ä"\\\n\x01 ' + name for name in "hgfedcba"}  # the library writes them in a random order
    for number in range(4):
        write_tensors(tmp_path / f"{number}.safetensors", {"w": torch.arange(3.0), "b": torch.ones(1)}, told)
    assert len({(tmp_path / f"{number}.safetensors").read_bytes() for number in range(4)}) == 1
    with safe_open(tmp_path / "0.safetensors", "pt") as file:
        assert file.metadata() == told
        assert file.get_tensor("w").tolist() == [0.0, 1.0, 2.0]
