"""What `polytag calibrate` promises: other probabilities and the same tags, fitted without the test photos."""

import json
import re
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from scipy.special import expit

from polytag.cli import main
from polytag.data.open import open_data
from polytag.data.splits import three_way
from polytag.explain.explainer import Explainer
from polytag.labels.calibration import fit_calibration
from polytag.predictor import Predictor
from polytag.run import Run


def tags(run, photos):
    return [sorted(label for label, _ in one.tags) for one in Predictor(run, workers=0).predict(photos)]


@pytest.mark.parametrize("split", ["val", "train"])
def test_it_is_that_of_the_split_and_every_command_finds_it(split, run_copy, photos, capsys):
    plain = Predictor(run_copy, workers=0)
    data = open_data(photos)
    part = getattr(three_way(data, plain.runs[0].config["training"]["seed"]), split)
    expected = fit_calibration(plain.logits(part), part.labels.with_classes(plain.classes).dense())
    before, answers = tags(run_copy, photos), plain.logits(photos)
    assert main(["calibrate", str(run_copy), str(photos), "--split", split, "--always"]) == 0
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines() if str(run_copy) not in line) <= 80
    assert shown.index("\nECE ") < shown.index("\nbrier ")
    assert re.search(rf"^on {split} +before +after\n-*\n?ECE ", shown, re.MULTILINE)
    run = Run.open(run_copy)
    np.testing.assert_allclose(run.calibration.slopes, expected.slopes, rtol=1e-3)
    np.testing.assert_allclose(run.calibration.offsets, expected.offsets, atol=1e-3)
    calibrated = Predictor(run_copy, workers=0)
    np.testing.assert_allclose(calibrated.logits(photos), run.calibration.apply(answers), rtol=1e-6, atol=1e-6)
    assert tags(run_copy, photos) == before
    (photo, *_) = Explainer(run_copy, workers=0).explain(photos, [run.classes[0]])
    assert photo.heats[0].score == pytest.approx(expit(run.calibration.apply(answers))[0, 0], abs=1e-5)


def test_it_goes_where_it_is_not_found_to_help_and_the_tags_stay(run_copy, photos, capsys):
    before = tags(run_copy, photos)
    assert main(["tune", str(run_copy), str(photos), "--always"]) == 0
    tuned = tags(run_copy, photos)
    assert tuned != before
    thresholds = Run.open(run_copy).thresholds
    assert main(["calibrate", str(run_copy), str(photos), "--always"]) == 0
    assert tags(run_copy, photos) == tuned
    assert (
        main(["calibrate", str(run_copy), str(photos), "--always", "--shrink", "99"]) == 0
    )  # of the model's own answers
    assert tags(run_copy, photos) == tuned
    capsys.readouterr()
    assert main(["calibrate", str(run_copy), str(photos)]) == 0
    assert "are those of the model; --always calibrates them.\n" in capsys.readouterr().out
    run = Run.open(run_copy)
    assert run.calibration is None
    assert "calibration" not in run.config
    assert run.thresholds == pytest.approx(thresholds)


def test_thresholds_may_be_chosen_after_it_and_it_stays(run_copy, photos):
    assert main(["calibrate", str(run_copy), str(photos), "--always"]) == 0
    before = Run.open(run_copy).calibration
    assert main(["tune", str(run_copy), str(photos), "--always", "--shrink", "0"]) == 0
    after = Run.open(run_copy).calibration
    assert (after.slopes.tolist(), after.offsets.tolist()) == (before.slopes.tolist(), before.offsets.tolist())


def test_several_runs_are_averaged_in_their_calibrated_probabilities(run_copy, trained, photos):
    assert main(["calibrate", str(run_copy), str(photos), "--always"]) == 0
    one, other, both = (Predictor(*runs, workers=0) for runs in ((run_copy,), (trained,), (run_copy, trained)))
    mean = (one.predict_proba(photos) + other.predict_proba(photos)) / 2
    np.testing.assert_allclose(both.predict_proba(photos), mean, atol=1e-6)


def test_a_calibration_goes_with_its_classes_in_whatever_order_a_run_has_them(run_copy, trained, photos):
    run = Run.open(run_copy)
    written = {"slopes": [1.0, 2.0, 0.5], "offsets": [0.0, 1.0, -1.0]}
    (run_copy / "config.json").write_text(json.dumps(run.config | {"calibration": written}))
    order = [2, 0, 1]
    turned = run_copy.parent / "turned"
    shutil.copytree(run_copy, turned)
    weights = load_file(turned / "model.safetensors")
    last = [name for name, value in weights.items() if name.startswith("head.") and len(value) == 3]
    save_file(
        {name: value[order] if name in last else value for name, value in weights.items()}, turned / "model.safetensors"
    )
    moved = {key: [values[n] for n in order] for key, values in written.items()}
    config = run.config | {"classes": [run.classes[n] for n in order], "calibration": moved}
    (turned / "config.json").write_text(json.dumps(config))
    alone, both = Predictor(run_copy, workers=0), Predictor(run_copy, turned, workers=0)
    np.testing.assert_allclose(both.predict_proba(photos), alone.predict_proba(photos), atol=1e-6)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--shrink", "0"], "shrink must be between 1e-06 and "),
        (["--split", "test"], "argument --split: invalid choice: 'test' (choose from 'val', 'train', 'all')"),
    ],
)
def test_bad_words_change_nothing(words, sentence, run_copy, photos, refused):
    before = (run_copy / "config.json").read_bytes()
    assert refused("calibrate", run_copy, photos, *words).startswith(sentence)
    assert (run_copy / "config.json").read_bytes() == before


@pytest.mark.parametrize(
    "written",
    [
        5,
        {"slopes": [1.0, 1.0, 1.0]},
        {"slopes": [1.0, 1.0], "offsets": [0.0, 0.0]},
        {"slopes": [1.0, 0.0, 1.0], "offsets": [0.0, 0.0, 0.0]},
        {"slopes": [1.0, 1.0, 1.0], "offsets": [0.0, None, 0.0]},
        {"slopes": [1.0, 1.0, 1.0], "offsets": [0.0, "a", 0.0]},
    ],
)
def test_a_damaged_one_is_refused(written, run_copy, photos, refused):
    config = json.loads((run_copy / "config.json").read_text())
    (run_copy / "config.json").write_text(json.dumps({**config, "calibration": written}))
    assert refused("predict", run_copy, photos) == (
        f"{run_copy}/config.json is damaged: calibration needs one positive slope and one offset for each class; "
        "restore it"
    )
