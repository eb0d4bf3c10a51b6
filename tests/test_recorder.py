"""What the recorder promises: the best weights so far, a state to resume from, and no mixture of two runs."""

import json
import math
import os
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from polytag.errors import DivergedError, RunError
from polytag.method import Method
from polytag.recorder import Recorder, alone_in, check_folder
from polytag.run import Run, save_thresholds
from polytag.train.loop import Epoch, Step
from polytag.train.schedules import Constant
from polytag.train.state import TrainState, load_tree


class Still(Method):
    """A method whose weights are set by hand."""

    def __init__(self, value):
        super().__init__()
        self.model = nn.Linear(1, 1)
        with torch.no_grad():
            self.model.weight[:] = value

    def losses(self, *batches):
        return {}


def epoch(number, raw, average=None, value=None):
    method = Still(number if value is None else value)
    state = TrainState(method, torch.optim.SGD(method.parameters(), 0.1), Constant(), None, number, 10 * number)
    metrics = {"raw": {"mAP": raw, "CF1": 0.5, "lrap": 0.25}}
    models = {"raw": method.model}
    if average is not None:
        metrics["average"], models["average"] = {"mAP": average}, Still(100 + number).model
    return Epoch(number, {"classify": 1 / number}, metrics, models, 0.1, state)


def recorder(folder, config=None):
    return Recorder(folder, config or {"training": {}, "data": {}}, "mAP")


def kept(folder):
    return load_file(folder / "model.safetensors")["weight"].item()


def test_the_weights_of_the_best_epoch_are_kept_the_first_of_two_equals(tmp_path):
    record = recorder(tmp_path)
    for number, score in enumerate((0.2, 0.6, 0.6, 0.4), 1):
        record.epoch(epoch(number, score), 1.0, 100)
    assert kept(tmp_path) == 2
    assert record.best == {"epoch": 2, "weights": "raw", "score": 0.6}


def test_averaged_weights_are_kept_where_they_are_better(tmp_path):
    record = recorder(tmp_path)
    record.epoch(epoch(1, 0.5, average=0.7), 1.0, 100)
    record.epoch(epoch(2, 0.6, average=0.65), 1.0, 100)
    assert kept(tmp_path) == 101
    assert record.best["weights"] == "average"


def test_until_a_score_is_defined_the_latest_weights_are_kept(tmp_path):
    record = recorder(tmp_path)
    for number in (1, 2):
        record.epoch(epoch(number, math.nan), 1.0, 100)
        assert (kept(tmp_path), record.best["score"]) == (number, -math.inf)
    record.epoch(epoch(3, 0.1), 1.0, 100)
    record.epoch(epoch(4, math.nan), 1.0, 100)
    assert kept(tmp_path) == 3


def test_an_epoch_that_was_not_judged_is_in_the_history_alone(tmp_path):
    record = recorder(tmp_path)
    unjudged = epoch(1, 0.5)
    record.epoch(Epoch(1, unjudged.losses, {}, unjudged.models, 0.1, unjudged.state), 2.0, 100)
    record.epoch(epoch(2, 0.5), 4.0, 100)
    assert (tmp_path / "history.csv").read_text().splitlines() == [
        "epoch,seconds,lr,images_per_second,loss_classify,val_mAP_raw,val_CF1_raw",
        "1,2.0,0.1,50.0,1.0,,",
        "2,4.0,0.1,25.0,0.5,0.5,0.5",
    ]
    assert kept(tmp_path) == 2


def step(number, state, interrupted=False):
    return Step(1, number, 40, {}, 0.1, state, interrupted)


def test_an_epoch_that_was_interrupted_takes_the_time_of_both_its_parts(run_copy, monkeypatch):
    clock = iter([0.0, 0.0, 3.0, 3.0])
    monkeypatch.setattr("polytag.recorder.time.monotonic", lambda: next(clock, 5.0))
    one = Recorder(run_copy, Run.open(run_copy).config, "mAP")
    state = epoch(1, 0.5).state
    with pytest.raises(KeyboardInterrupt):
        list(one.follow([step(4, state), step(6, state, True)], 8, lambda: 0.0))
    assert one.spent == 3.0
    two = Recorder(run_copy, Run.open(run_copy).config, "mAP")
    two.take_up(two.resume())
    clock = iter([100.0, 102.0])
    monkeypatch.setattr("polytag.recorder.time.monotonic", lambda: next(clock, 102.0))
    list(two.follow([epoch(1, 0.5)], 8, lambda: 0.5))
    assert two.history[-1]["seconds"] == 4.5  # three before, two after less half a one for something else
    assert two.history[-1]["images_per_second"] == round(10 * 8 / 4.5, 2)


def test_thresholds_that_were_chosen_meanwhile_go_with_the_weights_that_they_were_chosen_for(run_copy):
    config = Run.open(run_copy).config
    record = Recorder(run_copy, config, "mAP")
    save_thresholds(run_copy, [0.125] * len(config["classes"]))
    record.epoch(epoch(1, 0.5), 1.0, 100)
    assert Run.open(run_copy).config["thresholds"] == config["thresholds"]
    save_thresholds(run_copy, [0.125] * len(config["classes"]))
    record.epoch(epoch(2, 0.4), 1.0, 100)  # no better, so that the weights stay
    assert list(Run.open(run_copy).thresholds) == [0.125] * len(config["classes"])


