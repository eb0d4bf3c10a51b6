"""What the losses for rare labels promise: numbers worked by hand, and no division by a label that nobody has."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from polytag.errors import OptionError
from polytag.heads.linear import Linear
from polytag.labels import Labels
from polytag.losses import BCE, DB, LDAM, CBFocal, Focal


def labels(counts, items):
    """A training set in which label ``k`` is on the first ``counts[k]`` photos."""
    return Labels.from_dense(np.arange(items)[:, None] < np.array(counts), tuple(map(str, range(len(counts)))))


def prepared(loss, counts=(8, 2, 1), items=10):
    loss.prepare(labels(counts, items))
    return loss


def costs(loss, z, y):
    """Each entry by itself: all others are unknown, but for losses that weigh photos."""
    return loss(torch.tensor([z], dtype=torch.float64), torch.tensor([y])).item()


@pytest.mark.parametrize(("z", "y"), [(0.7, 1), (0.7, 0), (-2.0, 1), (-2.0, 0)])
@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.5])
def test_focal_is_its_formula(z, y, gamma):
    p = 1 / (1 + math.exp(-z))
    right = p if y else 1 - p
    assert costs(Focal(gamma, 3.0), [z], [y]) == pytest.approx(-3 * (1 - right) ** gamma * math.log(right))


def test_without_focusing_focal_is_bce():
    z, y = [0.3, -1.0, 2.0], [1, 0, 0]
    assert costs(Focal(0.0, 1.0), z, y) == pytest.approx(costs(BCE(), z, y))


@pytest.mark.parametrize("beta", [0.0, 0.9, 0.9999999, 0.999999999])
def test_cb_focal_has_its_weights_for_any_beta(beta):
    loss = CBFocal(beta).float()
    loss.prepare(Labels.from_dense([[1, 0], [1, 1], [0, 1], [0, 1]], "ab"))
    given = loss(torch.zeros(2, 2), torch.eye(2)).item()
    counts = [Fraction(2), Fraction(3)]
    weights = [(1 - Fraction(beta)) / (1 - Fraction(beta) ** int(n)) for n in counts]
    expected = 2 * sum(map(float, weights)) / 2 * 2 * 0.5**2 * math.log(2)
    assert given == pytest.approx(expected, rel=1e-5)


def test_cb_focal_weighs_a_photo_by_its_labels():
    loss, z = prepared(CBFocal(0.9)), [0.5, -0.3, 0.2]
    weights = [(1 - 0.9) / (1 - 0.9**n) for n in (8, 2, 1)]
    for y in ([1, 0, 1], [0, 1, 0], [1, 1, 1]):
        mean = sum(w for w, on in zip(weights, y, strict=True) if on) / sum(y)
        assert costs(loss, z, y) == pytest.approx(mean * costs(Focal(), z, y))
    assert costs(loss, z, [0, 0, 0]) == pytest.approx(sum(weights) / 3 * costs(Focal(), z, [0, 0, 0]))


def test_ldam_lowers_a_present_label_by_the_root_of_the_root_of_how_frequent_it_is():
    loss, z = prepared(LDAM(0.5), counts=(16, 1), items=20), [0.8, 0.8]
    margins = [0.25, 0.5]
    for column in range(2):
        y = [-1, -1]
        y[column] = 1
        assert costs(loss, z, y) == pytest.approx(math.log1p(math.exp(margins[column] - 0.8)))
        y[column] = 0
        assert costs(loss, z, y) == pytest.approx(math.log1p(math.exp(0.8)))


def test_margins_are_of_cosines_where_the_head_gives_some():
    loss = LDAM(0.5)
    loss.attach(Linear(4, 2, normalize=True, scale=10.0))
    prepared(loss, counts=(16, 1), items=20)
    assert costs(loss, [0.0, 0.0], [1, -1]) == pytest.approx(math.log1p(math.exp(2.5)))
    plain = LDAM(0.5)
    plain.attach(Linear(4, 2))
    assert plain.scale == 1


def test_db_gives_numbers_that_were_worked_by_hand():
    loss = prepared(DB(), counts=(775, 4, 100), items=1142)
    z, y = [0.5, -0.3, 0.2], [1, 0, 1]
    assert costs(loss, z, y) == pytest.approx(3 * 0.1034763465, rel=1e-6)
    weights = [0.2350364229, 1.1, 1.0971487511]
    elements = [0.0312829276, 0.0014183216, 0.2777277905]
    shifts = [0.0074750118, -0.0565073325, -0.0234372704]
    for column in range(3):
        shifted = z[column] + shifts[column]
        p = 1 / (1 + math.exp(-shifted * (1 if y[column] else 5)))
        right = p if y[column] else 1 - p
        bce = -math.log(right) / (1 if y[column] else 5)
        assert 2 * (1 - right) ** 2 * weights[column] * bce == pytest.approx(elements[column], rel=1e-6)


def test_db_without_focusing_is_a_weighted_bce():
    loss = prepared(DB(gamma=0.0, balance=1.0, kappa=0.0, tolerance=1.0), counts=(2, 2), items=4)
    weight = 0.1 + 1 / (1 + math.exp(-10 * (0.5 - 0.3)))  # two labels, equally rare, share a photo
    assert costs(loss, [0.4, -0.1], [1, 1]) == pytest.approx(weight * costs(BCE(), [0.4, -0.1], [1, 1]))


@pytest.mark.parametrize("loss", [CBFocal(), LDAM(), DB(), DB(gamma=0.0)])
def test_labels_on_no_photo_or_on_all_and_photos_without_any_stay_finite(loss):
    prepared(loss, counts=(0, 5, 3), items=5)
    for y in ([[1, 1, 0]], [[0, 0, 0]], [[-1, -1, -1]], [[1, 1, 1]]):
        for size in (1.0, 100.0):
            z = torch.tensor([[size, -size, size]], requires_grad=True)
            value = loss(z, torch.tensor(y))
            value.backward()
            assert value.isfinite()
            assert z.grad.isfinite().all()


@pytest.mark.parametrize("loss", [CBFocal(), LDAM(), DB()])
def test_says_what_to_do_before_it_is_prepared(loss):
    name = loss.frequencies.loss
    sentence = f"{name} must know how frequent labels are; call prepare(labels) before the first batch"
    with pytest.raises(OptionError) as refusal:
        loss(torch.zeros(1, 3), torch.zeros(1, 3))
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (Focal, {"gamma": -1.0}, "gamma must be at least 0, got -1.0"),
        (Focal, {"balance": 0.0}, "balance must be at least 1e-09, got 0.0"),
        (CBFocal, {"beta": 1.0}, "beta must be between 0 and 1, got 1.0"),
        (LDAM, {"max_margin": -0.5}, "max_margin must be between 0 and 1000, got -0.5"),
        (DB, {"mu": 2.0}, "mu must be between 0 and 1, got 2.0"),
        (DB, {"tolerance": 0.0}, "tolerance must be at least 1e-09, got 0.0"),
    ],
)
def test_options_out_of_range_are_refused(kind, options, message):
    with pytest.raises(OptionError) as refusal:
        kind(**options)
    assert str(refusal.value) == message
