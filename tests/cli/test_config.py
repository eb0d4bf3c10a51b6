"""What configuration files promise: the options of the command line, and what is typed wins."""

import dataclasses
from hashlib import sha256

import pytest
from same_arguments import assert_alike

from polytag import Training
from polytag.cli.train import _GROUPS

OWN_WAY = ("data", "out", "command", "source")  # arguments of a training that are no option of a help group
NESTED = '[head]\nname = "gat"\nhidden = 8\naround = {name = "ml_decoder", groups = 5, width = 16}\n'


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
    lines = [f"{sha256(path.read_bytes()).hexdigest()}  photos/{path.name}\n" for path in photos.glob("*.png")]
    (tmp_path / "set" / "photos.sha256").write_text("".join(lines))
    training = training_of("--config", config(text + '\nmanifest = "photos.sha256"', "set/my.toml"))
    assert training.source["manifest"] == f"{tmp_path}/set/photos.sha256"
    assert "every photo is compared with photos.sha256 when it is read" in training.data.notes
    file = config(text + '\nfits = "t"\n[method]\nname = "cpsd"\ntogether = "a.json"\napart = "b.json"', "set/my.toml")
    training = training_of("--config", "set/my.toml")
    assert training.fits == f"{tmp_path}/set/t"
    assert training.method == {"name": "cpsd", "together": f"{tmp_path}/set/a.json", "apart": f"{tmp_path}/set/b.json"}
    monkeypatch.chdir(tmp_path / "set")
    typed = training_of("--config", file, "--images", "photos", "--weights", "other.pth", "--out", "b")
    assert (typed.source["images"], typed.weights, str(typed.out)) == (
        f"{tmp_path}/set/photos",
        f"{tmp_path}/set/other.pth",
        "b",
    )
