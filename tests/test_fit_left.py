"""What a training promises where somebody leaves it between two saves: nothing is lost, or a sentence says so."""

import pytest
import torch
from fit_toys import training
from safetensors.torch import load_file

import polytag.recorder
import polytag.session
import polytag.train.saving
from polytag.errors import RunError
from polytag.run import STATE
from polytag.train.loop import Epoch, Step
from polytag.train.state import load_tree


@pytest.mark.parametrize("kind", [Epoch, Step])
def test_a_training_that_is_left_between_two_saves_goes_on_from_there(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(polytag.session, "REPORT_EVERY", 0.0)
    monkeypatch.setattr(polytag.train.saving.Pace, "due", lambda self, after_epoch: False)
    whole = training(tmp_path / "whole").finish()
    for event in training(tmp_path / "run"):
        if isinstance(event, kind):
            break
    state = load_tree(tmp_path / "run" / STATE)
    assert state["train"]["step"] == event.state.step == (1 if kind is Step else 3)
    resumed = training(tmp_path / "run", resume=True).finish()
    for name, weights in load_file(whole.path / "model.safetensors").items():
        assert torch.equal(weights, load_file(resumed.path / "model.safetensors")[name])


def test_a_training_that_cannot_be_saved_as_it_is_left_says_so(tmp_path, monkeypatch):
    def full(self, event):
        raise RunError("no room")

    monkeypatch.setattr(polytag.train.saving.Pace, "due", lambda self, after_epoch: False)
    monkeypatch.setattr(polytag.recorder.Recorder, "save", full)
    events = iter(training(tmp_path / "run"))
    assert any(isinstance(event, Epoch) for event in events)
    with pytest.raises(RunError, match="^no room$"):
        events.close()
