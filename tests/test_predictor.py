"""What a predictor promises: the same answer for a photo however it comes, and one model out of several runs."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from scipy.special import expit, logit
from toys import tiny_set

from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.loader import Loader
from polytag.data.open import open_data
from polytag.data.pixels import open_image
from polytag.errors import DataError, DivergedError, OptionError, RunError
from polytag.fit import Training
from polytag.heads.gat import GAT
from polytag.heads.linear import Linear
from polytag.inference import predict_logits
from polytag.labels import Labels
from polytag.predictor import Predictor, as_images
from polytag.run import Run


@pytest.fixture(scope="module")
def predictor(trained):
    return Predictor(trained, workers=0)


@pytest.fixture(scope="module")
def files(photos):
    return sorted(photos.glob("*.png"))


def test_logits_are_those_of_the_model_on_resized_and_normalised_pixels(predictor, trained, files):
    run = Run.open(trained)
    pixels = np.stack([run.preprocessing.resize(open_image(file)) for file in files])
    with torch.no_grad():
        expected = run.load_model()(torch.from_numpy(run.preprocessing.normalize(pixels)))
    np.testing.assert_allclose(predictor.logits(files), expected.numpy(), rtol=1e-4, atol=1e-4)


def test_photos_may_come_in_many_forms(predictor, photos, files):
    expected = predictor.logits(files)
    arrays = [open_image(file) for file in files]
    forms = [photos, str(photos), [photos], [str(file) for file in files], np.array([str(f) for f in files])]
    forms += [iter(files), arrays, np.stack(arrays), ImageArrays(arrays), open_data(photos), open_data(photos).images]
    for form in forms:
        np.testing.assert_array_equal(predictor.logits(form), expected)
    np.testing.assert_allclose(predictor.logits(arrays[0]), expected[:1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(predictor.logits(files[0]), expected[:1], rtol=1e-4, atol=1e-5)


def test_the_batch_size_and_the_threads_change_nothing(trained, files, predictor):
    other = Predictor(trained, batch_size=7, workers=3)
    np.testing.assert_allclose(other.logits(files), predictor.logits(files), rtol=1e-4, atol=1e-5)


def test_tags_are_those_above_their_threshold_the_most_probable_first(predictor, files):
    probabilities = predictor.predict_proba(files)
    limits = np.array([0.2, 0.5, 0.8])
    for row, prediction in zip(probabilities, predictor.predict(files, threshold=limits), strict=True):
        expected = {name: p for name, p, limit in zip(predictor.classes, row, limits, strict=True) if p > limit}
        assert dict(prediction.tags) == expected
        scores = [score for _, score in prediction.tags]
        assert scores == sorted(scores, reverse=True)


def test_the_thresholds_of_the_run_are_used_unless_others_are_given(run_copy, files):
    config = json.loads((run_copy / "config.json").read_text())
    config["thresholds"] = [0.0, 1.0, 0.5]
    (run_copy / "config.json").write_text(json.dumps(config))
    predictor = Predictor(run_copy)
    tags = [dict(prediction.tags) for prediction in predictor.predict(files)]
    assert all("cat" in found and "dog" not in found for found in tags)
    np.testing.assert_array_equal(predictor.threshold_logits, [-np.inf, np.inf, 0.0])
    assert all(len(prediction.tags) == 3 for prediction in predictor.predict(files, threshold=0.0))


def test_topk_takes_the_most_probable_whatever_their_probability(predictor, files):
    (prediction,) = predictor.predict(files[0], topk=2, threshold=1.0)
    row = predictor.predict_proba(files[0])[0]
    assert [name for name, _ in prediction.tags] == [predictor.classes[c] for c in np.argsort(-row)[:2]]


def test_an_ensemble_is_the_logit_of_the_mean_probability_in_the_order_of_the_first_run(trained, second, files):
    both, one, other = Predictor(trained, second), Predictor(trained), Predictor(second)
    assert one.classes == both.classes == ("cat", "dog", "hat")
    assert other.classes == ("hat", "cat", "dog")
    mean = (one.predict_proba(files) + other.predict_proba(files)[:, [1, 2, 0]]) / 2
    np.testing.assert_allclose(both.predict_proba(files), mean, rtol=1e-6)
    np.testing.assert_allclose(both.logits(files), logit(mean), rtol=1e-5, atol=1e-6)
    swapped = Predictor(second, trained)
    np.testing.assert_allclose(swapped.logits(files), both.logits(files)[:, [2, 0, 1]], rtol=1e-12)


def test_an_ensemble_has_the_mean_of_the_thresholds_in_the_order_of_the_first_run(run_copy, second, files):
    config = json.loads((run_copy / "config.json").read_text())
    (run_copy / "config.json").write_text(json.dumps({**config, "thresholds": [0.0, 0.2, 1.0]}))  # of cat, dog, hat
    other = json.loads((second / "config.json").read_text())  # of hat, cat, dog
    both, swapped = Predictor(run_copy, second, workers=0), Predictor(second, run_copy, workers=0)
    assert other["thresholds"] == [0.5, 0.5, 0.5]
    np.testing.assert_allclose(both.thresholds, [0.25, 0.35, 0.75])
    np.testing.assert_allclose(swapped.thresholds, [0.75, 0.25, 0.35])
    for row, prediction in zip(both.predict_proba(files), both.predict(files), strict=True):
        assert {name for name, _ in prediction.tags} == {
            name for name, p, limit in zip(both.classes, row, both.thresholds, strict=True) if p > limit
        }


def test_an_ensemble_keeps_its_digits_where_probabilities_round_to_one(run_copy, tmp_path, files):
    certain = shutil.copytree(run_copy, tmp_path / "certain")
    biases = {run_copy: 40.0, certain: 50.0}
    for run, bias in biases.items():
        weights = load_file(run / "model.safetensors")
        weights["head.classifier.weight"].zero_()
        weights["head.classifier.bias"][:] = torch.tensor([bias, -bias, 0.0])
        save_file(weights, run / "model.safetensors")
    row = Predictor(run_copy, certain).logits(files[0])[0]
    # 1 - p is (e^-40 + e^-50) / 2, which p itself cannot show in 64 bits.
    expected = -np.log((np.exp(-40.0) + np.exp(-50.0)) / 2)
    np.testing.assert_allclose(row, [expected, -expected, 0.0], rtol=1e-12)
    assert expit(row[0]) == 1.0


def test_flip_is_the_logit_of_the_mean_probability_of_a_photo_and_its_mirror_image(trained, second, files, predictor):
    photos = [open_image(file) for file in files]
    mirrored = [np.ascontiguousarray(photo[:, ::-1]) for photo in photos]
    flipping = Predictor(trained, workers=0, tta="flip")
    one, other = predictor.predict_proba(photos), predictor.predict_proba(mirrored)
    assert np.abs(one - other).max() > 1e-4
    np.testing.assert_allclose(flipping.predict_proba(photos), (one + other) / 2, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(flipping.logits(photos), flipping.logits(mirrored), rtol=1e-4, atol=1e-4)
    both = Predictor(trained, second, workers=0, tta="flip").predict_proba(photos)
    parts = [Predictor(run, workers=0, tta="flip").predict_proba(photos) for run in (trained, second)]
    order = [Run.open(second).classes.index(name) for name in predictor.classes]
    np.testing.assert_allclose(both, (parts[0] + parts[1][:, order]) / 2, rtol=1e-4, atol=1e-5)


def test_what_does_not_depend_on_a_photo_is_folded_away(tmp_path):
    data = tiny_set(24)
    quick = {"backbone": "test_efficientnet", "weights": "none", "image_size": 32, "epochs": 1, "workers": 0}
    run = Training(data=data, out=tmp_path / "run", head={"name": "gat", "vector_size": 6}, **quick).finish()
    folded = Predictor(run, workers=0)
    assert type(folded.models[0].head) is Linear
    whole = run.load_model()
    assert type(whole.head) is GAT
    loader = Loader(data, run.preprocessing, None, 0)
    np.testing.assert_allclose(folded.logits(data), predict_logits(whole, loader, folded.device), atol=1e-5)


def test_an_ensemble_needs_the_same_classes(trained, run_copy):
    config = json.loads((run_copy / "config.json").read_text())
    (run_copy / "config.json").write_text(json.dumps({**config, "classes": ["cat", "dog", "owl"]}))
    with pytest.raises(
        OptionError,
        match=rf"^{re.escape(str(run_copy))} and {re.escape(str(trained))} must have the same classes, "
        "and 'hat' is in only one$",
    ):
        Predictor(trained, run_copy)
    with pytest.raises(OptionError, match=r"^a predictor needs at least one run folder, got none$"):
        Predictor()


def test_bad_photos_stop_or_are_skipped(predictor, files, tmp_path):
    gone = tmp_path / "gone.png"
    with pytest.raises(DataError, match=rf"^{gone} cannot be read: no such file or directory$"):
        predictor.predict([files[0], gone])
    good, bad = predictor.predict([files[0], gone], topk=1, on_bad_image="skip")
    assert good == predictor.predict(files[0], topk=1)[0]._replace(tags=good.tags)
    assert bad == (str(gone), (), f"{gone} cannot be read: no such file or directory")


def test_answers_that_are_no_numbers_are_refused_by_the_run(run_copy, files):
    weights = load_file(run_copy / "model.safetensors")
    huge = {name: torch.full_like(each, 1e38) for name, each in weights.items() if each.is_floating_point()}
    save_file(weights | huge, run_copy / "model.safetensors")
    with pytest.raises(DivergedError) as refusal:
        Predictor(run_copy, workers=0).predict(files[:2])
    assert str(refusal.value) == f"{run_copy} answers 2 of 2 photos with NaN; train it again"


def test_a_folder_gives_its_photos_and_nothing_else(photos, tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    shutil.copy(photos / "photo00.png", deep / "ONE.PNG")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "folder.png").mkdir()
    images = as_images(tmp_path)
    assert [images.name(n) for n in range(len(images))] == [str(deep / "ONE.PNG")]


def test_what_is_hidden_in_a_folder_is_left_out_and_may_be_named(tmp_path, monkeypatch):
    for name in ("a.jpg", "._a.jpg", ".trash/b.jpg", ".trash/in/c.jpg", "sub/.thumbs/d.jpg", "sub/e.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [*as_images(tmp_path).names] == [str(tmp_path / name) for name in ("a.jpg", "sub/e.jpg")]
    assert [*as_images([tmp_path / "._a.jpg", tmp_path / ".trash"]).names] == [
        str(tmp_path / name) for name in ("._a.jpg", ".trash/b.jpg", ".trash/in/c.jpg")
    ]
    monkeypatch.chdir(tmp_path / "sub")
    assert [*as_images("..").names] == ["../a.jpg", "../sub/e.jpg"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], "no photo was given; give photos, or folders that hold some"),
        (np.zeros((0, 4, 4, 3), np.uint8), "no photo was given; give photos, or folders that hold some"),
        (5, "photos must be files, folders, (height, width, 3) arrays of uint8, or a LabelledSet, got int"),
        (
            Image.new("RGB", (4, 4)),
            "photos must be files, folders, (height, width, 3) arrays of uint8, or a LabelledSet, got Image",
        ),
        (
            torch.zeros(2, 3, 4, 4),
            "photos must be files, folders, (height, width, 3) arrays of uint8, or a LabelledSet, got Tensor",
        ),
        (np.zeros((2, 4, 4, 3)), "image-0 must be a (height, width, 3) array of uint8, got (4, 4, 3) of float64"),
    ],
)
def test_what_is_no_photo_is_refused(given, sentence, predictor):
    with pytest.raises(DataError) as refusal:
        predictor.predict(given)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"threshold": 1.5}, "threshold must be between 0 and 1, got 1.5"),
        ({"threshold": [0.5, -0.1, 0.5]}, "threshold must be between 0 and 1, got -0.1"),
        (
            {"threshold": [0.5, 0.5]},
            "threshold must be one number or one for each of the 3 classes, got shape (2,)",
        ),
        ({"topk": 0}, "topk must be between 1 and 3, got 0"),
        ({"on_bad_image": "ignore"}, "on_bad_image must be one of stop, skip, got 'ignore'"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence, predictor, files):
    with pytest.raises(OptionError) as refusal:
        predictor.predict(files[0], **options)
    assert str(refusal.value) == sentence


def test_devices_are_checked(trained, monkeypatch):
    with pytest.raises(OptionError, match=r"^device must be one of auto, cpu, cuda, got 'tpu'$"):
        Predictor(trained, device="tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(OptionError, match=r"^device is cuda, and torch finds no GPU on this machine; use auto or cpu$"):
        Predictor(trained, device="cuda")
    with pytest.raises(RunError, match=r"^nowhere is not a run folder; give the folder that polytag train wrote$"):
        Predictor("nowhere")


def test_classes_that_the_data_lacks_are_unknown_in_an_evaluation(predictor, files):
    labels = Labels.from_dense(np.tile([[1, 0], [0, 1]], (20, 1)), ("hat", "owl"))
    data = LabelledSet(as_images(files), labels)
    evaluation = predictor.evaluate(data)
    assert evaluation.classes == predictor.classes
    assert [row.positives for row in evaluation.per_class()] == [0, 0, 20]
    assert evaluation.compute()["undefined_classes"] == 2
    assert predictor.match_notes(data.classes) == [
        "labels of the data that are not among the classes are left out: owl",
        "classes that are not among the labels of the data are undefined: cat, dog",
    ]
    assert predictor.match_notes(("dog", "hat", "cat")) == []
    assert predictor.match_notes(("dog", "hat", "cat", *"abcdefg"))[0].endswith(": a, b, c, d, e and 2 more")


def test_paths_may_be_relative(trained, photos, predictor, monkeypatch):
    monkeypatch.chdir(photos)
    relative = predictor.predict("photo00.png")[0]
    assert relative.filename == "photo00.png"
    assert relative.tags == predictor.predict(Path(photos) / "photo00.png")[0].tags
