"""What test-time augmentation promises: the mean answer on all views of a photo, whichever of them it is given."""

import json
import shutil

import numpy as np
import pytest
import torch
from fit_toys import training
from torch import nn
from toys import tiny_set

from polytag import Explainer
from polytag.bench.cost import cost_of
from polytag.cli import main
from polytag.data.splits import three_way
from polytag.errors import OptionError, RunError
from polytag.fits import arguments_of
from polytag.labels.thresholds import best_thresholds
from polytag.predictor import Predictor
from polytag.recorder import Recorder
from polytag.run import Run
from polytag.run_config import FREE, NEWER
from polytag.scores import SCORES, VAL_SCORES, load_scores
from polytag.tuning import tune
from polytag.views import TTA, WithViews, check_tta, with_views

PHOTO = torch.arange(48.0).view(1, 3, 4, 4)
SQUARE = "turns photos, so they must be square, and these have 32 x 48 pixels; choose equal sides, or leave it out"
# What runs are named by; an argument that comes later belongs in NEWER, or bench trains everything again.
NAMED_BY = """
    backbone weights head loss method sampler optimizer schedule sam image_size epochs batch_size lr search
    weight_decay clip frozen_epochs patience average crop augment cutout cutout_probability flip flip_vertical mix
    seed cache speed deterministic on_bad_image evaluate_every
"""


class Corner(nn.Module):
    """Answers with the first pixel of a photo, so that every view of it has another answer."""

    def forward(self, images):
        return images[:, :1, 0, 0] / 10


def probability(logits):
    return logits.double().sigmoid().item()


def test_the_eight_views_are_the_symmetries_of_a_square():
    views = WithViews(nn.Identity(), TTA["d4"])
    seen = []
    views.model.forward = lambda images: seen.append(images) or images
    views(PHOTO)
    assert len({view.numpy().tobytes() for view in seen}) == 8
    expected = {np.rot90(side, turns, (2, 3)).tobytes() for side in (PHOTO, PHOTO.flip(3)) for turns in range(4)}
    assert {view.numpy().tobytes() for view in seen} == expected
    assert torch.equal(seen[0], PHOTO)


def test_the_answer_is_the_mean_probability_of_the_corners():
    corners = [PHOTO[0, 0, row, column].item() for row in (0, 3) for column in (0, 3)]
    of_corners = [probability(torch.tensor(value / 10)) for value in corners]
    answer = with_views(Corner(), "d4")(PHOTO)
    assert answer.shape == (1, 1)
    assert probability(answer) == pytest.approx(np.mean(of_corners), rel=1e-5)
    assert probability(with_views(Corner(), "flip")(PHOTO)) == pytest.approx(np.mean(of_corners[:2]), rel=1e-5)


@pytest.mark.parametrize("turns", range(4))
def test_the_answer_does_not_depend_on_how_a_photo_lies(turns):
    asked = with_views(Corner(), "d4")
    torch.testing.assert_close(asked(torch.rot90(PHOTO, turns, (2, 3)).flip(2)), asked(PHOTO))


def test_the_photo_alone_is_the_model_itself():
    model = Corner()
    assert with_views(model, "none") is model


def test_it_is_in_the_mode_of_its_model():
    assert not with_views(Corner().eval(), "d4").training
    assert with_views(Corner().train(), "d4").training


@pytest.mark.parametrize(
    ("tta", "size", "sentence"),
    [
        ("d8", (32, 32), "tta must be one of none, flip, d4, got 'd8'"),
        ("d4", (32, 48), f"tta d4 {SQUARE}"),
    ],
)
def test_views_that_photos_do_not_have_are_refused(tta, size, sentence):
    with pytest.raises(OptionError) as error:
        check_tta(tta, size)
    assert str(error.value) == sentence


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    return training(tmp_path_factory.mktemp("turned") / "run", rotate90=0.75, tta="d4").finish()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"tta": "d4"}, f"tta d4 {SQUARE}"),
        ({"rotate90": 0.5}, f"rotate90 {SQUARE}"),
    ],
)
def test_a_training_does_not_turn_photos_that_are_no_squares(options, sentence, tmp_path):
    with pytest.raises(OptionError) as error:
        training(tmp_path / "run", image_size=(32, 48), **options)
    assert str(error.value) == sentence
    assert training(tmp_path / "run", image_size=(32, 48), tta="flip").tta == "flip"


