"""What there is to know of a data set before it is trained on, and what is wrong with it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from polytag._text import counted
from polytag.data.duplicates import Duplicates, Pair, find_duplicates, fingerprints
from polytag.data.labelled_set import SPLITS, UNSPLIT, LabelledSet
from polytag.data.look_alikes import are_tiles, look_alikes
from polytag.labels.facts import Together, labels_per_item, pairs_together, tail

TO_LEARN = 10  # photos that a label should have to be trained on
ALWAYS = 0.95  # of the photos: such a label says nothing
ALIKE = 0.88  # of their letters, in order: such names may mean one thing
SHOWN = 5  # names in a sentence
MOST_COPIES = 50  # of one photo that are paired with each other
COMPARED = 300  # labels whose names are compared with each other


class ClassRow(NamedTuple):
    """One label: on how many photos it is present, in all and in each split, and on how many it is unknown."""

    name: str
    present: int
    parts: tuple[int, ...]  # of train, val and test; empty where the data has no splits
    unknown: int


class Photos(NamedTuple):
    """What the photos themselves told; positions are those of the data."""

    bad: tuple[tuple[int, str], ...]  # which cannot be read, and why
    copies: Duplicates
    alike: tuple[Pair, ...] = ()  # other pairs that look alike from afar, where they were looked for
    told: bool = True  # False where so many look alike that it tells nothing, and they were left out


class Problem(NamedTuple):
    """What is wrong, and what to do about it."""

    grave: bool  # scores or training suffer; otherwise something to know
    text: str


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        data: what was inspected.
        splits: photos in train, val, test and none, those that there are.
        rows: the labels, most frequent first.
        per_photo: how many photos have 0, 1, 2, ... labels.
        groups: how many labels are head, medium and tail: on 100 training photos or more, on 20 or more, on fewer.
        together: pairs of labels, most frequent first.
        photos: what they told; None where they were not opened.
        problems: the grave ones first.
    """

    data: LabelledSet
    splits: dict[str, int]
    rows: tuple[ClassRow, ...]
    per_photo: tuple[int, ...]
    groups: tuple[int, ...]
    together: tuple[Together, ...]
    photos: Photos | None
    problems: tuple[Problem, ...]


def inspect_data(
    data: LabelledSet,
    workers: int = 2,
    pixels: bool = True,
    alike: bool | None = None,
    progress: Callable[[int], object] | None = None,
    comparing: Callable[[int], object] | None = None,
) -> Inspection:
    """Count labels, and open every photo to look for damage, copies and overlaps.

    Args:
        data: photos and labels.
        workers: threads that decode, ``>= 1``.
        pixels: whether to open the photos.
        alike: whether to look for photos that look alike from afar, too, see :mod:`polytag.data.look_alikes`; None for
            where the photos are tiles, and unless more pairs are found than there are photos.
        progress: called with 1 after each photo.
        comparing: called with 1 after each of the comparisons by which look-alikes are found.

    Raises:
        OptionError: if ``workers`` is below 1, or if look-alikes are asked for among too many photos.
    """
    photos = None
    if pixels:
        prints = fingerprints(data.images, workers, progress)
        copies, searched = find_duplicates(prints), are_tiles(prints) if alike is None else alike
        likes = look_alikes(prints, comparing, None if alike else len(data) + len(copied(copies))) if searched else []
        photos = Photos(tuple(prints.bad), copies, _others(likes or [], copies), likes is not None)
    counts = data.labels.counts()
    parts = _parts(data)
    order = np.argsort(-counts.present, kind="stable")
    rows = tuple(
        ClassRow(data.classes[c], int(counts.present[c]), tuple(part[c] for part in parts), int(counts.unknown[c]))
        for c in order.tolist()
    )
    splits = {} if data.split is None else {name: int((data.split == n).sum()) for n, name in enumerate(SPLITS)}
    if data.split is not None:
        splits["none"] = int((data.split == UNSPLIT).sum())
    together = tuple(pairs_together(data.labels))
    problems = [*(_of_photos(data, photos) if photos else ()), *_of_labels(data, rows), *_of_pairs(data, together)]
    return Inspection(
        data,
        {name: count for name, count in splits.items() if count},
        rows,
        tuple(labels_per_item(data.labels).tolist()),
        tail(np.array(parts[0]) if parts else counts.present),
        together,
        photos,
        tuple(sorted(problems, key=lambda problem: not problem.grave)),
    )


