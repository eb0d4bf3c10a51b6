"""An inspection as one web page, complete in itself."""

import base64
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from PIL import Image

from polytag._text import counted
from polytag.data.inspection import Inspection, across_splits, at_odds, copied
from polytag.data.labelled_set import SPLITS, UNSPLIT, LabelledSet
from polytag.errors import DataError
from polytag.labels import Labels
from polytag.labels.affinity import Affinity
from polytag.labels.cooccurrence import conditional, shares
from polytag.labels.facts import partners
from polytag.labels.partition import partition_labels, suggest_k
from polytag.report.bars import Bar, lying_bars, standing_bars
from polytag.report.label_graph import MOST, label_graph_drawing
from polytag.report.matrix import matrix
from polytag.report.page import boxed, figure, grid, page, shown

DRAWN = 60  # labels with a bar
SQUARE = 30  # labels in the matrix
LISTED = 100  # rows of a table
PAIRS = 24  # with pictures
SIDE = 160  # pixels of a picture


def inspection_page(found: Inspection, name: str) -> str:
    """All that was found, with drawings and with pictures of photos that are the same or overlap.

    Args:
        found: an inspection.
        name: what to call the data.
    """
    data = found.data
    body = [
        f'<p class="facts">{shown(summary(found))}</p>',
        *_problems(found),
        "<h2>Photos of each label</h2>",
        *_labels(found),
        "<h2>Labels of a photo</h2>",
        figure(
            standing_bars(found.per_photo, "labels present", "Labels of a photo"),
            "Labels of a photo",
            _per_photo(found),
        ),
        *_together(found),
        *_pairs(found),
        *_bad(found),
        "<h2>How it was read</h2>",
        f'<ul class="notes">{"".join(f"<li>{shown(note)}</li>" for note in data.notes)}</ul>',
    ]
    return page(f"Inspection of {name}", body)


def summary(found: Inspection) -> str:
    """One sentence: how many photos, labels and splits."""
    splits = ", ".join(f"{count} {name}" for name, count in found.splits.items())
    content = f"{counted(len(found.data), 'photo')}, {counted(len(found.rows), 'label')}"
    return f"{content}{f': {splits}' if splits else ', no splits'}"


def _problems(found: Inspection) -> list[str]:
    if not found.problems:
        return ["<p>Nothing stands out.</p>"]
    items = [
        f"<li>{'<strong>' if problem.grave else ''}{shown(problem.text)}{'</strong>' if problem.grave else ''}</li>"
        for problem in found.problems
    ]
    return ["<h2>What stands out</h2>", f"<ul>{''.join(items)}</ul>"]


def _labels(found: Inspection) -> list[str]:
    parts = found.rows[0].parts
    bars = [Bar(row.name, tuple(map(float, row.parts or (row.present,)))) for row in found.rows[:DRAWN]]
    head, medium, tail = found.groups
    said = (
        f"{head} labels on 100 training photos or more (head), {medium} on 20 or more (medium), {tail} on fewer (tail)."
    )
    if len(found.rows) > DRAWN:
        said += f" Drawn: the {DRAWN} most frequent."
    if parts:
        said += " From full to faint: train, val, test."
    names = SPLITS if parts else ()
    rows = [("label", "photos", *(SPLITS if parts else ()), "unknown")]
    rows += [(row.name, str(row.present), *map(str, row.parts), str(row.unknown)) for row in found.rows]
    table = grid(rows, frozenset(range(1, len(rows[0]))))
    return [
        figure(lying_bars(bars, "photos", "Photos of each label", names), "Photos of each label", said),
        _folded("All labels as a table", table),
    ]


def _per_photo(found: Inspection) -> str:
    total = sum(number * photos for number, photos in enumerate(found.per_photo))
    none = found.per_photo[0]
    return f"{total / max(len(found.data), 1):.2f} labels on average; {counted(none, 'photo')} without any."


def _together(found: Inspection) -> list[str]:
    if not found.together:
        return []
    data = found.data
    shown_rows = [row.name for row in found.rows[:SQUARE]]
    given = conditional(data.labels.with_classes(shown_rows))
    rows = [("labels", "photos", "of the rarer", "expected")]
    rows += [
        (
            f"{data.classes[pair.first]} + {data.classes[pair.second]}",
            str(pair.photos),
            f"{pair.share:.0%}",
            f"{pair.expected:.1f}",
        )
        for pair in found.together[:LISTED]
    ]
    others = dict(zip(data.classes, partners(data.labels).tolist(), strict=True))
    seen_with = [Bar(row.name, (float(others[row.name]),)) for row in found.rows[:DRAWN]]
    seen = "With how many other labels each label is seen, the most frequent label first."
    said = (
        f"Of the photos with the label of a row, the share with that of a column; the {len(shown_rows)} most frequent."
    )
    return [
        "<h2>Labels that come together</h2>",
        figure(matrix(given, shown_rows, "Labels that come together"), "Labels that come together", said),
        figure(lying_bars(seen_with, "other labels", "Partners of each label"), "Partners of each label", seen),
        _folded("The most frequent pairs", grid(rows, frozenset((1, 2, 3)))),
        *_groups(data.labels),
    ]


