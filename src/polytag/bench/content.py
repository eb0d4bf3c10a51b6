"""What a table says, wherever it is shown: its cells, and the sentences around them. Nothing is escaped yet."""

from math import isnan
from typing import Any

from polytag._text import counted
from polytag.bench.types import ADAPTED, MEASURES, Line, Table
from polytag.bench.words import NONE, amount, duration, figures, interval, points, spread
from polytag.fit import Training
from polytag.labels.facts import TAIL
from polytag.metrics.bootstrap import LEVEL

SCORE = "mAP"  # what the verdict of a row is about
BASELINE, UP = "baseline", "up"
ARROWS = {"up": "↑", "down": "↓"}


def verdict(table: Table, line: Line, measure: str = SCORE) -> str:
    """``up``, ``down`` or ``not resolved``; ``baseline`` for the row that the others are compared with."""
    return BASELINE if line.name == table.suite.baseline else line.differences[measure].verdict


def other(table: Table) -> str:
    """What rows are compared with, in words."""
    return "the row above" if table.suite.ladder else "the baseline"


def cells(table: Table, line: Line) -> dict[str, str]:
    """A row by its headings, in the order of the table."""
    cost, moved = line.cost, line.differences.get(SCORE)
    values = {
        name: f"{spread(line.means[name], line.deviations[name])}{_arrow(line, name)}"
        for name in (*MEASURES, *table.suite.metrics, *TAIL)
    }
    return {
        "row": line.name,
        SCORE: values.pop(SCORE),
        "difference": points(moved.value) if moved else "",
        "95% interval": interval(moved) if moved else "",
        "verdict": verdict(table, line),
        **values,
        "train time": duration(cost.train_seconds),
        "params": amount(cost.parameters),
        "GMACs": figures(cost.gmacs),
        "ms/photo": figures(cost.inference_ms),
        "MB": figures(cost.memory_mb),
    }


def _arrow(line: Line, name: str) -> str:
    """Behind a number that is up or down by its own interval; the score has a column for that."""
    moved = None if name == SCORE else line.differences.get(name)
    return f" {ARROWS[moved.verdict]}" if moved and moved.verdict in ARROWS else ""


def grid(table: Table) -> list[tuple[str, ...]]:
    """The headings and then the rows, a difference and its interval in one cell."""
    rows = [cells(table, line) for line in table.lines]
    for row in rows:
        ends = row.pop("95% interval")
        row["difference"] = row["difference"] if ends == NONE else f"{row['difference']} {ends}".strip()
    headings = tuple("difference [95% interval]" if name == "difference" else name for name in rows[0])
    return [headings, *(tuple(row.values()) for row in rows)]


def right(heading: str) -> bool:
    """Whether a column is aligned to the right, as numbers are."""
    return heading not in ("row", "verdict")


def facts(table: Table) -> str:
    """One line: the data, the protocol, how much of everything, and what all rows have in common."""
    suite = table.suite
    parts = [
        suite.data,
        f"protocol {suite.protocol}",
        counted(table.photos, f"{suite.judged_on} photo")
        + (f" of {counted(table.groups, 'group')}, each drawn together" if table.groups else ""),
        counted(table.classes, "label"),
        counted(len(suite.seeds), "seed"),
    ]
    backbone, size = _common(table, "backbone"), _common(table, "image_size")
    if backbone is not None:
        parts.append(str(backbone))
    if size is not None:
        parts.append(f"{size} px" if isinstance(size, int) else f"{size[0]} x {size[1]} px")
    if suite.imbalance:
        parts.append(f"training photos left out towards an imbalance of {suite.imbalance:g}")
    if suite.unknown:
        parts.append(f"{100 * suite.unknown:g}% of the training labels made unknown")
    return ", ".join(parts)


