"""What the kept test scores promise: read back as they were written, and damage is said in a sentence."""

import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from toys import tiny_set

from polytag import scores as module
from polytag.data.labelled_set import ImageArrays
from polytag.errors import OptionError, RunError
from polytag.scores import SCORES, VAL_SCORES, groups_of, load_scores, photos_fingerprint, save_scores

LOGITS = np.array([[0.5, -np.inf], [-1.0, 3.0], [2.0, 0.0]], dtype=np.float32)
TARGETS = np.array([[1, 0], [-1, 1], [1, 0]], dtype=np.int8)


def test_scores_come_back_as_they_were(tmp_path):
    assert save_scores(tmp_path, LOGITS, TARGETS, "abc") is None
    scores = load_scores(tmp_path)
    np.testing.assert_array_equal(scores.logits, LOGITS)
    np.testing.assert_array_equal(scores.targets, TARGETS)
    assert (scores.logits.dtype, scores.targets.dtype, scores.fingerprint) == (np.float32, np.int8, "abc")


def test_any_layout_and_type_of_numbers_is_written(tmp_path):
    save_scores(tmp_path, np.asfortranarray(LOGITS.astype(np.float64))[::2], TARGETS.astype(np.int64)[::2], "abc")
    np.testing.assert_array_equal(load_scores(tmp_path).logits, LOGITS[::2])
    np.testing.assert_array_equal(load_scores(tmp_path).targets, TARGETS[::2])


def test_too_many_scores_are_not_kept(tmp_path, monkeypatch):
    save_scores(tmp_path, LOGITS, TARGETS, "abc")
    monkeypatch.setattr(module, "LARGEST", 5)
    assert save_scores(tmp_path, LOGITS, TARGETS, "abc") == (
        "the scores of 3 test photos and 2 labels are not kept, being over 5 numbers, and polytag compare cannot take "
        "this run; judge it on fewer test photos"
    )
    assert not (tmp_path / SCORES).exists()
    assert save_scores(tmp_path, LOGITS, TARGETS, "abc", VAL_SCORES) == (
        "the scores of 3 validation photos and 2 labels are not kept, being over 5 numbers, and polytag bench can "
        "choose neither thresholds nor rows by them; judge it on fewer validation photos"
    )
    monkeypatch.setattr(module, "LARGEST", 6)
    assert save_scores(tmp_path, LOGITS, TARGETS, "abc") is None


def test_those_of_validation_lie_beside_those_of_the_test(tmp_path):
    save_scores(tmp_path, LOGITS, TARGETS, "abc")
    save_scores(tmp_path, LOGITS[:2] + 1, TARGETS[:2], "def", VAL_SCORES)
    assert load_scores(tmp_path).fingerprint == "abc"
    assert load_scores(tmp_path, VAL_SCORES).fingerprint == "def"
    np.testing.assert_array_equal(load_scores(tmp_path, VAL_SCORES).logits, LOGITS[:2] + 1)
    assert sorted(path.name for path in (tmp_path / "scores").iterdir()) == ["test.safetensors", "val.safetensors"]


def test_scores_and_targets_must_fit_each_other(tmp_path):
    with pytest.raises(OptionError, match=r"^targets must have the shape of scores \(3, 2\), got \(2, 2\); "):
        save_scores(tmp_path, LOGITS, TARGETS[:2], "abc")
    assert list(tmp_path.iterdir()) == []


def test_groups_of_photos_are_kept_as_numbers_from_0(tmp_path):
    save_scores(tmp_path, LOGITS, TARGETS, "abc")
    assert load_scores(tmp_path).clusters is None
    assert groups_of(load_scores(tmp_path)) == 0
    save_scores(tmp_path, LOGITS, TARGETS, "abc", groups=np.array([90, 7, 90]))
    scores = load_scores(tmp_path)
    np.testing.assert_array_equal(scores.clusters, [1, 0, 1])
    assert groups_of(scores) == 2
    save_scores(tmp_path, LOGITS, TARGETS, "abc", groups=np.array([4, 2, 9]))
    assert groups_of(load_scores(tmp_path)) == 0  # each on its own


def test_groups_of_fewer_photos_are_damage(tmp_path):
    save_scores(tmp_path, LOGITS, TARGETS, "abc", groups=np.array([0, 1]))
    with pytest.raises(
        RunError, match=r"is damaged: it must hold an int64 cluster a photo; restore it or train again$"
    ):
        load_scores(tmp_path)


def test_missing_scores_are_a_sentence(tmp_path):
    sentence = (
        f"{tmp_path}/scores/test.safetensors is missing; polytag train writes it when a run is finished, up to "
        "100000000 numbers (photos x labels), so finish the run with --resume or train again, on fewer photos if there "
        "are more"
    )
    with pytest.raises(RunError, match=rf"^{re.escape(sentence)}$"):
        load_scores(tmp_path)


@pytest.mark.parametrize(
    ("logits", "targets", "what"),
    [
        (LOGITS.astype(np.float64), TARGETS, ": it must hold float32 logits and int8 targets"),
        (LOGITS, TARGETS.astype(np.int32), ": it must hold float32 logits and int8 targets"),
        (
            LOGITS * np.float32(np.nan),
            TARGETS,
            " (scores must not be NaN, got 6, the first at [0, 0]; check what the model was fed)",
        ),
        (
            LOGITS[:2],
            TARGETS,
            " (targets must have the shape of scores (2, 2), got (3, 2); lists of label names are turned into a matrix "
            "with polytag.Labels.from_names(...).dense())",
        ),
        (LOGITS, TARGETS * 2, " (targets must be 1 (present), 0 (absent) or -1 (unknown), got 2)"),
    ],
)
def test_scores_that_cannot_be_are_refused(logits, targets, what, tmp_path):
    (tmp_path / "scores").mkdir()
    path = tmp_path / SCORES
    save_file({"logits": torch.tensor(logits), "targets": torch.tensor(targets)}, path, {"fingerprint": "abc"})
    with pytest.raises(RunError, match=rf"^{re.escape(f'{path} is damaged{what}; restore it or train again')}$"):
        load_scores(tmp_path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    save_scores(tmp_path, LOGITS, TARGETS, "abc")
    path = tmp_path / SCORES
    whole = path.read_bytes()
    tensors = {"logits": torch.tensor(LOGITS), "targets": torch.tensor(TARGETS)}
    for damage in (
        lambda: path.write_bytes(whole[:-1]),
        lambda: path.write_text("hello"),
        lambda: save_file({"logits": tensors["logits"]}, path, {"fingerprint": "abc"}),
        lambda: save_file(tensors, path, {"other": "abc"}),
        lambda: save_file(tensors, path),
    ):
        damage()
        sentence = rf"^{re.escape(str(path))} cannot be read \(.+\); restore it or train again$"
        with pytest.raises(RunError, match=sentence):
            load_scores(tmp_path)


def test_the_fingerprint_is_of_the_photos_and_their_order():
    data = tiny_set()
    whole = photos_fingerprint(data.images)
    assert photos_fingerprint(data.with_classes(data.classes[::-1]).images) == whole
    rows = np.arange(len(data))
    assert (
        len({whole, photos_fingerprint(data.select(rows[1:]).images), photos_fingerprint(data[rows[::-1]].images)}) == 3
    )
    pixels = np.zeros((2, 1, 1, 3), np.uint8)
    split = [photos_fingerprint(ImageArrays(pixels, names)) for names in (("ab", "c"), ("a", "bc"))]
    assert split[0] != split[1]