def _groups(labels: Labels) -> list[str]:
    """The labels in groups that come together, drawn where there are neither too few nor too many of them."""
    met = [labels.classes[column] for column in labels.counts().present.nonzero()[0]]
    if not 3 <= len(met) <= MOST:
        return []
    seen = labels.with_classes(met)
    found = partition_labels(seen, suggest_k(seen), "together")
    named = [", ".join(met[column] for column in group) for group in found.groups]
    weights = Affinity(shares(seen), "together").dense()
    drawn = label_graph_drawing(np.asarray(weights), met, found.groups, "Groups of labels")
    said = (
        f"Joined where they come together, in {counted(len(named), 'group')}: as many as they suggest, found as "
        "--method cpsd does on the training photos; here all photos count."
    )
    rows = [("group", "labels"), *((str(number), names) for number, names in enumerate(named, 1))]
    return [figure(drawn, "Groups of labels", said), _folded("The groups as a table", grid(rows))]


def _pairs(found: Inspection) -> list[str]:
    if found.photos is None:
        return []
    data, copies = found.data, found.photos.copies
    alike = found.photos.alike
    leaks = set(across_splits(data, [*copied(copies), *(pair[:2] for pair in alike)]))
    same = [(group[0], other, "the same") for group in copies.same for other in group[1:]]
    near = [(pair.first, pair.second, "mirrored" if pair.mirrored else "nearly the same") for pair in copies.near]
    parts = [(pair.first, pair.second, f"{pair.overlap:.0%} in both") for pair in copies.overlapping]
    likes = [(pair.first, pair.second, "look alike") for pair in alike]
    pairs = sorted([*same, *near, *parts, *likes], key=lambda pair: pair[:2] not in leaks)
    if not pairs:
        return []
    odd = {row for group in at_odds(data, copies) for row in group}
    cards = [_card(data, first, other, word, odd) for first, other, word in pairs[:PAIRS]]
    rows = [("photo", "and", "what", "splits")]
    rows += [
        (data.images.name(a), data.images.name(b), word, f"{_split(data, a)}, {_split(data, b)}")
        for a, b, word in pairs
    ]
    more = f" Pictures of the first {PAIRS}, those across splits first." if len(pairs) > PAIRS else ""
    return [
        "<h2>Photos that are the same, or overlap</h2>",
        f"<p>{counted(len(pairs), 'pair')}, {len(leaks)} of them in different splits.{more}</p>",
        f'<div class="pairs">{"".join(cards)}</div>',
        _folded("All pairs as a table", grid(rows)),
    ]


def _folded(name: str, table: str) -> str:
    """A table that opens when asked to."""
    return f"<details><summary>{name}</summary>{boxed(table, name)}</details>"


def _card(data: LabelledSet, first: int, other: int, word: str, odd: set[int]) -> str:
    sides = "".join(_picture(data, row) for row in (first, other))
    labels = "; their labels differ" if {first, other} <= odd else ""
    caption = f"{word}{labels}: {_split(data, first)}, {_split(data, other)}"
    return f"<figure>{sides}<figcaption>{shown(caption)}</figcaption></figure>"


def _picture(data: LabelledSet, row: int) -> str:
    try:
        photo = Image.fromarray(data.images.load(row))
    except DataError:
        return ""
    photo.thumbnail((SIDE, SIDE))
    stream = BytesIO()
    photo.save(stream, "JPEG", quality=80)
    encoded = base64.b64encode(stream.getvalue()).decode()
    name = shown(data.images.name(row))
    size = f'width="{photo.width}" height="{photo.height}"'
    return f'<img src="data:image/jpeg;base64,{encoded}" alt="{name}" title="{name}" {size}/>'


def _split(data: LabelledSet, row: int) -> str:
    return "no split" if data.split is None or data.split[row] == UNSPLIT else SPLITS[data.split[row]]


def _bad(found: Inspection) -> list[str]:
    if found.photos is None or not found.photos.bad:
        return []
    sentences: Sequence[str] = [sentence for _, sentence in found.photos.bad[:LISTED]]
    more = len(found.photos.bad) - LISTED
    items = [*sentences, *([f"and {more} more"] if more > 0 else [])]
    return ["<h2>Photos that cannot be read</h2>", f"<ul>{''.join(f'<li>{shown(text)}</li>' for text in items)}</ul>"]
