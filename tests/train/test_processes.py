"""What several processes promise: the same losses and weights as one process with the same global batch."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import torch
from toys import events

from polytag.train.state import load_tree

TOYS = Path(__file__).parents[1] / "toys.py"


def test_two_processes_train_like_one(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    both = []
    for rank in range(2):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = os.environ | {name: str(value) for name, value in place.items()}
        both.append(subprocess.Popen([sys.executable, str(TOYS), str(tmp_path), "processes"], env=environment))
    assert [process.wait(timeout=120) for process in both] == [0, 0]

    alone = list(events(dropout=0.0))
    for rank in range(2):
        end = load_tree(tmp_path / f"rank-{rank}.safetensors")
        assert len(end["losses"]) == len(alone)
        for event, losses in zip(alone, end["losses"], strict=True):
            assert losses.keys() == event.losses.keys()
            assert all(abs(losses[name] - value) < 1e-5 for name, value in event.losses.items())
        for name, value in alone[-1].state.method.state_dict().items():
            torch.testing.assert_close(end["state"]["method"][name], value, atol=1e-5, rtol=0)