def notes(table: Table) -> list[str]:
    """Sentences below the table: how to read it, and how far it can be trusted."""
    seeds, photos = len(table.suite.seeds), f"{table.suite.judged_on} photos"
    if seeds > 1:
        read = f"Metrics in percent, ± their standard deviation over {seeds} seeds; differences of mAP in points."
        covers = (
            f"The 95% intervals cover seeds x bootstrap of {photos}: rows are compared with {other(table)} seed by "
            "seed, on the same photos."
        )
    else:
        read = f"Metrics in percent; differences of mAP in points, to {other(table)}."
        covers = (
            f"The 95% intervals cover the bootstrap of {photos} alone: with one seed the noise of training is not "
            "in them."
        )
    many, few = table.tail_limits
    head, medium, tail = (_size(table, name) for name in TAIL)
    return [
        read,
        covers + " Up and down: the interval leaves out 0; ↑ and ↓ say the same of the number before them.",
        *_kind(table),
        *_resolves(table),
        *_by_chance(table),
        f"Labels by how many training photos have them: head, at least {many} ({head}); medium, between ({medium}); "
        f"tail, fewer than {few} ({tail}).",
        *_adapted(table),
        *_ensembles(table),
        "Train time and MB (peak memory of training, of the GPU where there was one) are those that the trainings "
        "noted, ms/photo (batch 1) is measured for this table; params and GMACs (forward, one photo) are those of the "
        f"model that is left at inference{_in_views(table)}.",
    ]


def _in_views(table: Table) -> str:
    several = any(row.options.get("tta", "none") != "none" for row in table.suite.trained)
    return ", once for each view of a photo where a row has tta" if several else ""


def _size(table: Table, group: str) -> str:
    undefined = table.undefined[group]
    return counted(table.sizes[group], "label") + (
        f", {undefined} undefined on the {table.suite.judged_on} photos" if undefined else ""
    )


def _kind(table: Table) -> list[str]:
    """What is kind in the numbers of photos that a training has looked at."""
    if table.suite.split == "test":
        return []
    return [
        "By these photos each training chose its best epoch, too, so that the numbers are a little too high: they are "
        "to choose a row by, not to report."
    ]


def _by_chance(table: Table) -> list[str]:
    """How many arrows the luck of the draw alone would set, where it would set one."""
    moved = [each for line in table.lines for each in line.differences.values()]
    intervals = sum(not isnan(each.low) for each in moved)
    chance = round(LEVEL * intervals)
    if len(table.suite.seeds) < 2 or not chance:
        return []
    return [
        f"Of its {intervals} intervals about {chance} would leave out 0 by chance alone, were all rows alike; verdicts "
        "are not corrected for that."
    ]


def _adapted(table: Table) -> list[str]:
    if not set(ADAPTED) & set(table.suite.metrics):
        return []
    return [
        "Adapted: at one threshold a label, chosen for each row and seed on the validation photos, as polytag tune "
        "does by default: 0.5 where others are not found to help (- where the answers on those photos were not kept). "
        "CF1 and OF1 are at 0.5."
    ]


def _ensembles(table: Table) -> list[str]:
    return [
        f"{row.name}: the mean of the probabilities of {' and '.join(row.ensemble)}, seed by seed; it is not trained "
        "and costs what they cost together, in MB the larger of them."
        for row in table.suite.rows
        if row.ensemble
    ]


def _resolves(table: Table) -> list[str]:
    if len(table.suite.seeds) < 2:
        return ["With one seed there is no telling how small a difference this protocol resolves."]
    if isnan(table.detectable):  # of the baseline alone
        return []
    return [
        f"With {counted(len(table.suite.seeds), 'seed')} this protocol resolves a difference of about "
        f"{figures(100 * table.detectable, 2)} points of mAP: its verdicts would find it four times of "
        "five, as far as the noise of these rows tells."
    ]


def _common(table: Table, option: str) -> Any:
    """What all rows have for an option of a training; None where they differ."""
    first, *others = [row.options.get(option, getattr(Training, option)) for row in table.suite.trained]
    return first if all(other == first for other in others) else None
