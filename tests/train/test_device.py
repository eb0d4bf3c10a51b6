"""What is known of the memory that a training took."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from polytag.train.device import peak_memory

CPU = torch.device("cpu")


def test_the_peak_is_seen_after_it_is_over():
    before = peak_memory(CPU)
    block = np.ones(100_000_000 // 8)
    del block
    assert peak_memory(CPU) >= before
    assert 50 < peak_memory(CPU) < 1e6  # MB


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count from the start of the process alone")
def test_the_peak_of_one_training_is_not_that_of_the_one_before():
    lines = (
        "import numpy as np, torch",
        "from polytag.train.device import forget_peak_memory, peak_memory",
        "cpu = torch.device('cpu')",
        "block = np.ones(400_000_000 // 8)",
        "high = peak_memory(cpu)",
        "del block",
        "forget_peak_memory(cpu)",
        "print(high - peak_memory(cpu))",
    )  # in a process of its own: what other tests have freed would hold the block
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 200  # MB
