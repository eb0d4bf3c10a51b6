"""What configuration files promise: the options of the command line, what is typed wins, and a run repeats itself."""

import dataclasses
import json
import re

import pytest
import torch
from photo_folder import QUICK
from safetensors.torch import load_file

import polytag.cli.train
from polytag import Training, __version__
from polytag._toml import LIMIT
from polytag.cli import main
from polytag.cli.train import _GROUPS

OWN_WAY = ("data", "out", "command", "source")  # arguments of a training that are no option of a help group


class SeenError(Exception):
    pass


@pytest.fixture
def training_of(monkeypatch):
    """The training that a command line would run."""

    def seen(training, epochs):
        raise SeenError(training)

    def run(*words):
        with pytest.raises(SeenError) as caught:
            main(["train", *map(str, words)])
        return caught.value.args[0]

    monkeypatch.setattr(polytag.cli.train, "watch", seen)
    return run


@pytest.fixture
def config(tmp_path):
    """Writes a TOML file."""

    def write(text, name="my.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def printed(capsys):
    """What ``--print-config`` prints."""

    def run(*words):
        capsys.readouterr()
        assert main(["train", *map(str, words), "--print-config"]) == 0
        return capsys.readouterr().out

    return run


def assert_alike(one, other):
    for field in dataclasses.fields(Training):
        if field.name not in ("data", "command"):
            assert getattr(one, field.name) == getattr(other, field.name), field.name
    assert one.data.fingerprint() == other.data.fingerprint()


def test_every_argument_of_a_training_is_an_option():
    options = [name for names in _GROUPS.values() for name in names]
    assert sorted(options) == sorted({field.name for field in dataclasses.fields(Training)} - {*OWN_WAY})


def test_a_file_says_the_same_as_the_words_of_a_command_line(photos, config, training_of, tmp_path):
    file = config(f"""
        data = "{photos}"
        out = "run"
        group_by = "filename"
        weights = "none"
        image_size = [32, 48]
        lr = 1          # a whole number is a number
        speed = "eager"
        deterministic = true
        resume = false
        track = ["tensorboard"]
        schedule = "step"
        sam = "adaptive"
        augment = "randaugment"
        cutout = 0.4
        [optimizer]
        name = "sgd"
        nesterov = false
        bias_lr = 2
        [crop]
        name = "multi_scale"
        sides = [1.0, 0.5]
        [mix]
        name = "mixup"
        alpha = 0.2
        [loss]
        name = "asl"
        gamma_neg = 2
        detach_weights = false
        [head]
        pooling = "max"  # of the head that is the default
        [reader]
        labels = "labels"
        """)
    words = f"""{photos} --out {tmp_path}/run --group-by filename --weights none --image-size 32x48 --lr 1 --speed eager
        --deterministic --track tensorboard --optimizer sgd --no-optimizer.nesterov
        --optimizer.bias-lr 2 --schedule step --sam adaptive --augment randaugment --cutout 0.4 --crop multi_scale
        --crop.sides 1.0 --crop.sides 0.5 --mix mixup --mix.alpha 0.2
        --loss asl --loss.gamma-neg 2 --no-loss.detach-weights --head.pooling max --reader.labels labels"""
    training = training_of("--config", file)
    assert_alike(training, training_of(*words.split()))
    assert (training.lr, training.image_size, training.track) == (1.0, (32, 48), ("tensorboard",))
    assert training.loss == {"name": "asl", "gamma_neg": 2.0, "detach_weights": False}


@pytest.mark.parametrize(
    ("words", "sam"),
    [
        (["--sam"], "plain"),
        (["--sam", "--sam.rho", "0.1"], {"name": "plain", "rho": 0.1}),
        (["--sam", "adaptive", "--sam.rho", "1"], {"name": "adaptive", "rho": 1.0}),
        ([], "none"),
    ],
)
def test_sam_alone_is_plain_sam(words, sam, photos, training_of):
    assert training_of(photos, *words).sam == sam


def test_an_option_of_a_sam_that_was_not_chosen_is_refused(photos, refused):
    assert refused("train", photos, "--sam.rho", "0.1") == "the sam none has no option --sam.rho; it has none"


def test_a_file_may_be_typed_at_any_place_and_the_data_too(photos, config, training_of):
    file = config(f'data = "{photos}"\nweights = "none"\nepochs = 7\nimage_size = "40x56"')
    assert training_of("--epochs", 3, "--config", file, "--seed", 2).epochs == 3
    assert training_of(f"--config={file}").image_size == (40, 56)
    table = photos / "labels.csv"
    for words in ([table, "--config", file], ["--seed", 2, table, "--config", file], ["--config", file, table]):
        assert training_of(*words).source == {"data": str(table)}


@pytest.mark.parametrize(
    ("words", "loss", "track"),
    [
        ([], {"name": "asl", "gamma_neg": 4.0, "clip": 0.1, "detach_weights": False}, ("tensorboard",)),
        (["--loss", "bce"], "bce", ("tensorboard",)),
        (["--loss=asl"], "asl", ("tensorboard",)),
        (["--loss", "bce", "--loss.smoothing", "0.1"], {"name": "bce", "smoothing": 0.1}, ("tensorboard",)),
        (
            ["--loss.gamma-neg", "2", "--track", "mlflow", "--track", "wandb"],
            {"name": "asl", "gamma_neg": 2.0, "clip": 0.1, "detach_weights": False},
            ("mlflow", "wandb"),
        ),
        (
            ["--loss.detach-weights"],
            {"name": "asl", "gamma_neg": 4.0, "clip": 0.1, "detach_weights": True},
            ("tensorboard",),
        ),
    ],
)
def test_what_is_typed_wins_and_another_choice_drops_the_options_of_the_first(
    words, loss, track, photos, config, training_of
):
    nested = '[loss]\nname = "asl"\ngamma_neg = 4\nclip = 0.1\ndetach_weights = false\n'
    file = config(f'data = "{photos}"\ntrack = ["tensorboard"]\n{nested}')
    training = training_of("--config", file, "--weights", "none", *words)
    assert (training.loss, training.track) == (loss, track)


NESTED = '[head]\nname = "gat"\nhidden = 8\naround = {name = "ml_decoder", groups = 5, width = 16}\n'


@pytest.mark.parametrize(
    ("words", "head"),
    [
        ([], {"name": "gat", "hidden": 8, "around": {"name": "ml_decoder", "groups": 5, "width": 16}}),
        (
            ["--head.around.groups", "7", "--head.hidden=9"],
            {"name": "gat", "hidden": 9, "around": {"name": "ml_decoder", "groups": 7, "width": 16}},
        ),
        (["--head.around", "linear"], {"name": "gat", "hidden": 8, "around": "linear"}),
        (
            ["--head.around=linear", "--head.around.pooling=max"],
            {"name": "gat", "hidden": 8, "around": {"name": "linear", "pooling": "max"}},
        ),
        (["--head", "linear"], "linear"),
    ],
)
def test_a_choice_within_a_choice_is_read_and_typed_like_any_other(words, head, photos, config, training_of, printed):
    file = config(f'data = "{photos}"\nweights = "none"\n{NESTED}')
    assert training_of("--config", file, *words).head == head
    again = config(printed("--config", file, *words), "again.toml")
    assert training_of("--config", again).head == head


@pytest.mark.parametrize(
    ("vectors", "typed", "found"),
    [
        ("words/glove.txt", [], "CONFIG/words/glove.txt"),
        ("/words/glove.txt", [], "/words/glove.txt"),
        ("images", [], "images"),
        ("images", ["--head.vectors", "glove.txt"], "HERE/glove.txt"),
    ],
)
def test_words_of_a_head_are_a_path_like_any_other(
    vectors, typed, found, photos, tmp_path, config, training_of, monkeypatch
):
    file = config(f'data = "{photos}"\nweights = "none"\n[head]\nname = "ml_gcn"\nvectors = "{vectors}"\n')
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    expected = found.replace("CONFIG", str(file.parent)).replace("HERE", str(here))
    assert training_of("--config", file, *typed).head == {"name": "ml_gcn", "vectors": expected}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--head.around.groups", "7"], "the head gat has no option --head.around.groups; it has --head.around, "),
        (["--head.around", "linar"], "head must be one of linear, "),
        (["--head.around", "linear", "--head.around.groups", "2"], "the head gat has no option --head.around.groups; "),
    ],
)
def test_what_a_choice_within_a_choice_does_not_have_is_refused(words, sentence, photos, refused):
    assert refused("train", photos, "--head", "gat", *words).startswith(sentence)


