"""What `polytag tune` promises: thresholds in the run that predict and evaluate use, chosen without the test photos."""

import json
import re

import numpy as np
import pytest
from scipy.special import expit

from polytag.cli import main
from polytag.data.open import open_data
from polytag.data.splits import three_way
from polytag.labels.thresholds import best_thresholds
from polytag.predictor import Predictor
from polytag.run import Run


@pytest.mark.parametrize("split", ["val", "train"])
def test_thresholds_are_those_of_the_split_and_kept_in_the_run(split, run_copy, photos, capsys):
    assert main(["tune", str(run_copy), str(photos), "--split", split, "--always"]) == 0
    shown = capsys.readouterr().out
    run = Run.open(run_copy)
    part = getattr(three_way(open_data(photos), run.config["training"]["seed"]), split)
    scores = Predictor(run_copy, workers=0).logits(part)
    targets = part.labels.with_classes(run.classes).dense()
    np.testing.assert_allclose(run.thresholds, best_thresholds(expit(scores), targets), atol=1e-4)
    assert max(len(line) for line in shown.splitlines() if str(run_copy) not in line) <= 80
    assert f"on {split}" in shown
    for name in run.classes:
        assert name in shown


def test_thresholds_that_are_not_found_to_help_stay_at_one_half(run_copy, photos, capsys):
    assert main(["tune", str(run_copy), str(photos), "--always"]) == 0
    assert set(Run.open(run_copy).thresholds) != {0.5}
    assert "is 0.5;" not in capsys.readouterr().out
    assert main(["tune", str(run_copy), str(photos)]) == 0
    shown = capsys.readouterr().out
    assert set(Run.open(run_copy).thresholds) == {0.5}
    assert re.search(
        r"^In five folds, on photos that thresholds were not chosen on, they gain\n"
        r"[-+]\d+\.\d\d points of CF1 \[.*\] over 0\.5: (not resolved|down)\.\n"
        r"So the threshold of all labels is 0\.5; --always takes those that were chosen\.\n$",
        shown,
    )
    assert max(len(line) for line in shown.splitlines() if str(run_copy) not in line) <= 80


def test_predict_uses_them(run_copy, photos, capsys):
    assert main(["tune", str(run_copy), str(photos), "--objective", "recall", "--level", "1", "--shrink", "0"]) == 0
    limits = dict(zip(Run.open(run_copy).classes, Run.open(run_copy).thresholds, strict=True))
    capsys.readouterr()
    assert main(["predict", str(run_copy), str(photos), "--format", "jsonl"]) == 0
    tags = [tag for line in capsys.readouterr().out.splitlines() for tag in json.loads(line)["tags"]]
    assert tags
    assert all(tag["score"] > limits[tag["label"]] - 1e-6 for tag in tags)


def test_labels_that_no_cut_brings_to_the_level_are_named(run_copy, photos, capsys):
    words = ["tune", str(run_copy), str(photos), "--objective", "precision", "--shrink", "0"]
    assert main([*words, "--level", "1", "--grid", "0.5"]) == 0  # at 0.5 alone
    shown = capsys.readouterr().out
    part = three_way(open_data(photos), Run.open(run_copy).config["training"]["seed"]).val
    targets = part.labels.with_classes(Run.open(run_copy).classes).dense()
    found = Predictor(run_copy, workers=0).logits(part) > 0
    short = [
        name
        for name, chosen, target in zip(Run.open(run_copy).classes, found.T, targets.T, strict=True)
        if (chosen & (target == 0)).any()
    ]
    assert short
    assert f"\nNo cut brings {', '.join(short[:5])}" in shown
    assert "to that precision; the nearest is taken." in shown
    assert main([*words, "--level", "0"]) == 0
    assert "No cut brings" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--objective", "recall", "--level", "2"], "level must be between 0 and 1, got 2.0"),
        (["--level", "0.8"], "level goes with objective precision or recall, got 0.8 with f1; leave it out"),
        (
            ["--objective", "recall", "--always"],
            "always goes with objective f1, and recall takes its thresholds anyway; leave it out",
        ),
        (["--split", "test"], "argument --split: invalid choice: 'test' (choose from 'val', 'train', 'all')"),
    ],
)
def test_bad_words_change_nothing(words, sentence, run_copy, photos, refused):
    before = (run_copy / "config.json").read_bytes()
    assert refused("tune", run_copy, photos, *words).startswith(sentence)
    assert (run_copy / "config.json").read_bytes() == before
