"""What finished trainings of a suite leave for others: all that its table is made of, without weights and paths.

    python benchmarks/records.py keep OUT RECORDS     # from `polytag bench SUITE --out OUT`, RECORDS a folder to commit
    python benchmarks/records.py bring RECORDS OUT    # before that command: these trainings then count as done
    python benchmarks/records.py check RECORDS TABLE  # recompute mAP and what is adapted of a table.csv

So a suite can be trained on several machines, one after the other, and anybody can recompute its table in seconds.
"""

import argparse
import csv
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polytag import metrics
from polytag._files import write_text
from polytag.bench.answers import answers, thresholds
from polytag.bench.runner import RUNS
from polytag.bench.types import ADAPTED, SCORES_OF
from polytag.labels.facts import LIMITS, tail_groups
from polytag.metrics import average_precision
from polytag.metrics.ap import mean_of_defined
from polytag.run import CONFIG, HISTORY, METRICS, Run
from polytag.scores import SCORES, VAL_SCORES

FILES = (METRICS, HISTORY, SCORES, VAL_SCORES)


def keep(out: Path, records: Path) -> int:
    """Copy what is finished and not kept yet; how many trainings that were."""
    new = [run for run in sorted((out / RUNS).iterdir()) if (run / METRICS).exists()]
    new = [run for run in new if not (records / run.name / CONFIG).exists()]
    for run in new:
        for name in (name for name in FILES if (run / name).exists()):  # older runs have no answers on validation
            (records / run.name / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(run / name, records / run.name / name)
        config = without_paths(json.loads((run / CONFIG).read_text(encoding="utf-8")))
        write_text(records / run.name / CONFIG, json.dumps(config, indent=1) + "\n")
    return len(new)


def without_paths(value: Any) -> Any:
    """The same with the last name of every absolute path."""
    if isinstance(value, dict):
        return {key: without_paths(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_paths(each) for each in value]
    return re.sub(r"(?<![\w.])/(?:[\w.-]+/)+", "", value) if isinstance(value, str) else value


def bring(records: Path, out: Path) -> int:
    """Copy records to where `polytag bench` looks for finished trainings; how many there were new."""
    new = [record for record in sorted(records.iterdir()) if not (out / RUNS / record.name).exists()]
    for record in new:
        shutil.copytree(record, out / RUNS / record.name)
    return len(new)


def check(records: Path, table: Path) -> int:
    """Recompute each mAP of a table, also of head, medium and tail, from the kept answers; how many do not agree.

    So are CF1 and OF1 at adapted thresholds where the table has them and the answers on the validation photos are kept.
    """
    kept = [Run.open(record) for record in sorted(records.iterdir())]
    groups = tail_groups(np.mean([run.config["data"]["train_positives"] for run in kept], axis=0), LIMITS)
    runs: dict[str, dict[int, Run]] = defaultdict(dict)
    for run in kept:
        row, _, seed = run.config["command"].rpartition(", seed ")
        runs[row][int(seed)] = run
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    values: dict[str, dict[int, dict[str, float]]] = {}
    for line in rows:
        members = json.loads(line.get("ensemble") or "[]") or [line["row"]]
        seeds = set.intersection(*(set(runs[member]) for member in members))
        name = SCORES_OF[line.get("split") or "test"]
        values[line["row"]] = {
            seed: recomputed([runs[member][seed] for member in members], groups, name) for seed in seeds
        }
    baseline = next(row["row"] for row in rows if row["mAP_verdict"] == "baseline")
    common = set.intersection(*map(set, values.values()))  # of a baseline there may be more
    if any(int(row["seeds"]) != len(common) for row in rows):
        raise SystemExit(f"{table} is of {rows[0]['seeds']} seeds; all its rows have {len(common)} in {records}")
    wrong = 0
    for line in rows:
        of, base = values[line["row"]], values[line.get("compared_with") or baseline]
        found: dict[str, float] = {}
        for part in (part for part in next(iter(of.values())) if line.get(part)):
            over = [of[seed][part] for seed in common]
            found[part] = float(np.mean(over))
            if len(common) > 1:
                found[f"{part}_sd"] = float(np.std(over, ddof=1))
            if line["row"] != baseline and line.get(f"{part}_difference"):
                found[f"{part}_difference"] = float(np.mean([of[seed][part] - base[seed][part] for seed in common]))
        bad = [name for name, value in found.items() if abs(value - float(line[name])) > 1e-9]
        wrong += len(bad)
        print(
            f"  {line['row']}: mAP {100 * found['mAP']:.2f}, {len(common)} seeds, {', '.join(bad) or 'as in the table'}"
        )
    print(f"{len(rows)} rows recomputed, {wrong} numbers differ")
    return wrong


def recomputed(runs: Sequence[Run], groups: Mapping[str, NDArray[np.bool_]], name: str) -> dict[str, float]:
    """The numbers of one run, or of several as one model, on the photos of kept answers; those that are defined."""
    logits, targets = answers(runs, name)[:2]
    precisions = average_precision(logits, targets)  # (classes,)
    found = {"mAP": mean_of_defined(precisions)}
    found |= {name: mean_of_defined(precisions[group]) for name, group in groups.items() if group.any()}
    limits = thresholds(runs)
    if limits is not None:
        found |= {name: metrics.METRICS[own](logits, targets, limits) for name, own in ADAPTED.items()}
    return found


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("keep", "bring", "check"))
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    args = parser.parse_args()
    if args.what == "check":
        return int(check(args.source, args.target) > 0)
    print(f"{ {'keep': keep, 'bring': bring}[args.what](args.source, args.target) } trainings copied")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