def test_options_of_a_choice_can_be_typed_over_the_choice_of_the_file_and_the_other_way_round(
    photos, config, training_of
):
    file = config(f'data = "{photos}"\nloss = "asl"\n[head]\nscale = 2\nnormalize = true\n[reader]\ndelimiter = ";"')
    training = training_of("--config", file, "--head.scale", "3", "--no-head.normalize", "--loss.clip", "0")
    assert training.head == {"name": "linear", "scale": 3.0, "normalize": False}
    assert training.loss == {"name": "asl", "clip": 0.0}
    assert training.source["reader"] == {"name": "table", "delimiter": ";"}
    assert training_of("--config", file, "--reader", "table").source["reader"] == "table"


def test_switches_of_a_file_can_be_switched_off(photos, config, training_of):
    file = config(f'data = "{photos}"\nout = "run"\noverwrite = true\ndeterministic = true')
    assert training_of("--config", file).overwrite
    training = training_of("--config", file, "--no-overwrite", "--no-deterministic")
    assert not training.overwrite
    assert not training.deterministic


def test_paths_of_a_file_start_from_its_folder_and_typed_ones_from_the_current_one(
    photos, tmp_path, training_of, config, monkeypatch
):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "labels.csv").write_bytes((photos / "labels.csv").read_bytes())
    (tmp_path / "set" / "photos").symlink_to(photos)
    text = 'data = "labels.csv"\nimages = "photos"\nout = "runs/a"\nweights = "start.pth"'
    file = config(text, "set/my.toml")
    monkeypatch.chdir(tmp_path)
    training = training_of("--config", "set/my.toml")
    assert (training.source["images"], str(training.out)) == (f"{tmp_path}/set/photos", "set/runs/a")
    assert training.weights == f"{tmp_path}/set/start.pth"
    monkeypatch.chdir(tmp_path / "set")
    typed = training_of("--config", file, "--images", "photos", "--weights", "other.pth", "--out", "b")
    assert (typed.source["images"], typed.weights, str(typed.out)) == (
        f"{tmp_path}/set/photos",
        f"{tmp_path}/set/other.pth",
        "b",
    )


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


ASL = '[loss]\nname = "asl"\n'
ASL_OPTIONS = "--loss.gamma-neg, --loss.gamma-pos, --loss.clip, --loss.detach-weights"
SHOWS = "polytag train --print-config shows all of them"


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


GIVE = "give a TOML file, a run folder or its config.json"


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


def test_a_training_without_data_is_refused(config, refused):
    sentence = "DATA is missing: name a label file or a folder with one, here or as data in a --config file"
    assert refused("train") == sentence
    assert refused("train", "--config", config("epochs = 3")) == sentence


def test_the_help_of_a_choice_in_a_file_lists_its_options(config, capsys):
    with pytest.raises(SystemExit):
        main(["train", "--config", str(config('loss = "asl"')), "--help"])
    assert "--loss.gamma-neg X" in capsys.readouterr().out
