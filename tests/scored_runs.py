"""Run folders with scores and without a model: what a comparison reads."""

import numpy as np
from toys import PREPROCESSING

from polytag._random import generator
from polytag.run import CONFIG, new_config, save_json
from polytag.scores import VAL_SCORES, save_scores

CLASSES = ("cat", "dog", "hat")


def make_scored(folder, logits, targets, classes=CLASSES, fingerprint="photos", val=None, groups=None, **parts):
    """A run that answered its test photos with ``logits``, and those of validation with ``val``, logits and targets.

    ``groups`` are of the test photos; ``parts`` go into its config.
    """
    config = new_config(
        backbone="none",
        head=None,
        classes=classes,
        preprocessing=PREPROCESSING,
        thresholds=[0.5] * len(classes),
        training={},
        data={},
        command="",
    )
    save_json(folder / CONFIG, config | parts)
    assert save_scores(folder, logits, targets, fingerprint, groups=groups) is None
    if val is not None:
        assert save_scores(folder, *val, f"{fingerprint} of validation", VAL_SCORES) is None
    return folder


def answers(skill, items=60, seed=0):
    """Logits and targets ``(items, 3)``; the higher the skill, the better the logits."""
    random = generator(seed)
    targets = (random.random((items, 3)) < 0.4).astype(np.int8)
    noise = random.normal(size=targets.shape)
    return (skill * (2 * targets - 1) + noise).astype(np.float32), targets
