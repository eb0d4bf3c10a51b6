"""Pairs of labels before and after shuffling."""

import numpy as np
import pytest
import torch
from vfa_toys import LABELS

from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.labels.cooccurrence import together
from polytag.layers.class_vaes import shuffled_labels
from polytag.methods.vfa import shuffled_pairs


def test_pairs_of_labels_before_and_after_shuffling():
    labels = Labels.from_dense([[1, 1, 0, 0]] * 8 + [[0, 0, 1, -1]] * 8, "abcd")
    pairs = shuffled_pairs(labels, 16, 0)
    assert np.array_equal(pairs.before, together(labels))
    assert np.array_equal(pairs.after, pairs.after.T)
    assert np.array_equal(np.diag(pairs.after), [8, 8, 8, 0])  # a label is on as many photos as before
    assert pairs.after[0, 1] < 8
    assert pairs.new == ((0, 2), (1, 2))
    assert shuffled_pairs(labels, 1, 0).new == ()
    assert np.array_equal(shuffled_pairs(labels, 1, 0).after, pairs.before)
    assert all(np.array_equal(a, b) for a, b in zip(pairs, shuffled_pairs(labels, 16, 0), strict=True))


def test_after_shuffling_labels_come_together_as_often_as_chance_has_them():
    counts = np.zeros((4, 4))
    labels = Labels.from_dense([[1, 1, 0, 0]] * 8 + [[0, 0, 1, 1]] * 8, "abcd")
    for seed in range(100):
        counts += shuffled_pairs(labels, 16, seed).after
    apart = counts[~np.eye(4, dtype=bool)] / 100
    assert apart == pytest.approx(np.full(12, 8 * 8 / 16), abs=0.4)


def test_shuffling_by_hand():
    order = torch.tensor([[0, 1], [1, 0]])
    assert shuffled_labels(torch.tensor([[1, -1], [0, 1]]), order).tolist() == [[1, 1], [0, -1]]


def test_a_batch_without_photos_is_refused():
    with pytest.raises(OptionError) as refusal:
        shuffled_pairs(LABELS, 0, 0)
    assert str(refusal.value) == "batch_size must be between 1 and 2.14748e+09, got 0"