def copied(copies: Duplicates) -> list[tuple[int, int]]:
    """Pairs of photos that are the same, nearly the same, or overlap."""
    pairs = [pair for group in copies.same for pair in combinations(group[:MOST_COPIES], 2)]
    return pairs + [(pair.first, pair.second) for pair in (*copies.near, *copies.overlapping)]


def _others(pairs: Iterable[Pair], copies: Duplicates) -> tuple[Pair, ...]:
    """Those pairs of photos of which it is not known yet that they are the same, nearly the same, or overlap."""
    first = {row: group[0] for group in copies.same for row in group}
    known = {frozenset(first.get(row, row) for row in pair[:2]) for pair in (*copies.near, *copies.overlapping)}
    return tuple(
        pair
        for pair in pairs
        if len(both := frozenset(first.get(row, row) for row in pair[:2])) == 2 and both not in known
    )


def across_splits(data: LabelledSet, pairs: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those pairs that are in different splits, where one tells about the other."""
    split = data.split
    if split is None:
        return []
    return [(a, b) for a, b in pairs if split[a] != split[b] and UNSPLIT not in (split[a], split[b])]


def at_odds(data: LabelledSet, copies: Duplicates) -> list[tuple[int, ...]]:
    """Groups of identical photos that do not all have the same labels."""
    return [group for group in copies.same if len({data.labels.dense([row]).tobytes() for row in group}) > 1]


def _parts(data: LabelledSet) -> list[list[int]]:
    """How many photos of each split have each label."""
    if data.split is None:
        return []
    sides = (data.labels.select(np.flatnonzero(data.split == number)) for number in range(len(SPLITS)))
    return [side.counts().present.tolist() for side in sides]


def _of_photos(data: LabelledSet, photos: Photos) -> Iterable[Problem]:
    bad, copies, alike, told = photos
    if bad:
        yield Problem(True, f"{counted(len(bad), 'photo')} cannot be read")
    if leaks := across_splits(data, copied(copies)):
        yield Problem(
            True,
            f"{counted(len(leaks), 'pair')} of photos that are the same or overlap {_is(leaks)} in different splits, "
            "which makes scores too good; keep such photos together",
        )
    if twins := across_splits(data, [pair[:2] for pair in alike]):
        text = (
            f"{counted(len(twins), 'pair')} of other photos that look alike from afar {_is(twins)} in different splits"
        )
        yield Problem(True, text)
    if not told:
        yield Problem(False, "more pairs of photos look alike from afar than there are photos, which tells nothing")
    if odd := at_odds(data, copies):
        yield Problem(True, f"{counted(len(odd), 'group')} of identical photos {_has(odd)} different labels")
    if more := sum(len(group) - 1 for group in copies.same):
        yield Problem(False, f"{counted(more, 'photo')} {'is a copy' if more == 1 else 'are copies'} of another one")
    if copies.near or copies.overlapping:
        near, overlapping = len(copies.near), len(copies.overlapping)
        yield Problem(False, f"{counted(near, 'pair')} of photos nearly the same, {overlapping} that overlap")


def kept_together(data: LabelledSet, photos: Photos) -> LabelledSet:
    """The same photos without splits, in groups: those that were found to be alike share one, as do groups there were.

    Args:
        data: what was inspected.
        photos: what was found in it.
    """
    copies = replace(photos.copies, overlapping=[*photos.copies.overlapping, *photos.alike])
    items, groups = len(data), copies.groups(len(data))
    if data.groups is not None:  # both kinds of ties hold: photos, then groups of either kind, as one graph
        own = np.unique(data.groups, return_inverse=True)[1]
        ties = (np.tile(np.arange(items), 2), np.concatenate([items + groups, 2 * items + own]))
        graph = coo_array((np.ones(2 * items), ties), (3 * items, 3 * items))
        groups = connected_components(graph, directed=False)[1][:items]
    return LabelledSet(data.images, data.labels, None, groups.astype(np.int64), data.notes)


def _of_labels(data: LabelledSet, rows: Sequence[ClassRow]) -> Iterable[Problem]:
    trained = [(row.name, row.parts[0] if row.parts else row.present) for row in rows]
    where = "training photo" if data.split is not None else "photo"
    if never := [name for name, count in trained if count == 0]:
        yield Problem(True, f"{counted(len(never), 'label')} {_is(never)} on no {where}: {_some(never)}")
    if few := [name for name, count in trained if 0 < count < TO_LEARN]:
        them = f"{counted(len(few), 'label')} {_is(few)} on fewer than {TO_LEARN} {where}s, hardly enough to learn"
        yield Problem(True, f"{them}: {_some(few)}")
    if data.split is None and (alone := [row.name for row in rows if 0 < row.present < len(SPLITS)]):
        yield Problem(True, f"{counted(len(alone), 'label')} cannot be in train, val and test: {_some(alone)}")
    for number, name in enumerate(SPLITS[1:], start=1) if data.split is not None else ():
        missing = [row.name for row in rows if row.parts[0] and not row.parts[number]]
        if missing and len(missing) < len(rows):  # where all are missing there is no such split
            them = f"{counted(len(missing), 'label')} {_is(missing)}"
            yield Problem(False, f"{them} on no photo of {name}: {_some(missing)}")
    least = min(TO_LEARN, len(data))  # known photos that tell anything
    if always := [row.name for row in rows if row.present >= ALWAYS * max(least, len(data) - row.unknown)]:
        yield Problem(False, f"{counted(len(always), 'label')} {_is(always)} on nearly every photo: {_some(always)}")
    unknown = sum(row.unknown for row in rows)
    if unknown:
        share = unknown / (len(data) * len(rows))
        yield Problem(False, f"{unknown} labels of photos are unknown ({share:.1%} of all)")
    names = sorted((row.name for row in rows), key=str.casefold)[:COMPARED]
    alike = [pair for pair in combinations(names, 2) if _alike(*pair)]
    if alike:
        yield Problem(False, f"{counted(len(alike), 'pair')} of labels are spelled alike: {_some(alike, ' and ')}")


def _of_pairs(data: LabelledSet, together: Sequence[Together]) -> Iterable[Problem]:
    always = [
        f"{data.classes[pair.first]!r} with {data.classes[pair.second]!r}"
        for pair in together
        if pair.share == 1 and pair.photos >= TO_LEARN
    ]
    if always:
        more = f" and {len(always) - SHOWN} more" if len(always) > SHOWN else ""
        yield Problem(
            False, f"{counted(len(always), 'pair')} of labels, the first never alone: {', '.join(always[:SHOWN])}{more}"
        )


def _alike(one: str, other: str) -> bool:
    """Whether two names may be one, such as ``shoe`` and ``shoes``."""
    if 2 * min(len(one), len(other)) < ALIKE * (len(one) + len(other)):
        return False  # too different in length
    return SequenceMatcher(None, one.casefold(), other.casefold(), autojunk=False).ratio() >= ALIKE


def _is(things: Sequence[object]) -> str:
    return "is" if len(things) == 1 else "are"


def _has(things: Sequence[object]) -> str:
    return "has" if len(things) == 1 else "have"


def _some(names: Sequence[str | tuple[str, str]], between: str = "") -> str:
    shown = [repr(name) if isinstance(name, str) else between.join(map(repr, name)) for name in names[:SHOWN]]
    return ", ".join(shown) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
