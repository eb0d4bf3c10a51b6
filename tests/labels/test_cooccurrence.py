"""Counts of pairs against loops, unknown labels left out, and the label graph of both normalisations by hand."""

import numpy as np
import pytest

from polytag._random import generator
from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.labels.cooccurrence import conditional, label_graph, together

PAIRS = {(0, 1): 8, (0, 2): 1, (1, 2): 6, (0,): 1, (1,): 6, (2,): 1}  # photos by their labels
LABELS = Labels.from_names([["abc"[c] for c in labels] for labels, count in PAIRS.items() for _ in range(count)])


@pytest.mark.parametrize("default", ["absent", "unknown"])
def test_counts_and_shares_are_those_of_a_loop(default):
    dense = generator(0).choice([1, 0, -1], (50, 5), p=[0.3, 0.5, 0.2])
    labels = Labels.from_dense(dense, list("abcde"), default)
    counts, shares = together(labels), conditional(labels)
    for i in range(5):
        for j in range(5):
            assert counts[i, j] == np.sum((dense[:, i] == 1) & (dense[:, j] == 1))
            known = (dense[:, i] == 1) & (dense[:, j] >= 0)
            expected = 0 if i == j or not known.any() else np.mean(dense[known, j] == 1)
            assert shares[i, j] == pytest.approx(expected)


def test_a_label_on_no_photo_brings_nothing():
    labels = Labels.from_dense([[1, 0], [1, 0]], ["a", "b"])
    assert conditional(labels).tolist() == [[0, 0], [0, 0]]
    assert label_graph(conditional(labels)).tolist() == [[1, 0], [0, 1]]


def test_the_graph_of_public_code_by_hand():
    assert together(LABELS).tolist() == [[10, 8, 1], [8, 20, 6], [1, 6, 8]]
    # Label 0 brings 1, 1 brings 0, 2 brings 1; public code adds 1e-6 to how many bring a label: 1, 2 and 0.
    a = np.array([[1, 0.25 / 2.000001, 0], [0.25 / 1.000001, 1, 0], [0, 0.25 / 2.000001, 1]])
    expected = a.T / np.sqrt(np.outer(a.sum(axis=1), a.sum(axis=1)))
    rounded = [[0.888889, 0.210818, 0], [0.105409, 0.8, 0.105409], [0, 0, 0.888889]]
    np.testing.assert_allclose(expected, rounded, atol=1e-6)
    np.testing.assert_allclose(label_graph(conditional(LABELS)), expected, rtol=1e-12)


def test_the_graph_of_the_paper_by_hand():
    expected = [[0.8, 0.2, 0], [0.2, 0.8, 0], [0, 0.2, 0.8]]
    np.testing.assert_allclose(label_graph(conditional(LABELS), mode="paper"), expected, atol=1e-12)


def test_a_threshold_of_0_needs_an_edge_all_the_same():
    assert np.count_nonzero(label_graph(conditional(LABELS), threshold=0.0)) == 9
    assert np.count_nonzero(label_graph(conditional(LABELS), threshold=1.0)) == 3
    alone = Labels.from_dense([[1, 0], [0, 1]], ["a", "b"])
    assert np.count_nonzero(label_graph(conditional(alone), threshold=0.0)) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"threshold": 1.5}, "threshold must be between 0 and 1, got 1.5"),
        ({"share": 1.0}, "share must be between 0 and 0.99, got 1.0"),
        ({"mode": "both"}, "mode must be one of public, paper, got 'both'"),
    ],
)
def test_options_out_of_range_are_refused(options, sentence):
    with pytest.raises(OptionError) as error:
        label_graph(conditional(LABELS), **options)
    assert str(error.value) == sentence
