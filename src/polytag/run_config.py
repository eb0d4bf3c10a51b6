"""What ``config.json`` says of a training that begins."""

import dataclasses
from typing import TYPE_CHECKING, Any

from polytag.build import describe
from polytag.data.labelled_set import LabelledSet
from polytag.data.preprocessing import Preprocessing
from polytag.data.splits import Split
from polytag.run import new_config

if TYPE_CHECKING:
    from polytag.fit import Training

# Arguments that change where or how fast a training runs, and not what comes out.
FREE = (
    "out",
    "resume",
    "overwrite",
    *("workers", "device", "jobs", "jobs_on", "fits", "accumulate"),
    *("command", "source", "track", "judge_test"),
)
# Arguments that older runs do not have, with the values that they stand for, which leave its name as it was.
NEWER = {"rotate90": 0.0, "tta": "none"}


def config_of(training: "Training", data: LabelledSet, split: Split, preprocessing: Preprocessing) -> dict[str, Any]:
    """The contents of ``config.json``: every argument, the classes, and what the photos are."""
    t = training
    arguments = {f.name: describe(getattr(t, f.name)) for f in dataclasses.fields(t) if f.name != "data"}
    counts = {name: len(part) for name, part in zip(("train", "val", "test"), split[:3], strict=True)}
    return new_config(
        backbone=t.backbone,
        head=describe(t.head),
        classes=data.classes,
        preprocessing=preprocessing,
        thresholds=[0.5] * len(data.classes),
        training=arguments,
        data={
            "source": arguments.pop("source"),
            "fingerprint": data.fingerprint(),
            "train_fingerprint": split.train.fingerprint(),
            "photos": counts,
            "train_positives": split.train.labels.counts().present.tolist(),  # a number a class
            "notes": [*data.notes, *split.notes],
        },
        command=t.command,
    )
