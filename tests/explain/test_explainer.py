"""What an explainer promises: heat maps of the labels that were asked for, from the model as it predicts."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from toys import tiny_set

from polytag import Explainer, Predictor
from polytag.errors import DataError, DivergedError, OptionError
from polytag.fit import Training

QUICK = {"backbone": "test_efficientnet", "weights": "none", "image_size": 64, "epochs": 1, "workers": 0}


@pytest.fixture(scope="module")
def files(photos):
    return sorted(photos.glob("*.png"))[:3]


def test_maps_are_those_of_the_model_on_the_photo(trained, files):
    explainer = Explainer(trained, workers=0)
    found = explainer.explain(files, list(reversed(explainer.classes)))
    scores = Predictor(trained, workers=0).predict_proba(files)
    assert explainer.way == "maps"
    assert [photo.filename for photo in found] == [str(file) for file in files]
    for photo, row in zip(found, scores, strict=True):
        assert [heat.label for heat in photo.heats] == list(reversed(explainer.classes))
        np.testing.assert_allclose([heat.score for heat in photo.heats], row[::-1], atol=1e-5)
        for heat in photo.heats:  # the mean of a linear head's map is its logit
            assert 1 / (1 + np.exp(-heat.map.mean())) == pytest.approx(heat.score, abs=1e-4)
        assert photo.photo.ndim == 3
        assert photo.attention == {}


def test_unless_labels_are_given_the_tags_of_each_photo_are_explained(trained, files, run_copy):
    predictor = Predictor(trained, workers=0)
    tags = [[label for label, _ in photo.tags] for photo in predictor.predict(files)]
    found = [[heat.label for heat in photo.heats] for photo in Explainer(trained, workers=0).explain(files)]
    best = [[predictor.classes[row.argmax()]] for row in predictor.predict_proba(files)]
    assert found == [own or one for own, one in zip(tags, best, strict=True)]
    two = Explainer(trained, workers=0).explain(files, topk=2)
    order = np.argsort(-predictor.predict_proba(files), axis=1)[:, :2]
    assert [[heat.label for heat in photo.heats] for photo in two] == [
        [predictor.classes[column] for column in row] for row in order
    ]


def test_a_head_that_weighs_labels_by_attention_says_how_much(tmp_path):
    for attention, named in (("arch1", True), ("none", False)):
        head = {"name": "decouple", "attention": attention}
        run = Training(data=tiny_set(24), out=tmp_path / attention, head=head, **QUICK).finish()
        (photo, *_) = Explainer(run, workers=0).explain(tiny_set(2), ["a"])
        assert set(photo.attention) == (set("abcd") if named else set())
        assert all(0 < value < 1 for value in photo.attention.values())


def test_a_run_with_branches_shows_what_its_head_shows(tmp_path):
    head = {"name": "ml_decoder", "width": 16, "attention_heads": 2}
    options = {"head": head, "method": "collaborative", "batch_size": 8, **QUICK}
    run = Training(data=tiny_set(24), out=tmp_path / "run", **options).finish()
    explainer = Explainer(run, "attention", workers=0)
    (heat, *_), *_ = (photo.heats for photo in explainer.explain(tiny_set(2), ["a"]))
    assert explainer.ways == ("attention", "gradcam")
    assert heat.map.sum() == pytest.approx(1)
    with pytest.raises(OptionError, match=r"^the head MLDecoder has no class maps; choose attention or gradcam$"):
        Explainer(run, "maps")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"labels": ["nothing like it"]}, r".* has no label 'nothing like it'; it has .*"),
        ({"labels": ["x"], "topk": 1}, "labels and topk are two ways to say which; give one of them"),
        ({"topk": 0}, "topk must be between 1 and .*, got 0"),
        ({"labels": []}, "labels must name one at least, got none; leave them out for the tags of each photo"),
        ({"topk": 1.5}, "topk must be a whole number, got 1.5"),
        ({"labels": "cat"}, r"labels must be a list of names, got the text 'cat'; give \['cat'\]"),
        ({"labels": ["cat", "dog", "cat"]}, "labels must be named once each, got 'cat' twice"),
        ({"at_most": 0}, "at_most must be at least 1, got 0"),
        ({"on_bad_image": "hide"}, "on_bad_image must be one of stop, skip, got 'hide'"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_a_photo_is_read(given, sentence, trained):
    with pytest.raises(OptionError, match=f"^{sentence}$"):
        Explainer(trained, workers=0).explain("no such photo.png", **given)


def test_ways_and_devices_are_checked(trained, monkeypatch):
    with pytest.raises(OptionError, match=r"^way must be one of auto, maps, attention, gradcam, got 'lime'$"):
        Explainer(trained, "lime")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(OptionError, match=r"^device is cuda, and torch finds no GPU on this machine; use auto or cpu$"):
        Explainer(trained, device="cuda")
    with pytest.raises(OptionError, match=r"^the head Linear has no attention to places; choose maps or gradcam$"):
        Explainer(trained, "attention")
    assert Explainer(trained).ways == ("maps", "gradcam")


@pytest.mark.parametrize("head", ["linear", {"name": "decouple", "maps": 2}])
def test_answers_that_are_no_numbers_are_refused_by_the_run(head, tmp_path, files):
    Training(data=tiny_set(8), out=tmp_path / "run", head=head, **QUICK).finish()
    weights = load_file(tmp_path / "run" / "model.safetensors")
    huge = {name: torch.full_like(each, 1e38) for name, each in weights.items() if each.is_floating_point()}
    save_file(weights | huge, tmp_path / "run" / "model.safetensors")
    with pytest.raises(DivergedError) as refusal:
        Explainer(tmp_path / "run", workers=0).explain(files[:2])
    assert str(refusal.value) == f"{tmp_path}/run answers 2 of 2 photos with NaN; train it again"


def test_labels_that_are_nearly_certain_are_in_the_order_of_predict(run_copy, files):
    weights = load_file(run_copy / "model.safetensors")
    weights["head.classifier.bias"] += torch.tensor([18.0, 25.0, 20.0])
    save_file(weights, run_copy / "model.safetensors")
    (photo,) = Explainer(run_copy, workers=0).explain(files[:1], topk=2)
    (prediction,) = Predictor(run_copy, workers=0).predict(files[:1], topk=2)
    assert [heat.label for heat in photo.heats] == [label for label, _ in prediction.tags]
    assert photo.heats[0].label == "dog"


def test_a_photo_that_cannot_be_read_is_named(trained, files, tmp_path):
    (bad := tmp_path / "bad.png").write_bytes(b"no photo")
    explainer = Explainer(trained, workers=0)
    with pytest.raises(DataError, match=re.escape(str(bad))):
        explainer.explain(bad)
    skipped, other = explainer.explain([bad, files[0]], ["cat"], on_bad_image="skip")
    assert str(bad) in skipped.error
    assert (skipped.filename, skipped.heats, skipped.attention) == (str(bad), (), {})
    assert other.error is None
    alone = explainer.explain(files[0], ["cat"])[0].heats[0].map
    np.testing.assert_allclose(other.heats[0].map, alone, rtol=1e-4, atol=1e-6)  # a CPU may add up two photos otherwise


def test_photos_are_kept_no_larger_than_they_are_needed(trained):
    photos = [np.zeros((height, width, 3), np.uint8) for height, width in ((400, 200), (20, 30))]
    shapes = [photo.photo.shape for photo in Explainer(trained, workers=0).explain(photos, at_most=100)]
    assert shapes == [(100, 50, 3), (20, 30, 3)]


def test_a_turned_photo_and_a_transparent_one_are_shown_and_seen_the_right_way_up(trained, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    plain, turned, clear = (tmp_path / f"{name}.png" for name in ("plain", "turned", "clear"))
    Image.fromarray(pixels).save(plain)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right by a quarter
    Image.fromarray(np.rot90(pixels)).save(turned, exif=exif)
    Image.fromarray(np.dstack([pixels, np.full((40, 60), 255, np.uint8)])).save(clear)
    explainer = Explainer(trained, workers=0)
    first, *others = explainer.explain([plain, turned, clear], explainer.classes)
    assert first.photo.shape == (40, 60, 3)
    for other in others:
        np.testing.assert_array_equal(other.photo, first.photo)
        for mine, theirs in zip(other.heats, first.heats, strict=True):
            np.testing.assert_allclose(mine.map, theirs.map, atol=1e-5)
