"""What `--recipe` promises: options below those of a file and those that were typed, and printed as what they are."""

import dataclasses
import json

import pytest
from photo_folder import QUICK

from polytag.cli import main
from polytag.fit import Training
from polytag.recipes import RECIPES
from polytag.train.recipe import Recipe


@pytest.fixture
def training_of(photos, training_of):
    """The training on ``photos`` that a command line would run."""
    return lambda *words: training_of(photos, "--weights", "none", *words)


@pytest.fixture
def rich(monkeypatch):
    """A recipe with a choice that has options, a list and a switch."""
    options = {"loss": {"name": "asl", "gamma_neg": 2.0, "clip": 0.1}, "track": ("tensorboard",), "deterministic": True}
    monkeypatch.setitem(RECIPES, "rich", Recipe("Rich.", {**options, "lr": 0.5, "image_size": (40, 56)}))
    return options


DEFAULTS = {field.name: field.default for field in dataclasses.fields(Training)}


def test_a_recipe_sets_its_options_and_no_others(training_of):
    training = training_of("--recipe", "plain")
    changed = {name for name, default in DEFAULTS.items() if getattr(training, name) != default}
    own = {name for name, value in RECIPES["plain"].options.items() if value != DEFAULTS[name]}
    assert {name: getattr(training, name) for name in own} == {name: RECIPES["plain"].options[name] for name in own}
    assert own == {"lr", "schedule", "average", "augment", "cutout"}
    assert changed == own | {"data", "out", "weights", "command", "source"}


def test_what_is_typed_wins_at_any_place(training_of):
    for words in (["--lr", "0.1", "--recipe", "plain"], ["--recipe=plain", "--lr=0.1"]):
        training = training_of(*words, "--schedule", "one_cycle")
        assert (training.lr, training.schedule, training.average) == (0.1, "one_cycle", 0.0)


def test_a_file_wins_over_a_recipe_and_what_is_typed_over_both(training_of, config, rich):
    file = config("lr = 0.1\nclip = 1.0\ndeterministic = false")
    training = training_of("--recipe", "rich", "--config", file, "--clip", "2")
    assert (training.lr, training.clip, training.deterministic) == (0.1, 2.0, False)
    assert (training.loss, training.track, training.image_size) == (rich["loss"], ("tensorboard",), (40, 56))


@pytest.mark.parametrize(
    ("text", "words", "loss"),
    [
        ("", [], {"name": "asl", "gamma_neg": 2.0, "clip": 0.1}),
        ("", ["--loss.clip", "0"], {"name": "asl", "gamma_neg": 2.0, "clip": 0.0}),
        ("", ["--loss", "asl"], "asl"),
        ("[loss]\nclip = 0.2", [], {"name": "asl", "gamma_neg": 2.0, "clip": 0.2}),
        ("[loss]\nclip = 0.2", ["--loss.gamma-neg", "1"], {"name": "asl", "gamma_neg": 1.0, "clip": 0.2}),
        ("loss = 'bce'", [], "bce"),
        ("loss = 'asl'", ["--loss.clip", "0"], {"name": "asl", "clip": 0.0}),
    ],
)
def test_another_choice_drops_the_options_of_the_recipes_choice(text, words, loss, training_of, config, rich):
    assert training_of("--recipe", "rich", "--config", config(text), *words).loss == loss


def test_a_file_may_name_a_recipe_and_a_typed_one_takes_its_place(training_of, config, rich):
    file = config('recipe = "rich"\nlr = 0.25')
    training = training_of("--config", file)
    assert (training.lr, training.loss) == (0.25, rich["loss"])
    training = training_of("--config", file, "--recipe", "plain")
    assert (training.lr, training.loss, training.schedule) == (0.25, "bce", "constant")


def test_a_typed_list_takes_the_place_of_the_recipes(training_of, rich):
    assert training_of("--recipe", "rich", "--track", "wandb").track == ("wandb",)


def test_what_is_printed_are_the_options_and_they_give_the_same_training(training_of, config, capsys, rich):
    assert main(["train", "--recipe", "rich", "--clip", "2", "--print-config"]) == 0
    text = capsys.readouterr().out
    assert "recipe" not in text
    assert {"lr = 0.5", "clip = 2.0", "image_size = [40, 56]", "gamma_neg = 2.0"} <= set(text.splitlines())
    one, other = training_of("--recipe", "rich", "--clip", "2"), training_of("--config", config(text))
    same = set(DEFAULTS) - {"data", "command"}
    assert {name: getattr(one, name) for name in same} == {name: getattr(other, name) for name in same}


def test_a_run_notes_the_options_and_in_its_command_the_recipe(photos, tmp_path):
    out = tmp_path / "run"
    assert main(["train", str(photos), *QUICK, "--epochs", "1", "--recipe", "plain", "--out", str(out)]) == 0
    config = json.loads((out / "config.json").read_text())
    expected = RECIPES["plain"].options | {"lr": 0.003, "batch_size": 8}  # typed
    assert {name: config["training"][name] for name in expected} == expected
    assert "--recipe plain" in config["command"]


def test_an_unknown_recipe_is_refused(refused, config, monkeypatch):
    monkeypatch.setattr("polytag.recipes.RECIPES", {"plain": RECIPES["plain"]})
    sentence = "recipe must be one of plain, got 'plane'; did you mean 'plain'"
    assert refused("train", "x", "--recipe", "plane") == sentence
    assert refused("train", "x", "--recipe", "plane", "--config", config("lr = 1")) == sentence
    file = config("recipe = 'plane'")
    assert refused("train", "x", "--config", file) == f"{file}: {sentence}"
    file = config("recipe = 3")
    assert refused("train", "x", "--config", file) == f"{file}: recipe must be text, got 3"


def test_the_help_names_the_recipes(capsys):
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    about = "options that belong together, below those of --config and those given here"
    assert f"--recipe NAME {about}: {', '.join(RECIPES)} " in text
