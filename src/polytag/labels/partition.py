"""Groups of labels: those that come together, or those that do not. Part of polytag.methods.cpsd."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from polytag._checks import check_number
from polytag._files import write_text
from polytag._random import torch_seed
from polytag.errors import DataError, OptionError
from polytag.labels.affinity import STREAM, Affinity, Kind, embedding, smallest
from polytag.labels.cooccurrence import shares
from polytag.labels.matrix import Labels

TRIES = 4  # of which the best is kept
STARTS = 20  # of k-means, in each try
LARGEST = 15  # groups that are suggested at most
NOTHING = 1e-9  # an eigenvalue below it is 0 but for rounding


@dataclass(frozen=True)
class Partition:
    """Every label in one group.

    Attributes:
        kind: whether labels of a group come together or not.
        classes: the labels.
        groups: columns of each group, ascending; the group with the first label first. A group may be one label.
        score: Calinski-Harabasz of the rows of the affinity; NaN for a single group or where each label has its own.
        cut: normalised cut, ``sum over groups of (affinity that leaves it) / (all affinity of it)``; low is good.
    """

    kind: Kind
    classes: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    score: float
    cut: float

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The group of each label, ``(classes,)``."""
        return _numbers(self.groups, len(self.classes))


def partition_labels(labels: Labels, k: int, kind: Kind, seed: int = 0) -> Partition:
    """Spectral clustering of the labels of a training set: ``TRIES`` times, the best by Calinski-Harabasz.

    Labels without a training photo meet no other; they go into the largest group, as alone they could not be learned.

    Args:
        labels: of the training photos; unknown ones are left out.
        k: groups, from 1 to the number of labels with a photo.
        kind: "together" for groups of labels that come together (CGP), "apart" for labels that do not (DGP).
        seed: of k-means.

    Raises:
        OptionError: if ``k`` is out of its range, or the labels fall into fewer groups.
    """
    common, met = shares(labels), _met(labels)
    names = [labels.classes[column] for column in met]
    found = cluster(Affinity(common[met][:, met], kind), names, k, seed)
    numbers = np.full(len(labels.classes), np.bincount(found.numbers).argmax())
    numbers[met] = found.numbers
    return _partition(Affinity(common, kind), labels.classes, numbers)


def cluster(affinity: Affinity, classes: Sequence[str], k: int, seed: int = 0) -> Partition:
    """The same from an affinity."""
    check_number("k", k, 1, len(classes))
    if k in (1, len(classes)):
        numbers = np.arange(len(classes)) if k > 1 else np.zeros(len(classes), np.int64)
        return _partition(affinity, classes, numbers)
    embedded = embedding(affinity, k)
    if len(np.unique(embedded.round(9), axis=0)) < k:
        raise OptionError(f"k is {k}, and the labels fall into fewer groups; choose a smaller one")
    tries = []
    for number in range(TRIES):
        state = torch_seed(seed, STREAM, number) % 2**32
        found = KMeans(k, n_init=STARTS, random_state=state).fit(embedded).labels_.astype(np.int64)
        tries.append(_partition(affinity, classes, found))
    return max(tries, key=lambda each: each.score)


def cluster_of(affinity: Affinity, classes: Sequence[str], numbers: NDArray[np.int64]) -> Partition:
    """A partition that is given as the group of each label, ``(classes,)``, with its score and cut."""
    return _partition(affinity, classes, np.asarray(numbers, np.int64))


def suggest_k(labels: Labels, largest: int = LARGEST) -> int:
    """Where the eigenvalues of the Laplacian of labels that come together leave the widest gap, 2 or more.

    Args:
        labels: of the training photos; those without one do not count, and of one or two each is its own group.
        largest: the largest answer.
    """
    met = _met(labels)
    if len(met) < 3:
        return len(met)
    most = min(largest, len(met) - 2)
    values, _ = smallest(Affinity(shares(labels)[met][:, met], "together"), most + 1)
    if values[most] < NOTHING:  # more groups that never meet than may be suggested
        return most
    return int(np.argmax(np.diff(values)[1:]) + 2) if most > 1 else 2


def partition_file(folder: Path, kind: Kind) -> Path:
    """Where a run folder keeps its groups."""
    return folder / f"labels-{kind}.json"


def save_partition(path: Path, partition: Partition) -> None:
    """Write a partition as JSON, by the names of the labels.

    Raises:
        RunError: if it cannot be written.
    """
    groups = [[partition.classes[column] for column in group] for group in partition.groups]
    write_text(path, json.dumps({"kind": partition.kind, "groups": groups}, indent=1, ensure_ascii=False) + "\n")