def test_what_a_killed_process_did_not_finish_is_deleted_by_the_next(tmp_path, run_copy):
    (tmp_path / "new").mkdir()
    for folder in (tmp_path / "new", run_copy):
        for name in (".config.json.1234.part", "state/.last.safetensors.1234.part", "scores/.test.safetensors.9.part"):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("{")
    for name in ("state", "scores"):
        shutil.rmtree(tmp_path / "new" / name)
    check_folder(tmp_path / "new", resume=False, overwrite=False)
    check_folder(run_copy, resume=True, overwrite=False)
    recorder(tmp_path / "new").start({})
    Recorder(run_copy, Run.open(run_copy).config, "mAP").resume()
    assert not [*tmp_path.rglob("*.part"), *run_copy.rglob("*.part")]


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


def test_weights_of_an_epoch_that_the_state_does_not_know_are_no_best_ones(run_copy):
    """As where a process was killed between the two, or where the state before the last is taken."""
    config = Run.open(run_copy).config
    one = Recorder(run_copy, config, "mAP")
    one.epoch(epoch(1, 0.5), 1.0, 100)
    one.save(epoch(1, 0.5))
    one.epoch(epoch(2, 0.6), 1.0, 100)
    two = Recorder(run_copy, config, "mAP")
    two.take_up(two.resume())
    assert two.told() == ["the weights that are kept are of epoch 2, which is trained once more"]
    two.epoch(epoch(2, 0.4, value=7), 1.0, 100)  # on another machine the numbers may be others
    assert kept(run_copy) == 7
    assert two.best == {"epoch": 2, "weights": "raw", "score": 0.4}


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


def test_a_full_disk_keeps_the_best_weights_so_far(tmp_path, monkeypatch):
    record = recorder(tmp_path)
    record.epoch(epoch(1, 0.5), 1.0, 100)

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(
        RunError,
        match=rf"^cannot write {tmp_path}/model.safetensors: the disk is full; the previous one is kept; "
        "make room or choose another folder$",
    ):
        record.epoch(epoch(2, 0.6), 1.0, 100)
    assert kept(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.csv", "model.safetensors"]


def test_a_new_run_leaves_nothing_of_the_old_one(run_copy):
    config = Run.open(run_copy).config | {"polytag": "new"}
    (run_copy / "track" / "wandb").mkdir(parents=True)
    Recorder(run_copy, config, "mAP").start({"speed": "eager"})
    assert sorted(path.name for path in run_copy.rglob("*") if path.is_file()) == [".lock", "config.json"]
    assert not (run_copy / "track").exists()
    assert Run.open(run_copy).config["polytag"] == "new"
    assert Run.open(run_copy).config["running"] == {"speed": "eager"}


def test_a_process_that_is_not_the_first_keeps_the_account_and_writes_nothing(tmp_path):
    record = Recorder(tmp_path, {}, "mAP", writes=False)
    record.start({})
    record.go_on({})
    record.epoch(epoch(1, 0.5), 1.0, 100)
    record.save(epoch(1, 0.5))
    assert record.best == {"epoch": 1, "weights": "raw", "score": 0.5}
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_written_to_is_refused_to_others_until_that_ends(tmp_path):
    with alone_in(tmp_path):
        with pytest.raises(
            RunError,
            match=rf"^another training is writing to {tmp_path}; let it end, or choose another folder$",
        ):
            alone_in(tmp_path).__enter__()
        alone_in(tmp_path, writes=False).__enter__()
    with alone_in(tmp_path):
        check_folder(tmp_path, resume=False, overwrite=False)  # the lock alone does not make it a strange folder


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


def test_folders_that_must_not_be_written_to_are_refused(run_copy, tmp_path):
    check_folder(tmp_path / "new", resume=False, overwrite=False)
    check_folder(run_copy, resume=True, overwrite=False)
    check_folder(run_copy, resume=False, overwrite=True)
    (tmp_path / "empty").mkdir()
    check_folder(tmp_path / "empty", resume=False, overwrite=False)
    (tmp_path / "file").write_text("")
    refusals = [
        (run_copy, False, f"{run_copy} already holds a run; choose another folder, go on with it with --resume, "
                          "or replace it with --overwrite"),
        (tmp_path / "empty", True, f"{tmp_path}/empty holds no training to resume; start it without --resume"),
        (tmp_path / "file", False, f"{tmp_path}/file holds something else than a run; "
                                   "choose a folder that is new, empty or a run"),
    ]  # fmt: skip
    for folder, resume, sentence in refusals:
        with pytest.raises(RunError, match=f"^{re.escape(sentence)}$"):
            check_folder(folder, resume, overwrite=False)
    shutil.rmtree(run_copy / "state")
    (run_copy / "metrics.json").unlink()  # killed before its first save
    check_folder(run_copy, resume=True, overwrite=False)
    assert Recorder(run_copy, Run.open(run_copy).config, "mAP").resume() is None
