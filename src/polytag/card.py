"""The model card of a run folder."""

import math
from typing import Any

from polytag._files import write_text
from polytag._text import utf8
from polytag.run import CARD, METRICS, Run
from polytag.views import TTA

_HEADLINES = ("mAP", "CF1", "OF1")


def write_card(run: Run, metrics: dict[str, Any]) -> None:
    """Write ``README.md`` with a header that model hubs read."""
    rows = [("photos", *_HEADLINES), ("---",) * (1 + len(_HEADLINES))]
    rows += [(p, *(_number(metrics[p][name]) for name in _HEADLINES)) for p in ("val", "test") if p in metrics]
    table = [f"| {' | '.join(row)} |" for row in rows]
    photos = ", ".join(f"{count} {name}" for name, count in run.config["data"]["photos"].items())
    best = metrics["best"]
    views = len(TTA[run.tta])
    told = [f"Numbers and thresholds are of answers averaged over {views} views of a photo (tta {run.tta}).", ""]
    why = "the best by validation mAP" if best["score"] > -math.inf else "the last, as no validation mAP is defined"
    height, width = run.preprocessing.image_size
    text = [
        "---",
        "pipeline_tag: image-classification",
        "library_name: polytag",
        "tags: [multi-label]",
        "---",
        f"# {run.config['model']['backbone']} for {len(run.classes)} labels",
        "",
        f"Photos in, tags out: {height} x {width} pixels to one probability a label. Made by polytag "
        f"{run.config['polytag']} from {photos} photos.",
        "",
        *table,
        "",
        *(told if views > 1 else ()),
        f"The weights are those of epoch {best['epoch']}, {why}; more in `{METRICS}`.",
        "",
        "```",
        run.config["command"] or "made from Python",
        "```",
        "",
        "## Labels",
        "",
        ", ".join(f"`{_plain(name)}`" for name in run.classes),
        "",
    ]
    write_text(run.path / CARD, utf8("\n".join(text)))


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.4f}"


def _plain(name: str) -> str:
    return name.replace("`", "'").replace("\n", " ")
