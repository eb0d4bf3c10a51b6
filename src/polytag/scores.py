"""What a run answered on its test and validation photos, kept in the run folder so that runs can be compared."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from polytag._checks import check_scores_targets
from polytag.data.labelled_set import Images
from polytag.errors import OptionError, RunError
from polytag.metrics._inputs import check_pair
from polytag.metrics.bootstrap import numbered
from polytag.train.state import write_tensors

SCORES, VAL_SCORES = "scores/test.safetensors", "scores/val.safetensors"
LARGEST = 100_000_000  # photos x labels that are kept: 500 MB

PARTS = {SCORES: "test", VAL_SCORES: "validation"}  # whose photos they are

_MISSED = {  # what cannot be had without them
    SCORES: "polytag compare cannot take this run",
    VAL_SCORES: "polytag bench can choose neither thresholds nor rows by them",
}


class Scores(NamedTuple):
    """Photos of a run, as it saw them; the columns are the classes in the order of its ``config.json``."""

    logits: NDArray[np.float32]  # (photos, classes)
    targets: NDArray[np.int8]  # (photos, classes) of 1 present, 0 absent, -1 unknown
    fingerprint: str  # of the photos
    clusters: NDArray[np.int64] | None = None  # (photos,), from 0: those of one patient, say, share a number


def groups_of(scores: Scores) -> int:
    """How many groups the photos are in; 0 where each is on its own."""
    many = 0 if scores.clusters is None else int(scores.clusters.max(initial=-1)) + 1
    return many if many < len(scores.targets) else 0


def photos_fingerprint(images: Images) -> str:
    """A short digest of the names of photos, in their order; unlike that of a set, labels do not enter it."""
    digest = hashlib.blake2b(digest_size=16)
    for index in range(len(images)):
        digest.update(images.name(index).encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def save_scores(
    folder: Path,
    logits: NDArray[np.float32],
    targets: NDArray[np.int8],
    fingerprint: str,
    name: str = SCORES,
    groups: NDArray[np.int64] | None = None,
) -> str | None:
    """Write ``scores/test.safetensors`` of a run folder, or ``scores/val.safetensors``.

    Args:
        folder: the run folder.
        logits: ``(photos, classes)``.
        targets: ``(photos, classes)`` of 1 present, 0 absent, -1 unknown.
        fingerprint: of the photos, :func:`photos_fingerprint`.
        name: ``SCORES`` for the test photos, ``VAL_SCORES`` for those of validation.
        groups: ``(photos,)``, of a :class:`~polytag.data.labelled_set.LabelledSet`; None where each is on its own.

    Returns:
        A sentence where there are over ``LARGEST`` entries: nothing is written then, and an earlier file goes.

    Raises:
        OptionError: if the shapes differ.
        RunError: if the file cannot be written; what stood there before is kept.
    """
    check_scores_targets(logits, targets)
    path = folder / name
    if logits.size > LARGEST:
        path.unlink(missing_ok=True)
        photos, classes = logits.shape
        part, missed = PARTS[name], _MISSED[name]
        return (
            f"the scores of {photos} {part} photos and {classes} labels are not kept, being over {LARGEST} numbers, "
            f"and {missed}; judge it on fewer {part} photos"
        )
    tensors = {
        "logits": torch.from_numpy(np.ascontiguousarray(logits, dtype=np.float32)),
        "targets": torch.from_numpy(np.ascontiguousarray(targets, dtype=np.int8)),
    }
    clusters = numbered(groups)
    if clusters is not None:
        tensors["clusters"] = torch.from_numpy(clusters.astype(np.int64))
    write_tensors(path, tensors, {"fingerprint": fingerprint})
    return None


def load_scores(folder: Path, name: str = SCORES) -> Scores:
    """Read back what :func:`save_scores` wrote.

    Raises:
        RunError: if the file is missing or damaged.
    """
    path = folder / name
    if not path.exists():
        raise RunError(
            f"{path} is missing; polytag train writes it when a run is finished, up to {LARGEST} numbers "
            "(photos x labels), so finish the run with --resume or train again, on fewer photos if there are more"
        )
    try:
        with safe_open(path, "pt") as file:
            logits, targets = (file.get_tensor(name) for name in ("logits", "targets"))
            clusters = file.get_tensor("clusters") if "clusters" in file.keys() else None  # noqa: SIM118
            fingerprint = str(file.metadata()["fingerprint"])
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise RunError(f"{path} cannot be read ({error}); restore it or train again") from error
    if logits.dtype != torch.float32 or targets.dtype != torch.int8:
        raise RunError(f"{path} is damaged: it must hold float32 logits and int8 targets; restore it or train again")
    try:
        check_pair(logits.numpy(), targets.numpy())
    except OptionError as error:
        raise RunError(f"{path} is damaged ({error}); restore it or train again") from error
    if clusters is not None and (clusters.dtype != torch.int64 or clusters.shape != logits.shape[:1]):
        raise RunError(f"{path} is damaged: it must hold an int64 cluster a photo; restore it or train again")
    return Scores(logits.numpy(), targets.numpy(), fingerprint, None if clusters is None else clusters.numpy())
