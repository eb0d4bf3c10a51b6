"""What a run folder holds."""

import csv


def table(folder, text):
    (folder / "labels.csv").write_text(text, encoding="utf-8")
    return folder


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def history(folder):
    with (folder / "history.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: row[name] for name in row if name not in ("seconds", "images_per_second")} for row in rows]
