"""What a run folder promises: opened again it is the model that was trained, and damage is said in a sentence."""

import json
import os
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from polytag._text import without_nan
from polytag.card import write_card
from polytag.errors import DivergedError, RunError
from polytag.heads.linear import Linear
from polytag.run import FORMAT, MOST, Run, save_history, save_json, save_weights


def change(folder, **changes):
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))


def refusal(call, *arguments):
    with pytest.raises((RunError, DivergedError)) as error:
        call(*arguments)
    return str(error.value)


def test_a_run_says_what_it_is(trained):
    run = Run.open(str(trained))
    assert run.classes == ("cat", "dog", "hat")
    assert run.preprocessing.image_size == (32, 32)
    assert run.thresholds == [0.5, 0.5, 0.5]
    assert run.config["format"] == FORMAT
    assert run.metrics["test"]["mAP"] > 0


def test_the_model_has_the_saved_weights_and_is_ready_to_answer(trained):
    run = Run.open(trained)
    model, weights = run.load_model(), run.load_weights()
    assert not model.training
    assert all(torch.equal(value, weights[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"format": "1"}, "{config} is not the config.json of a run; give the folder that polytag train wrote"),
        ({"classes": "cat"}, "{config} is damaged: classes is missing or no list; restore it"),
        ({"classes": [1, 2, 3]}, "{config} is damaged: classes must be names; restore it"),
        ({"classes": []}, "{config} is damaged: classes must be names; restore it"),
        ({"model": None}, "{config} is damaged: model is missing or no object; restore it"),
        ({"thresholds": 0.5}, "{config} is damaged: thresholds is missing or no list; restore it"),
        (
            {"thresholds": [0.5, 0.5]},
            "{config} is damaged: it needs one threshold from 0 to 1 for each class; restore it",
        ),
        (
            {"thresholds": [0.5, None, 0.5]},
            "{config} is damaged: it needs one threshold from 0 to 1 for each class; restore it",
        ),
        (
            {"preprocessing": {}},
            "{config} is damaged: the preprocessing of a run must have image_size, mean, std, interpolation, "
            "got nothing; restore it",
        ),
    ],
)
def test_a_config_that_cannot_be_used_is_refused(changes, sentence, run_copy):
    change(run_copy, **changes)
    assert refusal(Run.open, run_copy) == sentence.format(config=run_copy / "config.json")


def test_a_run_of_a_newer_version_is_refused(run_copy):
    change(run_copy, format=99, polytag="7.0")
    assert re.fullmatch(
        rf"{run_copy} was written by polytag 7\.0 in format 99, and this is polytag \S+, which reads formats up to 1; "
        "update polytag",
        refusal(Run.open, run_copy),
    )


def test_what_is_no_run_is_refused(tmp_path):
    assert refusal(Run.open, tmp_path / "x") == (
        f"{tmp_path}/x is not a run folder; give the folder that polytag train wrote"
    )
    assert refusal(Run.open, tmp_path) == (
        f"{tmp_path}/config.json is missing; give the folder that polytag train wrote"
    )
    (tmp_path / "config.json").write_text("{")
    assert refusal(Run.open, tmp_path).startswith(f"{tmp_path}/config.json cannot be read (")
    (tmp_path / "config.json").write_text("[" * 100_000)
    assert refusal(Run.open, tmp_path).startswith(f"{tmp_path}/config.json cannot be read (")
    with (tmp_path / "config.json").open("w") as file:
        file.truncate(MOST + 1)
    told = f"{tmp_path}/config.json is no file of at most 64 MB; train again or restore it"
    assert refusal(Run.open, tmp_path) == told
    (tmp_path / "config.json").unlink()
    os.mkfifo(tmp_path / "config.json")
    assert refusal(Run.open, tmp_path) == told  # and does not wait for somebody to write there
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").write_text("[]")
    assert refusal(Run.open, tmp_path) == f"{tmp_path}/config.json is damaged: it must hold one JSON object"


