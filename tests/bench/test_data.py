"""What the photos of a suite promise: the same for all of its trainings, wherever they run."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from photo_folder import make_photos
from toys import tiny_set

from polytag.bench import data as bench_data
from polytag.bench.data import below, files_of, pack_suite, preprocessing_of, suite_data, with_unknown
from polytag.bench.types import Row, Suite
from polytag.data.splits import TRAIN
from polytag.errors import DataError, OptionError

SUITE = Suite("small", "Small", "photos/labels.csv", (), "plain", (0,), "fast")


def test_photos_without_splits_get_the_same_ones_for_every_training(tmp_path):
    make_photos(tmp_path / "photos")
    first, second = (suite_data(SUITE, tmp_path) for _ in range(2))
    np.testing.assert_array_equal(first.split, second.split)
    assert [int((first.split == part).sum()) for part in range(3)] == [32, 4, 4]


def test_a_small_protocol_takes_the_first_photos_of_each_split(tmp_path):
    make_photos(tmp_path / "photos")
    few, whole = suite_data(dataclasses.replace(SUITE, photos=3), tmp_path), suite_data(SUITE, tmp_path)
    assert [int((few.split == part).sum()) for part in range(3)] == [3, 3, 3]
    names = [whole.images.name(int(row)) for row in np.flatnonzero(whole.split == TRAIN)[:3]]
    assert [few.images.name(int(row)) for row in np.flatnonzero(few.split == TRAIN)] == names


def test_a_suite_of_digits_needs_no_folder(monkeypatch):
    monkeypatch.setattr(bench_data, "scenes", lambda seed: tiny_set(20))
    assert len(suite_data(dataclasses.replace(SUITE, data="digits"), None)) == 20


def test_without_a_folder_other_data_is_refused():
    with pytest.raises(DataError, match=r"^the suite small reads photos/labels\.csv; say with --data where that is$"):
        suite_data(SUITE, None)


def test_half_of_the_training_entries_are_made_unknown_and_none_of_the_others(tmp_path):
    make_photos(tmp_path / "photos", items=400)
    suite = dataclasses.replace(SUITE, unknown=0.5)
    hidden, whole = suite_data(suite, tmp_path), suite_data(SUITE, tmp_path)
    train = whole.split == TRAIN
    before, after = whole.labels.dense(), hidden.labels.dense()
    np.testing.assert_array_equal(after[~train], before[~train])
    unknown = after[train] == -1
    assert unknown.mean() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_array_equal(after[train][~unknown], before[train][~unknown])
    for value in (0, 1):  # present and absent ones alike
        assert unknown[before[train] == value].mean() == pytest.approx(0.5, abs=0.1)
    np.testing.assert_array_equal(after, suite_data(suite, tmp_path).labels.dense())


def test_photos_without_any_label_can_be_dropped(tmp_path):
    make_photos(tmp_path / "photos", items=60)
    whole = suite_data(SUITE, tmp_path)
    assert (whole.labels.dense() == 1).sum(1).min() == 0
    dropped = suite_data(dataclasses.replace(SUITE, unlabelled="drop"), tmp_path)
    assert (dropped.labels.dense() == 1).sum(1).min() == 1
    assert len(dropped) == ((whole.labels.dense() == 1).sum(1) > 0).sum()


def test_a_share_out_of_range_is_refused():
    with pytest.raises(OptionError, match=r"^unknown must be between 0 and 0\.99, got 1\.0$"):
        with_unknown(tiny_set(), 1.0)


def packed(suite, root, folder, quality=None):
    return list(pack_suite(suite, root, folder, quality))


def test_a_packed_suite_gives_the_same_pixels_labels_and_weights(tmp_path):
    make_photos(tmp_path / "here" / "photos")
    (tmp_path / "here" / "w.safetensors").write_bytes(b"weights")
    row = Row("bce", {"backbone": "test_efficientnet", "image_size": 16, "weights": "w.safetensors"})
    suite = dataclasses.replace(SUITE, rows=(row,), unknown=0.5)
    packed(suite, tmp_path / "here", tmp_path / "there")
    here, there = (suite_data(suite, tmp_path / place) for place in ("here", "there"))
    np.testing.assert_array_equal(there.labels.dense(), here.labels.dense())
    np.testing.assert_array_equal(there.split, here.split)
    resize = preprocessing_of(row).resize
    for number in range(len(here)):
        np.testing.assert_array_equal(there.images.load(number), resize(here.images.load(number)))
    assert (tmp_path / "there" / "w.safetensors").read_bytes() == b"weights"


def test_a_packed_suite_of_first_photos_and_a_long_tail_has_the_same_ones(tmp_path):
    make_photos(tmp_path / "here" / "photos", 120)
    row = Row("bce", {"backbone": "test_efficientnet", "image_size": 16})
    suite = dataclasses.replace(SUITE, rows=(row,), imbalance=4.0, photos=20)
    packed(suite, tmp_path / "here", tmp_path / "there")
    here, there = (suite_data(suite, tmp_path / place) for place in ("here", "there"))
    assert (here.split == 0).sum() == 20
    np.testing.assert_array_equal(there.labels.dense(), here.labels.dense())
    resize = preprocessing_of(row).resize
    for number in range(len(here)):
        np.testing.assert_array_equal(there.images.load(number), resize(here.images.load(number)))


def test_files_of_a_row_are_its_weights_the_words_of_its_heads_and_groups_of_labels():
    inner = {"name": "ml_gcn", "vectors": "inner.txt"}
    options = {"weights": "w.safetensors", "head": {"name": "gat", "vectors": "glove.txt", "around": inner}, "lr": 0.1}
    assert files_of(options) == [("weights", "w.safetensors"), ("vectors", "glove.txt"), ("vectors", "inner.txt")]
    there = below(Path("/data"), options)
    assert files_of(there) == [(key, f"/data/{file}") for key, file in files_of(options)]
    assert there["lr"] == 0.1
    groups = {"method": {"name": "cpsd", "decompositions": "apart", "apart": "groups.json", "together": ""}}
    assert files_of(groups) == [("apart", "groups.json")]
    assert below(Path("/data"), groups)["method"]["apart"] == "/data/groups.json"
    plain = {"weights": "none", "head": {"name": "gat", "vectors": "images", "around": "linear"}, "loss": "bce"}
    assert files_of(plain) == []
    assert below(Path("/data"), plain) == plain


def test_what_cannot_be_packed_is_refused(tmp_path):
    make_photos(tmp_path / "photos")
    rows = tuple(Row(str(size), {"backbone": "test_efficientnet", "image_size": size}) for size in (16, 24))
    with pytest.raises(
        OptionError, match=r"^the rows of small take photos of several sizes; pack some --rows at a time$"
    ):
        packed(dataclasses.replace(SUITE, rows=rows), tmp_path, tmp_path / "there")
    sentence = r"^the suite small has no photos in files to pack; choose one that reads from --data$"
    with pytest.raises(OptionError, match=sentence):
        packed(dataclasses.replace(SUITE, data="digits"), tmp_path, tmp_path / "there")
