"""What recipes promise: options of a training that it takes as they are, with a sentence about each."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from toys import tiny_set

from polytag._toml import as_toml
from polytag.backbones import preprocessing_defaults
from polytag.build import build_loss, made
from polytag.errors import OptionError
from polytag.fit import Training
from polytag.recipes import RECIPES, find_recipe
from polytag.train.recipe import UNAUGMENTED

OWN = {"data", "out", "seed", "weights", "resume", "overwrite", "command", "source", "device"}  # never a recipe's


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_a_training(name, tmp_path):
    options = RECIPES[name].options
    training = Training(data=tiny_set(), out=tmp_path, **options)
    kept = {key: getattr(training, key) for key in options}
    assert kept | {"head": None} == options | {"head": None}  # which a loss of cosines normalises
    assert not OWN & set(options)
    assert as_toml(options)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_says_where_it_is_from(name):
    about = RECIPES[name].about
    assert (about.count(". "), about[-1]) == (0, ".")
    assert 10 <= len(about) <= 120


def test_the_plain_one_is_an_ordinary_loop():
    assert RECIPES["plain"].options == {
        "loss": "bce",
        "optimizer": "adamw",
        "lr": 3e-4,
        "schedule": "constant",
        "weight_decay": 0.01,
        "clip": 0.0,
        "average": 0.0,
        "batch_size": 32,
        "sam": "none",
        "frozen_epochs": 0,
        "patience": 0,
        "crop": "none",
        "augment": "none",
        "cutout": 0.0,
        "flip": 0.5,
        "flip_vertical": 0.0,
        "rotate90": 0.0,
        "mix": "none",
    }


def test_the_one_of_pedestrian_attributes_is_the_baseline_of_public_code(tmp_path):
    options = RECIPES["par"].options
    assert options == {
        **UNAUGMENTED,
        "backbone": "resnet50.tv_in1k",
        "loss": "weighted_bce",
        "optimizer": "adam",
        "lr": 1e-4,
        "schedule": {"name": "plateau", "warmup": 0.0, "decay": 0.1, "patience": 4},
        "weight_decay": 5e-4,
        "clip": 10.0,
        "average": 0.0,
        "image_size": (256, 192),
        "epochs": 30,
        "batch_size": 64,
        "crop": {"name": "shift", "pixels": 10},
        "flip": 0.5,
    }
    training = Training(data=tiny_set(), out=tmp_path, **options)
    assert (training.head, training.method, training.frozen_epochs, training.patience) == ("linear", "supervised", 0, 0)


@pytest.mark.parametrize("name", ["par", "longtail", "decouple"])
def test_old_resnets_have_the_weights_that_those_papers_had(name):
    """torchvision's first ones, whose photos are resized bilinearly; timm's default are others."""
    assert preprocessing_defaults(RECIPES[name].options["backbone"]).interpolation == "bilinear"


def test_its_loss_weighs_as_public_code_does_summed_over_attributes():
    data = tiny_set()
    loss = build_loss(RECIPES["par"].options["loss"])
    loss.prepare(data.labels)
    y = torch.from_numpy(data.labels.dense()).double()
    z = torch.linspace(-2, 2, y.numel(), dtype=torch.float64).reshape(y.shape)
    ratio = y.mean(dim=0)  # all are known
    weight = torch.exp(y * (1 - ratio) + (1 - y) * ratio)
    expected = (weight * binary_cross_entropy_with_logits(z, y, reduction="none")).sum(dim=1).mean()
    assert loss(z, y).item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(("name", "batch", "pixels", "rise"), [("asl", 128, 224, 0.2), ("cpsd", 24, 448, 0.1)])
def test_asl_and_cpsd_are_those_of_public_code(name, batch, pixels, rise):
    assert RECIPES[name].options == {
        **UNAUGMENTED,
        "loss": {"name": "asl", "gamma_neg": 4.0, "gamma_pos": 0.0, "clip": 0.05},
        "optimizer": "adam",
        "lr": 1e-4,
        "schedule": {"name": "one_cycle", "warmup": rise, "div_factor": 25.0, "final_div_factor": 1e4}
        | {"low_momentum": 0.85, "high_momentum": 0.95},
        "weight_decay": 1e-4 / batch,  # there of a sum over the batch
        "average": 0.9997,
        "batch_size": batch,
        "image_size": pixels,
        "epochs": 80,
        "augment": "randaugment",
        "cutout": 0.5,
        "cutout_probability": 1.0,
    }


def test_longtail_takes_the_steps_of_a_mean_over_the_labels_of_voc():
    assert RECIPES["longtail"].options == {
        **UNAUGMENTED,
        "backbone": "resnet50.tv_in1k",
        "loss": "weighted_bce",
        "optimizer": {"name": "sgd", "momentum": 0.9, "nesterov": False},
        "lr": pytest.approx(0.01 / 20),
        "schedule": {"name": "step", "warmup": 0.05, "decay": 0.1, "first": 0.6, "second": 0.87},
        "weight_decay": pytest.approx(1e-4 * 20),
        "clip": 35.0 * 20,
        "average": 0.0,
        "image_size": 224,
        "epochs": 8,
        "batch_size": 32,
        "crop": {"name": "sides", "smallest": 0.8, "stretch": 2.0},
        "augment": "photometric",
        "flip": 0.5,
    }


def test_the_strategy_is_polytags_defaults_with_sam_and_an_early_end(tmp_path):
    options = RECIPES["strategy"].options
    defaults = Training(data=tiny_set(), out=tmp_path)
    assert {name for name, value in options.items() if getattr(defaults, name) != value} == {"sam", "patience"}
    assert (options["sam"], options["patience"]) == ("plain", 5)


@pytest.mark.parametrize(
    ("name", "lr", "scale", "gammas", "average", "pixels"),
    [  # of COCO, VOC, NUS-WIDE and VG-500 in the AAM paper and its configurations
        ("aam_mld", 0.007, 23.0, (1.0, 0.0), 0.9997, 448),
        ("aam_mld_voc", 0.005, 17.0, (2.0, 1.0), 0.9993, 448),
        ("aam_mld_nus", 0.007, 23.0, (2.0, 1.0), 0.9997, 448),
        ("aam_mld_vg500", 0.005, 25.0, (1.0, 0.0), 0.9997, 576),
        ("aam_gat", 0.007, 23.0, (1.0, 0.0), 0.9997, 448),
        ("aam_gat_voc", 0.005, 17.0, (2.0, 1.0), 0.9993, 448),
        ("aam_gat_nus", 0.007, 23.0, (2.0, 1.0), 0.9997, 448),
    ],
)
def test_the_presets_of_aam_have_the_values_of_their_data(name, lr, scale, gammas, average, pixels):
    options = RECIPES[name].options
    head = options["head"].get("around", options["head"])
    loss = options["loss"]
    assert (head["scale"], loss["gamma_neg"], loss["gamma_pos"]) == (scale, *gammas)
    assert (loss["balance"], loss["margin"], loss["clip"]) == (0.7, 0.0, 0.05)
    assert options["lr"] == pytest.approx(lr * 84)
    assert (options["average"], options["image_size"], options["epochs"], options["patience"]) == (
        average,
        pixels,
        60,
        5,
    )
    assert options["sam"] == {"name": "plain", "rho": 0.05}
    assert options["schedule"] == {"name": "one_cycle", "warmup": 0.2, "div_factor": 100.0, "final_div_factor": 1000.0}
    assert (options["augment"], options["cutout"], options["cutout_probability"]) == ("randaugment", 0.4, 0.5)


def test_decouple_takes_the_steps_of_a_mean_over_the_labels_of_coco_and_falls_once():
    options = RECIPES["decouple"].options
    assert options["lr"] * 80 == pytest.approx(0.01)
    assert options["lr"] * options["weight_decay"] == pytest.approx(0.01 * 1e-4)
    schedule = made("schedule", options["schedule"])
    assert [schedule.shape(epoch / 20) for epoch in (0, 14, 15, 19)] == pytest.approx([1, 1, 0.1, 0.1])


def test_a_recipe_is_found_by_its_name(monkeypatch):
    assert find_recipe("plain") is RECIPES["plain"]
    monkeypatch.setattr("polytag.recipes.RECIPES", {"plain": 1, "asl": 2})
    for name, hint in (("plane", "; did you mean 'plain'"), ("nothing", "")):
        with pytest.raises(OptionError) as refusal:
            find_recipe(name)
        assert str(refusal.value) == f"recipe must be one of plain, asl, got {name!r}{hint}"


def test_the_presets_of_aam_take_the_steps_of_public_code_which_sums_over_the_batch():
    for name, lr in (("aam_mld", 0.007), ("aam_mld_voc", 0.005), ("aam_gat", 0.007), ("aam_gat_voc", 0.005)):
        options = RECIPES[name].options
        assert options["lr"] / options["batch_size"] == pytest.approx(lr)
        assert options["lr"] * options["weight_decay"] == pytest.approx(lr * 5e-4)
        assert (options["loss"]["margin"], options["loss"]["balance"]) == (0.0, 0.7)
    assert RECIPES["aam_mld_voc"].options["head"] == {"name": "ml_decoder", "scale": 17.0}
    assert RECIPES["aam_gat_voc"].options["head"]["around"]["scale"] == 17.0
    assert "aam_gat_vg500" not in RECIPES


def test_a_preset_of_aam_gives_cosines_whatever_is_around(tmp_path):
    for name in ("aam_mld", "aam_gat"):
        head = Training(data=tiny_set(), out=tmp_path, **RECIPES[name].options).head
        assert head.get("around", head)["normalize"] is True
