"""What several processes promise: together they are one training, and none is left waiting for a dead one."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from member import training
from photo_folder import make_photos
from safetensors.torch import load_file
from toys import PREPROCESSING, Small, tiny_set

from polytag._team import Team, lost_process
from polytag.cli import main
from polytag.data.loader import Loader
from polytag.errors import BusyElsewhereError, BusyError, DataError, ElsewhereError, OptionError, ProcessError
from polytag.inference import evaluate

TESTS = Path(__file__).parent
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ACCELERATE = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1")
ACCELERATE += ("--mixed_precision", "no", "--dynamo_backend", "no")  # told, or it tells what it took for them
QUICK = ("--backbone", "test_convnext", "--weights", "none", "--image-size", "32", "--epochs", "2", "--device", "cpu")
QUICK += ("--batch-size", "8", "--lr", "0.003", "--workers", "0", "--average", "0.9")


def launched(*words):
    """What two processes on this machine said and how they ended."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=240)


def assert_same(run, other, tolerance):
    ours, theirs = load_file(run / "model.safetensors"), load_file(other / "model.safetensors")
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], atol=tolerance, rtol=0)


def losses(run):
    with (run / "history.csv").open() as file:
        return [float(row["loss_classify"]) for row in csv.DictReader(file)]


# Real processes


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def alone(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "run"
    assert main(["train", str(photos), *QUICK, "--out", str(out)]) == 0
    return out


@pytest.mark.parametrize("launcher", [TORCHRUN, ACCELERATE])
def test_two_processes_train_like_one_and_one_of_them_speaks(launcher, photos, alone, tmp_path):
    ended = launched(*launcher, "-m", "polytag", "train", photos, *QUICK, "--out", tmp_path / "run")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("best epoch") == 1
    assert ended.stderr.count("epoch 2/2") == 1
    assert losses(tmp_path / "run") == pytest.approx(losses(alone), abs=1e-5)
    assert_same(tmp_path / "run", alone, 1e-5)


def test_a_process_that_dies_ends_the_others_and_a_restart_goes_on(tmp_path):
    ended = launched(*TORCHRUN, "--max-restarts", "1", TESTS / "member.py", tmp_path / "run")
    assert ended.returncode == 0, ended.stderr
    assert "process 0: another process of this training has ended or cannot be reached (" in ended.stderr
    assert f"); the same command with --out {tmp_path / 'run'} --resume goes on" in ended.stderr
    training(tmp_path / "alone").finish()
    assert losses(tmp_path / "run") == pytest.approx(losses(tmp_path / "alone"), abs=1e-5)
    assert_same(tmp_path / "run", tmp_path / "alone", 1e-5)


def test_processes_that_were_given_no_folder_are_refused(photos, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "0")
    assert main(["train", str(photos), *QUICK]) == 1
    assert capsys.readouterr().err == (
        "polytag: 4 processes need --out with the run folder, so that they agree on it\n"
    )
    monkeypatch.setenv("RANK", "1")
    assert main(["train", str(photos), *QUICK]) == 1
    assert capsys.readouterr().err == ""  # the first one says it
    assert main(["train", str(photos / "gone"), *QUICK, "--out", "run"]) == 1
    assert "does not exist" in capsys.readouterr().err  # that may be so for this process alone


def test_errors_of_the_communication_are_told_from_others():
    closed = "[../third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:21735"
    assert lost_process(RuntimeError(closed))
    assert lost_process(torch.distributed.DistBackendError("NCCL communicator was aborted"))
    assert not lost_process(torch.distributed.DistBackendError("Duplicate GPU detected: rank 1 and rank 0"))
    assert not lost_process(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


# Threads in their place: quick, and without a network


@pytest.mark.parametrize("photos", range(1, 18))
def test_every_photo_is_judged_once_whatever_their_number(photos, pair):
    data, model = tiny_set(20).select(range(photos)), Small()
    expected = evaluate(model, Loader(data, PREPROCESSING), torch.device("cpu"), batch_size=4)
    for found in pair(lambda team: evaluate(model, Loader(data, PREPROCESSING), torch.device("cpu"), team, 4)):
        for ours, theirs in zip(found.collected(), expected.collected(), strict=True):
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, atol=1e-6)
        np.testing.assert_equal(found.compute(), pytest.approx(expected.compute(), abs=1e-6, nan_ok=True))


def test_what_the_first_one_makes_all_have(pair):
    made = []

    def of(team):
        return team.from_first(lambda: made.append(team.rank) or {"rank": team.rank})

    assert pair(of) == [{"rank": 0}, {"rank": 0}]
    assert made == [0]


def test_what_the_first_one_refuses_all_refuse(pair):
    def refuse():
        raise OptionError("no")

    first, second = pair(lambda team: team.from_first(refuse))
    assert (type(first), str(first)) == (OptionError, "no")
    assert (type(second), str(second)) == (ElsewhereError, "no")


def test_what_is_busy_for_the_first_one_is_busy_for_all(pair):
    def refuse():
        raise BusyError("wait")

    first, second = pair(lambda team: team.from_first(refuse))
    assert (type(first), str(first)) == (BusyError, "wait")
    assert (type(second), str(second)) == (BusyElsewhereError, "wait")
    assert isinstance(second, BusyError)


def test_what_one_refuses_alone_ends_all_and_is_named(pair):
    def events(team):
        yield f"at work {team.rank}"
        if team.rank == 1:
            raise DataError("x.png is missing")
        return "done"

    first, second = pair(lambda team: list(team.together(events(team))))
    assert (type(first), str(first)) == (ProcessError, "process 1 of 2: x.png is missing")
    assert (type(second), str(second)) == (ElsewhereError, "x.png is missing")


def test_where_nobody_refuses_each_has_its_own(pair):
    def events(team):
        yield "at work"
        return team.rank

    def outcome(team):
        return (yield from team.together(events(team)))

    def of(team):
        run = outcome(team)
        assert next(run) == "at work"
        with pytest.raises(StopIteration) as end:
            next(run)
        return end.value.value

    assert pair(of) == [0, 1]


def test_one_alone_asks_nobody():
    team = Team()
    assert team.from_first(lambda: 3) == 3
    assert team.gathered(4) == [4]
    team.share_buffers(torch.nn.BatchNorm2d(2))
