"""What the recorder's states promise: a run goes on from the last whole one as it was started, or not at all."""

import json
import math
import os
import re
from contextlib import nullcontext

import pytest
from recorder_toys import epoch, kept, recorder

from polytag.errors import DivergedError, RunError
from polytag.recorder import Recorder
from polytag.run import STATE, Run, save_weights
from polytag.train.loop import Step
from polytag.train.state import load_tree


def step(number, state, interrupted=False):
    return Step(1, number, 40, {}, 0.1, state, interrupted)


def test_an_epoch_that_was_interrupted_takes_the_time_of_both_its_parts(run_copy, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("polytag.recorder.time.monotonic", lambda: now[0])

    def at(second, event):
        now[0] = second
        return event

    one = Recorder(run_copy, Run.open(run_copy).config, "mAP")
    state = epoch(1, 0.5).state
    with pytest.raises(KeyboardInterrupt):
        list(
            one.follow(
                (at(n, event) for n, event in [(0.0, step(4, state)), (3.0, step(6, state, True))]), 8, lambda: 0.0
            )
        )
    assert one.spent == 3.0
    two = Recorder(run_copy, Run.open(run_copy).config, "mAP")
    two.take_up(two.resume())
    now[0] = 100.0
    list(two.follow((at(n, event) for n, event in [(102.0, epoch(1, 0.5))]), 8, lambda: 0.5))
    assert two.history[-1]["seconds"] == 4.5  # three before, two after less half a one for something else
    assert two.history[-1]["images_per_second"] == round(10 * 8 / 4.5, 2)


def test_another_version_is_told_where_it_may_compute_otherwise(run_copy):
    config = Run.open(run_copy).config
    begun = dict(config["versions"])
    config["versions"] |= {"timm": "1.0.99"}
    record = Recorder(run_copy, config, "mAP")
    assert record.told() == [f"it ran with timm {begun['timm']} and goes on with 1.0.99: sums may be rounded otherwise"]
    record.go_on({})
    assert Run.open(run_copy).config["versions"] == begun
    assert Run.open(run_copy).config["running"]["versions"]["timm"] == "1.0.99"
    assert record.told() == []


def test_weights_of_an_epoch_that_the_state_does_not_know_are_the_best_ones_all_the_same(run_copy):
    """As where a process was killed between the two, or where the state before the last is taken."""
    config = Run.open(run_copy).config
    one = Recorder(run_copy, config, "mAP")
    one.epoch(epoch(1, 0.5), 1.0, 100)
    one.save(epoch(1, 0.5))
    one.epoch(epoch(2, 0.6), 1.0, 100)
    two = Recorder(run_copy, config, "mAP")
    two.take_up(two.resume())
    assert two.told() == ["the weights that are kept are of epoch 2, which is trained once more"]
    assert two.best == {"epoch": 2, "weights": "raw", "score": 0.6}
    two.epoch(epoch(2, 0.4, value=7), 1.0, 100)  # on another machine the numbers may be others
    assert (kept(run_copy), two.best["score"]) == (2, 0.6)
    two.epoch(epoch(3, 0.61), 1.0, 100)
    assert (kept(run_copy), two.best["epoch"]) == (3, 3)


def test_weights_of_older_versions_that_do_not_tell_their_score_give_way_to_any_other(run_copy):
    config = Run.open(run_copy).config
    one = Recorder(run_copy, config, "mAP")
    one.epoch(epoch(1, 0.5), 1.0, 100)
    one.save(epoch(1, 0.5))
    save_weights(run_copy, epoch(2, 0.6).models["raw"], {"epoch": 2})
    two = Recorder(run_copy, config, "mAP")
    two.take_up(two.resume())
    two.epoch(epoch(2, 0.1, value=7), 1.0, 100)
    assert (kept(run_copy), two.best["score"]) == (7, 0.1)


@pytest.mark.parametrize("links", [True, False])
def test_the_state_before_a_damaged_one_is_taken(links, run_copy, monkeypatch):
    def refuse(*paths):
        raise OSError(95, "Operation not supported")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    (run_copy / "model.safetensors").unlink()  # of another training than the states below
    record = Recorder(run_copy, Run.open(run_copy).config, "mAP")
    for number in (1, 2, 3):
        record.save(epoch(number, 0.5))
    last = run_copy / "state" / "last.safetensors"
    last.write_bytes(last.read_bytes()[:-1] + b"\x07")
    again = Recorder(run_copy, Run.open(run_copy).config, "mAP")
    assert again.take_up(again.resume())["step"] == 20
    again.save(epoch(3, 0.5))  # sets aside what was taken, not what was damaged
    assert load_tree(run_copy / "state" / "previous.safetensors")["train"]["step"] == 20
    assert again.remarks == [
        f"the training state {last} cannot be read (its content does not fit its digest); "
        "the state before it, of step 20, is taken instead"
    ]
    last.write_bytes(last.read_bytes()[:-1] + b"\x07")
    (run_copy / "state" / "previous.safetensors").write_bytes(b"")
    with pytest.raises(RunError, match=r"last.safetensors cannot be read \(its content"):
        Recorder(run_copy, Run.open(run_copy).config, "mAP").resume()


def test_a_disk_that_is_full_leaves_a_state_to_resume_from_where_there_are_no_links(run_copy, monkeypatch):
    record = Recorder(run_copy, Run.open(run_copy).config, "mAP")

    def refuse(*paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr("polytag.train.state.save_file", refuse)
    with pytest.raises(RunError, match="the disk is full"):
        record.save(epoch(3, 0.5))
    assert Recorder(run_copy, Run.open(run_copy).config, "mAP").resume() is not None


def test_what_was_saved_is_taken_up_again(trained):
    config = Run.open(trained).config
    record = Recorder(trained, config, "mAP")
    state = record.take_up(record.resume())
    assert (state["epoch"], len(record.history)) == (2, 2)
    assert record.best == Run.open(trained).metrics["best"]


def test_a_state_that_is_not_finite_is_not_saved_and_the_one_before_kept(tmp_path):
    record = recorder(tmp_path)
    record.save(epoch(1, 0.5))
    before = (tmp_path / "state" / "last.safetensors").read_bytes()
    with pytest.raises(DivergedError, match=r"^the weights became infinite at step 20; lower the learning rate$"):
        record.save(epoch(2, 0.5, value=math.nan))
    assert (tmp_path / "state" / "last.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("part", "changes", "sentence"),
    [
        ("training", {"lr": 0.1}, "was started with lr 0.003, and 0.1 came; resume it with the same arguments, "),
        ("training", {"head": None}, "was started with head 'linear', and None came; resume it with the same "),
        ("data", {"fingerprint": "x"}, "was started with other photos, labels or splits than those that came; "),
        ("data", {"train_fingerprint": "x"}, "was started with other photos, labels or splits than those that came; "),
    ],
)
def test_a_run_goes_on_as_it_was_started_or_not_at_all(part, changes, sentence, trained):
    config = Run.open(trained).config
    config[part] |= changes
    with pytest.raises(RunError, match=rf"^{re.escape(f'{trained} {sentence}')}.*or start another run$"):
        Recorder(trained, config, "mAP").resume()


def test_where_and_how_fast_it_runs_may_change(trained):
    config = Run.open(trained).config
    config["training"] |= {"workers": 7, "out": "elsewhere", "device": "cpu", "command": "other"}
    config["data"] |= {"notes": ["worded differently"]}
    config["training"]["an_argument_of_later_versions"] = 1
    assert Recorder(trained, config, "mAP").resume()["train"]["epoch"] == 2


def test_tuples_and_numbers_that_json_has_not_are_the_same_after_a_round_trip(run_copy):
    config = Run.open(run_copy).config
    for stored, now in (([32, 48], (32, 48)), (None, math.inf)):
        config["training"]["clip"] = stored
        (run_copy / "config.json").write_text(json.dumps(config))
        changed = config | {"training": config["training"] | {"clip": now}}
        assert Recorder(run_copy, changed, "mAP").resume()["train"]["epoch"] == 2


@pytest.fixture
def seldom(monkeypatch):
    """The first epoch is saved and no other one, but where the events end."""
    monkeypatch.setattr("polytag.recorder.Pace.due", lambda self, after_epoch: not self.takes)
    monkeypatch.setattr("polytag.recorder.Pace.saving", lambda self: setattr(self, "takes", 1.0) or nullcontext())


def saved_steps(folder, last):
    """The steps of the state before and after a training is left at its event number ``last``."""
    record = recorder(folder)
    seen = [epoch(1, 0.5), epoch(2, 0.5), step(25, epoch(2.5, 0.5).state), epoch(3, 0.5)]
    events = record.follow(seen, 8, lambda: 0.0)
    for _ in range(last):
        next(events)
    before = load_tree(folder / STATE)["train"]["step"]
    events.close()
    return before, load_tree(folder / STATE)["train"]["step"]


@pytest.mark.parametrize(("last", "kept_step"), [(1, 10), (2, 20), (3, 25), (4, 30)])
def test_where_nobody_wants_more_is_saved(last, kept_step, tmp_path, seldom):
    assert saved_steps(tmp_path, last) == (10, kept_step)


def test_the_last_epoch_is_saved(tmp_path, seldom):
    record = recorder(tmp_path)
    assert len(list(record.follow([epoch(number, 0.5) for number in (1, 2, 3)], 8, lambda: 0.0))) == 3
    assert load_tree(tmp_path / STATE)["train"]["step"] == 30


def test_what_fails_in_an_epoch_leaves_the_state_that_was_saved(tmp_path, seldom):
    def events():
        yield from (epoch(1, 0.5), epoch(2, 0.5))
        raise DivergedError("the loss became nan")

    record = recorder(tmp_path)
    with pytest.raises(DivergedError):
        list(record.follow(events(), 8, lambda: 0.0))
    assert load_tree(tmp_path / STATE)["train"]["step"] == 10
