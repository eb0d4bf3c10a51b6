"""What several processes promise: the same losses and weights as one process with the same global batch."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
from toys import augmenting, events

from polytag.train.state import load_tree

TOYS = Path(__file__).parents[1] / "toys.py"


def in_two(folder, what):
    """Run the toys as two processes; what each left."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    both = []
    for rank in range(2):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = os.environ | {name: str(value) for name, value in place.items()}
        both.append(subprocess.Popen([sys.executable, str(TOYS), str(folder), what], env=environment))
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    return [load_tree(folder / f"rank-{rank}.safetensors") for rank in range(2)]


def tensors_in(tree, path=""):
    """The tensors of a tree of dictionaries, by their paths."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from tensors_in(value, f"{path}{name}.")
        elif isinstance(value, torch.Tensor):
            yield f"{path}{name}", value


def test_two_processes_train_like_one(tmp_path):
    ends = in_two(tmp_path, "processes")
    alone = list(events(dropout=0.0))
    for end in ends:
        assert len(end["losses"]) == len(alone)
        for event, losses in zip(alone, end["losses"], strict=True):
            assert losses.keys() == event.losses.keys()
            assert all(abs(losses[name] - value) < 1e-5 for name, value in event.losses.items())
        for name, value in alone[-1].state.method.state_dict().items():
            torch.testing.assert_close(end["state"]["method"][name], value, atol=1e-5, rtol=0)


def test_vectors_are_mixed_within_a_process_and_what_is_learned_is_shared(tmp_path):
    states = [end["state"] for end in in_two(tmp_path, "augmenting")]
    one, other = (state["method"] for state in states)
    assert one.keys() == other.keys()
    assert any("running_mean" in name for name in one)  # each process counted its own, and the first one's are kept
    assert all(torch.equal(one[name], other[name]) for name in one)
    averages = [dict(tensors_in(state["average"])) for state in states]
    assert any("running_mean" in name for name in averages[0])
    assert all(torch.equal(value, averages[1][name]) for name, value in averages[0].items())
    begun = augmenting().model.state_dict()
    assert not any(torch.equal(one[f"model.{name}"], begun[name]) for name in begun if name.endswith("conv1.weight"))
