"""What configuration files promise of what is printed and of runs: the same training again, or one sentence."""

import dataclasses
import json
import re

import pytest
import torch
from photo_folder import QUICK
from safetensors.torch import load_file
from same_arguments import assert_alike

from polytag import __version__
from polytag._toml import LIMIT
from polytag.cli import main
from polytag.cli.train import _GROUPS

ASL = '[loss]\nname = "asl"\n'
ASL_OPTIONS = "--loss.gamma-neg, --loss.gamma-pos, --loss.clip, --loss.detach-weights"
SHOWS = "polytag train --print-config shows all of them"
GIVE = "give a TOML file, a run folder or its config.json"


def test_what_is_printed_gives_the_same_training(photos, tmp_path, config, training_of, printed, monkeypatch):
    monkeypatch.chdir(tmp_path)
    odd = tmp_path / 'Größe "\\ \x7f \x1b\u202e\n😀'
    odd.mkdir()
    (odd / "photos").symlink_to(photos)
    (tmp_path / "elsewhere").mkdir()
    words = [f"{odd.name}/photos", "--images", f"{odd.name}/photos", "--out", "run", "--weights", f"{odd.name}/w.pth"]
    words += ["--image-size", "32x48", "--track", "wandb", "--track", "mlflow", "--lr", "1e-5", "--clip", "inf"]
    words += ["--loss", "asl", "--no-loss.detach-weights", "--reader.images", "photos", "--schedule", "constant"]
    text = printed(*words)
    file = config(text, "elsewhere/again.toml")
    one, other = training_of(*words), training_of("--config", file)
    assert_alike(dataclasses.replace(one, out=tmp_path / "run"), other)
    assert other.source["data"] == f"{odd}/photos"
    assert printed("--config", file) == text
    assert text.isascii() is False
    assert all(letter == "\n" or letter.isprintable() for letter in text)


def test_what_is_printed_is_in_the_order_of_the_help_with_tables_last(printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = printed("photos", "--loss", "asl", "--loss.clip", "0").splitlines()
    keys = [line.partition(" = ")[0] for line in lines]
    options = [name for names in _GROUPS.values() for name in names if name != "loss"]
    assert lines[:2] == [f"# polytag {__version__}", f'data = "{tmp_path}/photos"']
    assert keys[2:] == [*options, "", "[loss]", "name", "clip"]
    assert 'head = "linear"' in lines
    assert "lr = 0.0005" in lines
    assert "track = []" in lines
    assert "resume = false" in lines
    assert lines[-2:] == ['name = "asl"', "clip = 0.0"]
    assert list(tmp_path.iterdir()) == []


def test_a_run_repeats_itself_from_anywhere(photos, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--config", str(trained), "--out", "again"]) == 0
    config, again = (json.loads((folder / "config.json").read_text()) for folder in (trained, tmp_path / "again"))
    assert config["data"] == again["data"]
    assert config["data"]["source"] == {"data": str(photos)}
    assert {**config["training"], "out": 0, "command": 0} == {**again["training"], "out": 0, "command": 0}
    weights, others = load_file(trained / "model.safetensors"), load_file(tmp_path / "again" / "model.safetensors")
    assert all(torch.equal(weights[key], others[key]) for key in weights)


def test_a_run_repeats_its_options_and_not_where_it_went(photos, tmp_path, training_of, monkeypatch):
    monkeypatch.chdir(photos.parent)
    out = ["--out", tmp_path / "first", "--overwrite"]
    words = ["--loss", "asl", "--loss.gamma-neg", "2", "--reader.images", "photos", "--image-size", "32x40", *out]
    training_of("photos", *QUICK, "--epochs", 1, *words).finish()
    monkeypatch.chdir(tmp_path)
    training = training_of("--config", tmp_path / "first" / "config.json")
    assert training.source == {"data": str(photos), "reader": {"name": "table", "images": str(photos)}}
    assert (training.loss, training.image_size) == ({"name": "asl", "gamma_neg": 2.0}, (32, 40))
    assert (str(training.out), training.overwrite) == ("runs/photos", False)
    assert training_of("--config", "first", "--loss", "bce", "--lr", "0.5").loss == "bce"


def test_a_run_goes_on_with_its_own_config(run_copy):
    before = (run_copy / "model.safetensors").read_bytes()
    assert main(["train", "--config", str(run_copy), "--out", str(run_copy), "--resume"]) == 0
    assert (run_copy / "model.safetensors").read_bytes() == before


def test_a_run_from_python_needs_the_data_and_what_was_its_own(photos, second, run_copy, training_of, refused):
    assert refused("train", "--config", second) == (
        "DATA is missing: name a label file or a folder with one, here or as data in a --config file"
    )
    assert training_of(photos, "--config", second).batch_size == 8
    file = run_copy / "config.json"
    config = json.loads(file.read_text())
    config["training"]["loss"] = None
    file.write_text(json.dumps(config))
    assert refused("train", "--config", run_copy) == (
        f"{file}: loss was nothing that a file can hold, such as an object of one's own; "
        "choose it anew with --loss, or train from Python"
    )
    assert training_of("--config", run_copy, "--loss", "asl").loss == "asl"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('epochs = "ten"', "epochs must be a whole number, got 'ten'"),
        ('epochs = "10"', "epochs must be a whole number, got '10'"),
        ("epochs = 2.5", "epochs must be a whole number, got 2.5"),
        ("epochs = true", "epochs must be a whole number, got True"),
        ("lr = false", "lr must be a number or auto, got False"),
        ("backbone = 5", "backbone must be text, got 5"),
        ("data = 5", "data must be text, got 5"),
        ('out = "a\\u0000"', "out must be text without the character 0, got '{folder}/a\\x00'"),
        ('resume = "yes"', "resume must be true or false, got 'yes'"),
        ("overwrite = 1", "overwrite must be true or false, got 1"),
        ('track = "wandb"', "track must be a list, got 'wandb'"),
        ("track = [1]", "each of track must be text, got 1"),
        ("[speed]\nname = 'eager'", "speed must be text, got {'name': 'eager'}"),
        (f'{ASL}clip = "much"', "loss.clip must be a number, got 'much'"),
        (f"{ASL}detach_weights = 1", "loss.detach_weights must be true or false, got 1"),
        (f"{ASL}gama_neg = 1", f"the loss asl has no option --loss.gama-neg; it has {ASL_OPTIONS}"),
        (f"{ASL}gamma-neg = 1", "the key 'loss.gamma-neg' has a dash; write it with underscores: loss.gamma_neg"),
        ("batch-size = 8", "the key 'batch-size' has a dash; write it with underscores: batch_size"),
        ("epoch = 3", f"there is no option 'epoch'; did you mean 'epochs'; {SHOWS}"),
        ("training.epochs = 3", f"there is no option 'training'; {SHOWS}"),
        ("print_config = true", f"there is no option 'print_config'; {SHOWS}"),
        ("help = true", f"there is no option 'help'; {SHOWS}"),
    ],
)
def test_what_a_file_cannot_say_is_refused_by_name(text, sentence, config, refused):
    file = config(text)
    assert refused("train", "--config", file) == f"{file}: {sentence.replace('{folder}', str(file.parent))}"


