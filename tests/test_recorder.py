"""What the recorder promises: the best weights so far, and no mixture of two runs."""

import math
import os
import re
import shutil

import numpy as np
import pytest
from recorder_toys import epoch, kept, recorder

from polytag.errors import BusyError, RunError
from polytag.labels.calibration import Calibration
from polytag.recorder import Recorder
from polytag.run import Run, save_calibration, save_thresholds
from polytag.run_folder import alone_in, check_folder
from polytag.train.loop import Epoch


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


def test_thresholds_that_were_chosen_meanwhile_go_with_the_weights_that_they_were_chosen_for(run_copy):
    config = Run.open(run_copy).config
    record = Recorder(run_copy, config, "mAP")
    save_thresholds(run_copy, [0.125] * len(config["classes"]))
    record.epoch(epoch(1, 0.5), 1.0, 100)
    assert Run.open(run_copy).config["thresholds"] == config["thresholds"]
    ones = np.ones(len(config["classes"]))
    save_calibration(run_copy, Calibration(2 * ones, ones), config["thresholds"])
    record.epoch(epoch(2, 0.6), 1.0, 100)
    assert "calibration" not in Run.open(run_copy).config
    save_thresholds(run_copy, [0.125] * len(config["classes"]))
    record.epoch(epoch(3, 0.4), 1.0, 100)  # no better, so that the weights stay
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
    with (
        alone_in(tmp_path, resume=False, overwrite=False),
        pytest.raises(
            BusyError,
            match=rf"^another training is writing to {tmp_path}; let it end, or choose another folder$",
        ),
    ):
        alone_in(tmp_path, resume=False, overwrite=False).__enter__()
    with alone_in(tmp_path, resume=False, overwrite=False):  # the lock alone does not make it a strange folder
        (tmp_path / "config.json").write_text("{}")
    with pytest.raises(BusyError, match="already holds a run"):  # somebody has come and gone
        alone_in(tmp_path, resume=False, overwrite=False).__enter__()


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
