"""What the line about the machine promises: where a table was made, and that runs were not all made alike."""

import datetime
import os
import platform
from types import SimpleNamespace

import pytest
import torch

from polytag.bench import machine as module
from polytag.bench.machine import machine


class Day(datetime.date):
    """A day that does not pass."""

    @classmethod
    def today(cls):
        return cls(2026, 1, 31)


@pytest.fixture(autouse=True)
def known_machine(monkeypatch, tmp_path):
    """A processor with two cores on one day; no GPU."""
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel\t\t: 1\nmodel name\t: Fast One\n\nmodel name\t: Other\n")
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(module, "date", Day)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def run(device="cpu", python="3.12.1", version="2.11.0", **running):
    versions = {"python": python, "torch": version, "timm": "1.0"}
    return SimpleNamespace(config={"running": {"device": device, **running}, "versions": versions})


def test_the_machine_and_the_versions_of_the_runs_are_told():
    assert machine([run(), run()]) == "2026-01-31, x86_64, Fast One, 2 cores, cpu, Python 3.12.1, torch 2.11.0"


def test_a_processor_without_a_name_is_left_out(monkeypatch, tmp_path):
    expected = "2026-01-31, x86_64, 2 cores, cpu, Python 3.12.1, torch 2.11.0"
    (tmp_path / "cpuinfo").write_text("processor : 0\nfeatures : many\n")
    assert machine([run()]) == expected
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "none")
    assert machine([run()]) == expected


def test_the_gpu_has_its_name(monkeypatch):
    large = run("cuda", gpu="Large GPU")
    assert ", 2 cores, trained on Large GPU, Python" in machine([large, large])
    assert ", 2 cores, trained on mixed: Large GPU and Other GPU, Python" in machine(
        [large, run("cuda", gpu="Other GPU")]
    )
    assert ", 2 cores, trained on mixed: Large GPU and cpu, Python" in machine([large, run()])
    assert ", 2 cores, cuda, Python" in machine([run("cuda")])  # a run of an older version
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Large GPU")
    assert ", 2 cores, Large GPU, Python" in machine([large, large])
    assert ", 2 cores, trained on Other GPU, Python" in machine([run("cuda", gpu="Other GPU")])
    assert ", 2 cores, cpu, Python" in machine([run()])


def test_runs_that_were_not_made_alike_are_called_mixed():
    line = machine([run(), run("cuda", version="2.15.0"), run(python="3.11.2")])
    assert line == (
        "2026-01-31, x86_64, Fast One, 2 cores, mixed: cpu and cuda, Python mixed: 3.11.2 and 3.12.1, "
        "torch mixed: 2.11.0 and 2.15.0"
    )


def test_what_a_run_does_not_say_is_unknown():
    line = machine([SimpleNamespace(config={})])
    assert line.endswith(", 2 cores, unknown device, Python unknown, torch unknown")
