"""What `polytag train` promises of runs that end early and go on, and of weights of other runs."""

import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from photo_folder import QUICK
from safetensors.torch import load_file, save_file
from train_words import contents, history, table

from polytag.cli import main
from polytag.cli.train import free_folder, parse_size
from polytag.errors import OptionError

LONG = (*QUICK, "--epochs", "20", "--average", "0.9")


def test_a_diverged_training_is_one_sentence(photos, tmp_path, refused):
    sentence = refused("train", photos, *QUICK, "--lr", "1000", "--clip", "0", "--epochs", "8", "--out", tmp_path / "r")
    assert sentence.endswith("; lower the learning rate")


def test_resuming_with_other_arguments_or_data_is_refused_by_name(photos, run_copy, tmp_path, refused):
    resume = ("--out", run_copy, "--resume")
    assert refused("train", photos, *QUICK, "--lr", "0.1", *resume) == (
        f"{run_copy} was started with lr 0.003, and 0.1 came; resume it with the same arguments, or start another run"
    )
    data = shutil.copytree(photos, tmp_path / "data")
    table(data, (data / "labels.csv").read_text().replace("dog", "cow"))
    assert refused("train", data, *QUICK, *resume) == (
        f"{run_copy} was started with other photos, labels or splits than those that came; "
        "resume it with the same data, or start another run"
    )


def test_resuming_what_is_finished_changes_nothing(photos, run_copy):
    before = contents(run_copy)
    assert main(["train", str(photos), *QUICK, "--out", str(run_copy), "--resume", "--workers", "1"]) == 0
    assert contents(run_copy) == before


@pytest.fixture(scope="module")
def undisturbed(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    assert main(["train", str(photos), *LONG, "--out", str(out)]) == 0
    return out


def assert_same_training(one, other):
    assert history(one) == history(other)
    for name in ("model.safetensors", "state/last.safetensors"):
        weights, others = load_file(one / name), load_file(other / name)
        assert weights.keys() == others.keys()
        assert all(torch.equal(weights[key], others[key]) for key in weights)
    assert (one / "metrics.json").read_text() == (other / "metrics.json").read_text()


def test_ctrl_c_in_the_middle_says_how_to_go_on_and_going_on_gives_the_same_weights(photos, undisturbed, tmp_path):
    out = tmp_path / "run"
    words = [sys.executable, "-m", "polytag", "train", str(photos), *LONG, "--out", str(out)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("epoch  1/20"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read().splitlines()
    assert (process.returncode, len(rest)) == (130, 1), rest
    assert re.fullmatch(
        rf"polytag: stopped after step \d+, kept in {out}; the same command with --out {out} --resume goes on",
        rest[-1],
    )
    assert len(history(out)) < 20
    assert main(["train", str(photos), *LONG, "--out", str(out), "--resume"]) == 0
    assert_same_training(out, undisturbed)


def test_sigterm_within_an_epoch_does_the_same(photos, undisturbed, tmp_path, capsys, monkeypatch):
    import polytag.train.loop

    steps, step = [], polytag.train.loop._Runner.step

    def terminated_at_the_seventh(runner, batches, interrupted):
        if len(steps) == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        steps.append(step(runner, batches, interrupted))
        return steps[-1]

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(polytag.train.loop._Runner, "step", terminated_at_the_seventh)
        assert main(["train", str(photos), *LONG, "--out", str(out)]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"polytag: stopped after step 7, kept in {out}; the same command with --out {out} --resume goes on"
    )
    assert len(history(out)) == 1
    assert main(["train", str(photos), *LONG, "--out", str(out), "--resume"]) == 0
    assert_same_training(out, undisturbed)


def test_a_damaged_state_is_refused(photos, run_copy, refused):
    (run_copy / "state" / "last.safetensors").write_bytes(b"nothing")
    assert refused("train", photos, *QUICK, "--out", run_copy, "--resume").startswith(
        f"the training state {run_copy}/state/last.safetensors cannot be read ("
    )


def test_a_training_that_was_killed_before_its_first_save_is_resumed_from_its_beginning(photos, run_copy):
    before = load_file(run_copy / "model.safetensors")
    shutil.rmtree(run_copy / "state")
    for name in ("model.safetensors", "metrics.json"):
        (run_copy / name).unlink()
    assert main(["train", str(photos), *QUICK, "--out", str(run_copy), "--resume"]) == 0
    after = load_file(run_copy / "model.safetensors")
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_weights_of_another_run_are_a_start(photos, trained, tmp_path, capsys):
    assert main(["train", str(photos), *QUICK, "--weights", str(trained), "--out", str(tmp_path / "run")]) == 0
    assert "head: 3 of 3 classes are known to the run by name, 0 start afresh\n" in capsys.readouterr().err


def test_a_damaged_weights_file_of_the_right_kind_is_refused(photos, tmp_path, refused):
    weights = tmp_path / "weights.safetensors"
    save_file({"x": torch.tensor([float("nan")])}, weights)
    assert refused("train", photos, *QUICK, "--weights", weights) == (
        f"{weights} holds numbers that are not finite, first in x; give another weights file"
    )


def test_without_out_the_run_gets_the_name_of_the_data_and_a_free_number(tmp_path):
    assert free_folder(tmp_path, "cats") == tmp_path / "cats"
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats-2").mkdir()
    assert free_folder(tmp_path, "cats") == tmp_path / "cats-3"


@pytest.mark.parametrize(("text", "size"), [("224", 224), (224, 224), ("256x192", (256, 192)), ("256X192", (256, 192))])
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "x", "1x", "1x2x3", "-1", "1.5", "²", "224px"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(
        OptionError, match=rf"^--image-size must be a number of pixels or HEIGHTxWIDTH, got {re.escape(repr(text))}$"
    ):
        parse_size(text)


def test_trainings_that_a_method_needs_are_told(photos, tmp_path, capsys):
    words = ["--method", "cpsd", "--method.decompositions", "whole", "--out", str(tmp_path / "run")]
    assert main(["train", str(photos), *QUICK, *words]) == 0
    said = capsys.readouterr().err.splitlines()
    assert "this needs 1 training first: whole 1 of 1" in said
    assert any(line.startswith("training whole-1-of-1-") for line in said)
