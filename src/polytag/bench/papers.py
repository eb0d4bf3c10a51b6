"""What papers have printed for the same data, and why it can be compared with a row of ours or cannot."""

import csv
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from polytag.bench.types import Suite
from polytag.bench.words import NONE
from polytag.fit import Training

MEASURES = ("mAP", "mAP_voc12", "CF1", "CF1_mean", "OF1", "head", "medium", "tail")  # as ours are called


@dataclass(frozen=True)
class Published:
    """One row of a paper's table, as printed."""

    key: str  # of the data, as suites name it
    paper: str
    table: str
    method: str
    backbone: str  # as the paper calls it; empty where it does not
    image_size: int | None
    printed: Mapping[str, str]  # percent, with the digits that the paper has; what is not printed is not there
    note: str  # misprints, and how its numbers were made

    @property
    def measures(self) -> dict[str, float]:
        """The numbers, percent."""
        return {name: float(text) for name, text in self.printed.items()}


def published(key: str) -> list[Published]:
    """What papers have printed for some data, in their order; nothing where the key is not known.

    Args:
        key: of the data, one of :func:`known`.
    """
    return [row for row in _all() if row.key == key]


def known() -> list[str]:
    """The data that there are numbers for."""
    return list(dict.fromkeys(row.key for row in _all()))


def obstacles(row: Published, suite: Suite) -> list[str]:
    """Why a printed row cannot be compared with the rows of a suite; empty where it can.

    Args:
        row: as printed.
        suite: whose rows are compared.
    """
    found = []
    alike = [
        each.options
        for each in suite.trained
        if _squeezed(_option(each.options, "backbone")) == _squeezed(row.backbone)
    ]
    if not row.backbone:
        found.append("no backbone is printed")
    elif not alike:
        found.append("another backbone")
    sizes = {_option(options, "image_size") for options in alike or [each.options for each in suite.trained]}
    if row.image_size is None:
        found.append("no image size is printed")
    elif not {row.image_size, (row.image_size, row.image_size)} & sizes:
        found.append(f"{row.image_size} px")
    if suite.photos:
        found.append(f"all photos, not the first {suite.photos} of each split")
    if suite.unknown:
        found.append("all labels known")
    if suite.imbalance:
        found.append("other training photos")
    return [*found, *([row.note] if row.note else [])]


def grid(suite: Suite) -> list[tuple[str, ...]]:
    """The headings and then the rows that papers have printed for the data of a suite; empty where there are none."""
    rows = published(suite.paper)
    shown = [name for name in MEASURES if any(name in row.printed for row in rows)]
    lines = [
        (
            row.method,
            f"{row.paper}, table {row.table}",
            row.backbone or NONE,
            str(row.image_size or NONE),
            *(row.printed.get(name, NONE) for name in shown),
            "; ".join(obstacles(row, suite)) or "same backbone and size",
        )
        for row in rows
    ]
    heads = ("method", "paper", "backbone", "px", *shown, "to compare")
    return [heads, *lines] if lines else []


NOTES = (
    "As printed, in percent: one training each, without an interval. Where something differs from the rows above, the "
    "last column says what, and a difference between the two tables shows that as well."
)


@functools.cache
def _all() -> tuple[Published, ...]:
    text = (files("polytag.bench") / "papers.csv").read_text(encoding="utf-8")
    return tuple(map(_row, csv.DictReader(text.splitlines())))


def _row(cells: dict[str, str]) -> Published:
    printed = {name: cells[name] for name in MEASURES if cells[name]}
    size = int(cells["image_size"]) if cells["image_size"] else None
    key, paper, table, method, backbone = (cells[name] for name in ("key", "paper", "table", "method", "backbone"))
    return Published(key, paper, table, method, backbone, size, printed, cells["note"])


def _option(options: Mapping[str, Any], name: str) -> Any:
    return options.get(name, getattr(Training, name))


def _squeezed(name: str) -> str:
    """The architecture: timm's ``tf_efficientnetv2_s.in21k`` is what a paper calls EfficientNet-V2-s."""
    return re.sub(r"[^a-z0-9]", "", name.lower().partition(".")[0].removeprefix("tf_"))