def load_partition(path: Path, labels: Labels, kind: Kind) -> Partition:
    """Read what :func:`save_partition` wrote, or a list of ``{"column": place in the group}`` as public code has it.

    Args:
        path: the file.
        labels: of the training photos, whose classes must all be in it, once.
        kind: which it must be. Public code has that in its file names alone, ``coocurrence`` and ``cluster``. The
            columns of its files are those of the labels in alphabetical order, whatever the order is here.

    Raises:
        DataError: if the file cannot be read, is of the other kind, or does not fit the classes.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read as a partition of labels ({error}); save it again") from error
    try:
        told, groups = _content(path, content, labels.classes)
    except DataError:
        raise
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{path} is no partition of labels: its groups must be lists of names; save it again"
        ) from error
    if told not in (None, kind):
        raise DataError(f"{path} has groups of the kind {told}, and {kind} is wanted; give it as {told}")
    numbers = np.full(len(labels.classes), -1, np.int64)
    for number, group in enumerate(groups):
        for column in group:
            if not 0 <= column < len(numbers) or numbers[column] >= 0:
                raise DataError(f"{path} has a label twice, or one that is not there; every label must be in one group")
            numbers[column] = number
    if (numbers < 0).any():
        raise DataError(
            f"{path} leaves out {labels.classes[int(numbers.argmin())]!r}; every label must be in one group"
        )
    partition = _partition(Affinity(shares(labels), kind), labels.classes, numbers)
    met = set(_met(labels).tolist())
    for part in partition.groups:
        if met.isdisjoint(part):
            first = labels.classes[part[0]]
            raise DataError(f"{path} has no training photo for the group of {first!r}; put its labels into another")
    return partition


def _content(path: Path, content: Any, classes: Sequence[str]) -> tuple[Kind | None, list[list[int]]]:
    """The kind, None where nothing tells it, and the columns of each group."""
    if isinstance(content, list) and all(isinstance(group, dict) for group in content):
        names: dict[str, Kind] = {"coo": "together", "cluster": "apart"}
        told = next((kind for word, kind in names.items() if word in path.name.lower()), None)
        alphabetical = dict(enumerate(sorted(range(len(classes)), key=lambda column: classes[column])))
        return told, [[alphabetical.get(int(place), -1) for place in group] for group in content]
    if not isinstance(content, dict) or content.get("kind") not in ("together", "apart"):
        raise DataError(f"{path} is no partition of labels; it must have kind, together or apart, and groups")
    groups = content.get("groups")
    if not isinstance(groups, list) or not all(isinstance(group, list) for group in groups):
        raise TypeError
    position = {name: column for column, name in enumerate(classes)}
    return content["kind"], [[position.get(name, -1) for name in group] for group in groups]


def _partition(affinity: Affinity, classes: Sequence[str], numbers: NDArray[np.int64]) -> Partition:
    order = [numbers[row] for row in sorted(np.unique(numbers, return_index=True)[1])]  # by first label
    groups = tuple(tuple(np.flatnonzero(numbers == number).tolist()) for number in order)
    return Partition(affinity.kind, tuple(classes), groups, _score(affinity, groups), _cut(affinity, groups))


def _met(labels: Labels) -> NDArray[np.int64]:
    """The labels that some photo has, or all where there are none."""
    present = labels.counts().present
    return np.flatnonzero(present) if present.any() else np.arange(len(present))


def _numbers(groups: Sequence[Sequence[int]], classes: int) -> NDArray[np.int64]:
    numbers = np.zeros(classes, np.int64)
    for number, group in enumerate(groups):
        numbers[list(group)] = number
    return numbers


def _score(affinity: Affinity, groups: Sequence[Sequence[int]]) -> float:
    """Calinski-Harabasz of the rows of ``P``, from its sparse half."""
    n, k = affinity.classes, len(groups)
    if not 1 < k < n:
        return float("nan")
    half, flip = affinity.half, affinity.kind == "apart"
    sums, squares = np.asarray(half.sum(axis=1)).ravel(), np.asarray((half * half).sum(axis=1)).ravel()
    norms = n - 2 * sums + squares if flip else squares  # of each row, squared
    means = np.stack([np.asarray(half[list(group)].sum(axis=0)).ravel() / len(group) for group in groups])  # (k, n)
    means = 1 - means if flip else means
    sizes = np.array([len(group) for group in groups])
    middle = sizes @ means / n
    between = float(sizes @ ((means - middle) ** 2).sum(axis=1))
    within = float(norms.sum() - sizes @ (means**2).sum(axis=1))
    return between / within * (n - k) / (k - 1) if within > 0 else 1.0


def _cut(affinity: Affinity, groups: Sequence[Sequence[int]]) -> float:
    members = np.zeros((affinity.classes, len(groups)))
    members[np.arange(affinity.classes), _numbers(groups, affinity.classes)] = 1
    inside = (members * affinity.times(members)).sum(axis=0)
    volume = members.T @ affinity.degrees()
    return float(np.sum((volume - inside)[volume > 0] / volume[volume > 0]))
