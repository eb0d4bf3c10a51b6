"""Writes docs/reference.md from the tables, so that it cannot lag behind them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polytag.build import TABLES, option_parameters, summary
from polytag.metrics import METRICS

PAGE = Path(__file__).parent / "reference.md"


def options(kind: str, name: str) -> str:
    """Every option with its default."""
    return (
        ", ".join(f"`{key}={parameter.default!r}`" for key, parameter in option_parameters(kind, name).items()) or "-"
    )


def section(kind: str, table: Mapping[str, Any]) -> list[str]:
    """One table of the page."""
    rows = [f"| `{name}` | {summary(entry)} | {options(kind, name)} |" for name, entry in table.items()]
    return [f"## {kind}", "", "| name | what | options |", "|---|---|---|", *rows, ""]


def counting(name: str) -> str:
    """Which labels of a photo a metric counts as found, where it is not those above the threshold."""
    kinds = {
        "_top3_thresholded": "those of the three highest labels that lie above the threshold",
        "_top3_at_80": "those of the three highest labels that lie above 0.8",
        "_top3": "the three highest labels of a photo",
        "_at_80": "labels above 0.8",
    }
    found = next((text for end, text in kinds.items() if name.endswith(end)), "")
    return f" Predicted are {found}." if found else ""


def page() -> str:
    """The whole page."""
    lines = ["# Reference", "", "Made by `make docs` from the tables; options are set as `--loss.gamma-neg 4`.", ""]
    for kind, table in TABLES.items():
        if kind != "speed":
            lines += section(kind, table)
    lines += ["## metric", "", "| name | what |", "|---|---|"]
    lines += [f"| `{name}` | {summary(entry)}{counting(name)} |" for name, entry in METRICS.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
