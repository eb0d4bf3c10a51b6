"""What a process knows of its launcher."""

import os

import pytest

from polytag._launch import launch, processes, rank, restarts


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT", "TORCHELASTIC_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_launcher_there_is_one_process():
    assert (rank(), processes(), restarts(), launch()) == (0, 1, 0, "")


def test_a_launcher_says_which_of_how_many_and_whether_again(monkeypatch):
    for name, value in {"RANK": "2", "WORLD_SIZE": "3", "TORCHELASTIC_RESTART_COUNT": "1"}.items():
        monkeypatch.setenv(name, value)
    assert (rank(), processes(), restarts()) == (2, 3, 1)


def test_a_launch_is_told_from_another_of_the_same_name(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert launch() == f"none-{os.getppid()}"