def test_names_are_refused_in_the_words_of_the_command_line(config, refused):
    for kind, text in (("loss", "loss = 'als'"), ("head", "[head]\nname = 'liner'")):
        file = config(text)
        name = text.split("'")[1]
        assert refused("train", "--config", file) == f"{file}: {refused('train', 'x', f'--{kind}', name)}"
    file = config("cache = 'disk'")
    assert refused("train", "--config", file) == f"{file}: {refused('train', 'x', '--cache', 'disk')}"
    file = config("image_size = [1, 2, 3]")
    assert refused("train", "--config", file) == refused("train", "x", "--image-size", "1x2x3")


def test_what_is_no_config_is_refused(config, tmp_path, refused):
    assert refused("train", "--config", "gone.toml") == f"cannot read gone.toml: No such file or directory; {GIVE}"
    assert refused("train", "--config", tmp_path) == (
        f"cannot read {tmp_path}/config.json: No such file or directory; {GIVE}"
    )
    file = config("epochs = 3\nlr 2\n")
    assert refused("train", "--config", file) == (
        f"{file} is not TOML: Expected '=' after a key in a key/value pair (at line 2, column 4); correct it"
    )
    file.write_bytes(b"data = '\xff'")
    assert refused("train", "--config", file).startswith(f"{file} is not TOML: 'utf-8' codec can't decode byte 0xff")
    file = config("x = " + 100_000 * "[")
    assert re.fullmatch(
        rf"{file} is not TOML: maximum recursion depth exceeded.*; correct it", refused("train", "--config", file)
    )
    file = config("#" * (LIMIT + 1))
    assert refused("train", "--config", file) == f"{file} is larger than 1 MB, which no config is; {GIVE}"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1); correct it"),
        ("[1]", f"is not the config.json of a run; {GIVE}"),
        ('{"format": 1, "training": {}}', f"is not the config.json of a run; {GIVE}"),
        (
            '{"format": 9, "training": {}, "data": {}}',
            f"is of a newer polytag, and this is polytag {__version__}; update polytag",
        ),
    ],
)
def test_what_is_no_config_of_a_run_is_refused(text, sentence, config, refused):
    file = config(text, "config.json")
    assert refused("train", "--config", file) == f"{file} {sentence}"


def test_a_run_of_many_labels_repeats_itself_too(run_copy, training_of, config, monkeypatch, refused):
    settings = json.loads((run_copy / "config.json").read_text())
    (run_copy / "config.json").write_text(json.dumps({**settings, "calibration": {"slopes": [1.25] * 200_000}}))
    assert (run_copy / "config.json").stat().st_size > LIMIT
    assert training_of("--config", run_copy).batch_size == settings["training"]["batch_size"]
    monkeypatch.setattr("polytag.cli.config.MOST", 1_000_000)
    sentence = f"{run_copy}/config.json is larger than 1 MB, which no config is; {GIVE}"
    assert refused("train", "--config", run_copy) == sentence


def test_a_training_without_data_is_refused(config, refused):
    sentence = "DATA is missing: name a label file or a folder with one, here or as data in a --config file"
    assert refused("train") == sentence
    assert refused("train", "--config", config("epochs = 3")) == sentence


def test_the_help_of_a_choice_in_a_file_lists_its_options(config, capsys):
    with pytest.raises(SystemExit):
        main(["train", "--config", str(config('loss = "asl"')), "--help"])
    assert "--loss.gamma-neg X" in capsys.readouterr().out
