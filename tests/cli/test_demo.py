"""What `polytag demo` promises: a run, a comparison and a picture, on any machine and without a network."""

import json
import re

import pytest
import torch
from PIL import Image

import polytag.cli.demo
from polytag.cli import main
from polytag.data.digits import scenes
from polytag.run import Run


@pytest.fixture
def small(monkeypatch):
    """Fewer scenes; and the number of threads, which the demo lowers, goes back."""
    threads = torch.get_num_threads()
    monkeypatch.setattr(polytag.cli.demo, "scenes", lambda seed: scenes(seed, train=160, val=32, test=48, size=32))
    yield
    torch.set_num_threads(threads)


def test_the_demo_ends_with_a_run_a_comparison_and_a_picture(small, tmp_path, capsys):
    out = tmp_path / "demo"
    assert main(["demo", "--epochs", "1", "--out", str(out)]) == 0
    shown, narrated = capsys.readouterr()
    assert narrated.startswith("Which of the ten digits are in the picture? ")
    assert "160 train, 32 val, 48 test.\n" in narrated
    assert re.search(r"^this model +[01]\.\d{4} ", shown, re.MULTILINE)
    assert re.search(r"^logistic regression +[01]\.\d{4} ", shown, re.MULTILINE)
    assert max(len(line) for line in shown.splitlines() if str(out) not in line) <= 80
    with Image.open(out / "contact_sheet.png") as sheet:
        assert min(sheet.size) > 100
    assert Run.open(out).metrics["test"]["mAP"] > 0
    _, _, told = shown.partition("\nNext, your own photos:\n")
    assert told.startswith("  polytag train PHOTOS/labels.csv --out runs/mine ")


def test_a_run_of_ones_own_is_not_replaced(small, run_copy, refused):
    before = (run_copy / "model.safetensors").read_bytes()
    assert refused("demo", "--out", run_copy) == (
        f"{run_copy} holds a run that is not the demo's; choose another folder with --out"
    )
    assert (run_copy / "model.safetensors").read_bytes() == before


def test_a_demo_is_replaced_and_ctrl_c_offers_no_resuming(small, run_copy, monkeypatch, capsys):
    config = json.loads((run_copy / "config.json").read_text())
    (run_copy / "config.json").write_text(json.dumps({**config, "command": "polytag demo"}))

    def stopped(events, epochs):
        raise KeyboardInterrupt("stopped after step 7")

    monkeypatch.setattr(polytag.cli.demo, "watch", stopped)
    assert main(["demo", "--out", str(run_copy)]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "polytag: stopped; polytag demo begins anew"
