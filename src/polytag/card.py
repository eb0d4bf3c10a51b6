"""The model card of a run folder."""

from typing import Any

from polytag._files import write_text
from polytag.run import CARD, METRICS, Run

_HEADLINES = ("mAP", "CF1", "OF1")


def write_card(run: Run, metrics: dict[str, Any]) -> None:
    """Write ``README.md`` with a header that model hubs read."""
    rows = [(part, *(metrics[part][name] for name in _HEADLINES)) for part in ("val", "test") if part in metrics]
    table = ["| photos | " + " | ".join(_HEADLINES) + " |", "|---" * (1 + len(_HEADLINES)) + "|"]
    table += ["| " + " | ".join([part, *(f"{value:.4f}" for value in values)]) + " |" for part, *values in rows]
    photos = ", ".join(f"{count} {name}" for name, count in run.config["data"]["photos"].items())
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
        f"The weights are those of epoch {metrics['best']['epoch']}, the best by validation mAP; more in `{METRICS}`.",
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
    write_text(run.path / CARD, "\n".join(text))


def _plain(name: str) -> str:
    return name.replace("`", "'").replace("\n", " ")
