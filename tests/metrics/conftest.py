"""Random scores and targets for the metrics, with many ties."""

import numpy as np
import pytest


@pytest.fixture
def tied():
    """60 items, 20 classes, all known; every class has both values, every score occurs often."""
    rng = np.random.default_rng(0)
    targets = (rng.random((60, 20)) < rng.uniform(0.05, 0.9, 20)).astype(np.int8)
    targets[0], targets[1] = 1, 0
    scores = np.round(rng.normal(targets, 1.5)).astype(np.float32)
    return scores, targets


@pytest.fixture
def masked(tied):
    """The same with 40% unknown; nothing is known of item 0, and classes 3 and 5 are undefined."""
    scores, targets = tied
    targets = np.where(np.random.default_rng(1).random(targets.shape) < 0.4, -1, targets).astype(np.int8)
    targets[2, :], targets[3, :] = 1, 0
    targets[:, 3] = np.minimum(targets[:, 3], 0)
    targets[:, 5] = np.abs(targets[:, 5]) * 2 - 1
    targets[0] = -1
    return scores, targets