def test_a_run_is_judged_and_asked_as_it_was_trained(turned):
    test = three_way(tiny_set(30), 0).test
    one, eight = (Predictor(turned, workers=0, tta=tta).logits(test) for tta in ("none", "d4"))
    assert np.abs(one - eight).max() > 1e-4
    np.testing.assert_array_equal(Predictor(turned, workers=0).logits(test), eight)
    for name, part in ((SCORES, test), (VAL_SCORES, three_way(tiny_set(30), 0).val)):
        asked = Predictor(turned, workers=0, tta="d4").logits(part)
        np.testing.assert_allclose(load_scores(turned.path, name).logits, asked, rtol=1e-5, atol=1e-5)


def test_epochs_are_compared_by_the_photo_alone(turned):
    val = three_way(tiny_set(30), 0).val
    alone = Predictor(turned, workers=0, tta="none").evaluate(val).compute()["mAP"]
    assert turned.metrics["best"]["score"] == pytest.approx(alone, abs=1e-6)
    assert turned.metrics["val"]["mAP"] == pytest.approx(Predictor(turned).evaluate(val).compute()["mAP"], abs=1e-6)


def test_commands_ask_as_the_run_was_trained(turned, photos, capsys):
    def scores(*words):
        assert main(["predict", str(turned.path), str(photos), "--format", "jsonl", "--topk", "1", *words]) == 0
        return capsys.readouterr().out

    assert scores() == scores("--tta", "d4") != scores("--tta", "none")


def test_heat_maps_come_with_the_probabilities_of_predict(turned):
    test = three_way(tiny_set(30), 0).test
    found = Explainer(turned, workers=0).explain(test, list(turned.classes))
    scores = [[heat.score for heat in photo.heats] for photo in found]
    np.testing.assert_allclose(scores, Predictor(turned, workers=0).predict_proba(test), atol=1e-5)


def test_thresholds_are_of_the_answers_in_views(turned, tmp_path):
    copy = Run.open(shutil.copytree(turned.path, tmp_path / "run"))
    data = tiny_set(40)
    tune(copy, data, "precision", 0.3, shrink=1.0)
    in_views, alone = (
        best_thresholds(Predictor(turned, tta=tta).predict_proba(data), data.labels.dense(), "precision", 0.3, 1.0)
        for tta in ("d4", "none")
    )
    np.testing.assert_allclose(Run.open(copy.path).thresholds, in_views, atol=1e-6)
    assert np.abs(in_views - alone).max() > 1e-3


def test_the_card_says_that_answers_are_of_views(turned, trained):
    sentence = "Numbers and thresholds are of answers averaged over 8 views of a photo (tta d4)."
    assert sentence in (turned.path / "README.md").read_text().splitlines()
    assert " views of a photo" not in (trained / "README.md").read_text()


def test_all_views_count_in_the_cost(turned, tmp_path):
    copy = shutil.copytree(turned.path, tmp_path / "run")
    in_views = cost_of([copy])
    config = json.loads((copy / "config.json").read_text())
    config["training"]["tta"] = "none"
    (copy / "config.json").write_text(json.dumps(config))
    alone = cost_of([copy])
    assert in_views.parameters == alone.parameters
    assert in_views.gmacs == pytest.approx(8 * alone.gmacs)


def test_teachers_are_those_of_a_training_without_views(tmp_path):
    method = {"name": "cpsd", "decompositions": "whole"}
    for tta in ("none", "d4"):
        training(tmp_path / tta, method=method, tta=tta, fits=str(tmp_path / "fits"), epochs=1).finish()
    assert len(list((tmp_path / "fits").iterdir())) == 1


def test_a_run_from_before_has_its_name_still(tmp_path):
    before, now = (arguments_of(training(tmp_path, **options), FREE) for options in ({}, {"tta": "flip"}))
    assert sorted(before) == sorted(NAMED_BY.split())
    assert now == before | {"tta": "flip"}


def test_a_run_from_before_is_asked_about_the_photo_alone(turned, tmp_path):
    config = json.loads((turned.path / "config.json").read_text())
    del config["training"]["tta"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert Run.open(tmp_path).tta == "none"
    config["training"]["tta"] = "all"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunError, match=r"is damaged: tta must be one of none, flip, d4, got 'all'; restore it$"):
        Run.open(tmp_path)


def test_a_run_from_before_does_not_go_on_turned(turned, tmp_path):
    config = json.loads((turned.path / "config.json").read_text())
    before = config | {"training": {name: value for name, value in config["training"].items() if name not in NEWER}}
    (tmp_path / "config.json").write_text(json.dumps(before))
    with pytest.raises(RunError, match=r"was started with rotate90 0\.0, and 0\.75 came"):
        Recorder(tmp_path, config, "mAP").resume()