def test_weights_that_cannot_be_used_are_refused(run_copy):
    run, path = Run.open(run_copy), run_copy / "model.safetensors"
    weights = load_file(path)
    save_file({"x": torch.zeros(1)}, path)
    assert refusal(run.load_model) == f"{path} does not fit the model named in config.json; restore it"
    weights["head.classifier.bias"][0] = float("inf")
    save_file(weights, path)
    assert refusal(run.load_model) == f"{path} holds numbers that are not finite; train again"
    path.write_text("hello")
    assert refusal(run.load_model).startswith(f"{path} cannot be read (")
    path.unlink()
    assert refusal(run.load_model).startswith(f"{path} cannot be read (")


def test_a_head_of_ones_own_must_be_brought_along(run_copy):
    model = json.loads((run_copy / "config.json").read_text())["model"]
    change(run_copy, model={**model, "head": None})
    run = Run.open(run_copy)
    assert refusal(run.load_model) == (
        f"{run_copy} was trained with a head of your own; open it from Python with Run.load_model(head)"
    )
    assert isinstance(run.load_model(Linear).head, Linear)


def test_weights_that_are_not_finite_are_never_saved(trained, tmp_path):
    model = Run.open(trained).load_model()
    with torch.no_grad():
        model.head.classifier.bias[1] = float("nan")
    assert refusal(save_weights, tmp_path, model) == (
        f"the weights are no longer finite and were not saved to {tmp_path}; lower the learning rate"
    )
    assert list(tmp_path.iterdir()) == []


def test_two_names_for_one_weight_are_both_saved(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    model[1].weight = model[0].weight
    save_weights(tmp_path, model)
    saved = load_file(tmp_path / "model.safetensors")
    assert torch.equal(saved["0.weight"], saved["1.weight"])


def test_numbers_that_are_not_defined_become_null(tmp_path):
    values = {"a": float("nan"), "b": [1.0, -float("inf")], "c": {"d": (0.5, "x")}, "e": None}
    assert without_nan(values) == {"a": None, "b": [1.0, None], "c": {"d": [0.5, "x"]}, "e": None}
    save_json(tmp_path / "x.json", values)
    assert json.loads((tmp_path / "x.json").read_text()) == without_nan(values)


def test_paths_that_are_no_unicode_are_written_and_read_again(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "ph\udcff")
    command = f"polytag train {folder}"
    save_json(folder / "config.json", {**Run.open(folder).config, "command": command})
    run = Run.open(folder)
    assert run.config["command"] == command
    write_card(run, {"best": {"epoch": 7, "weights": "raw", "score": 0.5}})
    assert f"polytag train {tmp_path}/ph\\udcff\n" in (folder / "README.md").read_text(encoding="utf-8")


def test_a_history_has_the_columns_of_all_its_rows(tmp_path):
    save_history(tmp_path, [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "mAP": 1.0}])
    assert (tmp_path / "history.csv").read_text() == "epoch,loss,mAP\n1,0.5,\n2,0.25,1.0\n"


def test_the_card_says_what_the_model_is_and_how_good(trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "run")
    change(folder, classes=["a`b", "c\nd", "e"])
    numbers = {"mAP": 0.5, "CF1": float("nan"), "OF1": 1.0}
    write_card(Run.open(folder), {"best": {"epoch": 7, "weights": "raw", "score": 0.5}, "test": numbers})
    card = (folder / "README.md").read_text()
    assert card.startswith("---\npipeline_tag: image-classification\nlibrary_name: polytag\n")
    assert "| photos | mAP | CF1 | OF1 |\n| --- | --- | --- | --- |\n| test | 0.5000 | - | 1.0000 |\n" in card
    assert "The weights are those of epoch 7, the best by validation mAP; more in `metrics.json`." in card
    assert "`a'b`, `c d`, `e`" in card
    write_card(Run.open(folder), {"best": {"epoch": 7, "weights": "raw", "score": -float("inf")}})
    assert "epoch 7, the last, as no validation mAP is defined;" in (folder / "README.md").read_text()
