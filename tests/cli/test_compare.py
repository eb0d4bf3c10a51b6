"""What `polytag compare` promises: a table that fits a terminal, and the same numbers for programs."""

import csv
import io
import json

import numpy as np
import pytest
from scored_runs import answers, make_scored

from polytag.cli import main
from polytag.compare import compare


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A poor run and a good one, in the working folder."""
    monkeypatch.chdir(tmp_path)
    for name, skill in (("poor", 0.3), ("good", 1.5)):
        make_scored(tmp_path / "runs" / name, *answers(skill))
    return ["runs/poor", "runs/good"]


def shown(capsys, *words):
    assert main(["compare", *map(str, words)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_a_person_gets_a_table_that_fits_eighty_columns(runs, capsys):
    lines = shown(capsys, *runs).splitlines()
    assert lines[0] == "60 test photos, 3 labels; values in percent, differences to the first run"
    assert lines[2].split() == ["run", "metric", "value", "difference", "95%", "interval", "verdict"]
    cells = [line.split() for line in lines[3:9]]
    assert [(row[0], row[1], row[-1]) for row in cells] == [
        (run, metric, verdict)
        for metric in ("mAP", "CF1", "OF1")
        for run, verdict in (("runs/poor", "base"), ("runs/good", "up"))
    ]
    base, better = compare(runs).runs
    low, high = better.differences["mAP"][1:3]
    value = better.metrics["mAP"] - base.metrics["mAP"]
    assert cells[0][2] == f"{100 * base.metrics['mAP']:.2f}"
    assert cells[1][2:6] == [
        f"{100 * better.metrics['mAP']:.2f}",
        f"{100 * value:+.2f}",
        f"{100 * low:+.2f}",
        "to",
    ]
    assert cells[1][6] == f"{100 * high:+.2f}"
    assert lines[-1] == "The intervals cover resampled test photos, not the noise of training seeds."
    assert max(map(len, lines)) <= 80


def test_a_run_beside_itself_is_not_resolved(runs, tmp_path, capsys):
    make_scored(tmp_path / "runs" / "again", *answers(0.3))
    line = shown(capsys, runs[0], "runs/again").splitlines()[4]
    assert line.split(maxsplit=3)[3] == "+0.00  +0.00 to +0.00  not resolved"


def test_long_and_evil_names_stay_within_their_line(runs, tmp_path, capsys):
    evil = make_scored(tmp_path / "runs" / "a\x1b[2J\n", *answers(1))
    long = make_scored(tmp_path / ("deep" * 20) / "long", *answers(0))
    lines = shown(capsys, *runs, "runs/a\x1b[2J\n", long, "--draws", 100).splitlines()
    assert len(lines) == 3 + 4 * 3 + 2
    assert max(map(len, lines)) <= 80
    assert lines[5].startswith("a\\x1b[2J\\n ")
    assert lines[6].startswith("long ")
    rows = list(csv.DictReader(io.StringIO(shown(capsys, *runs, evil, "--draws", 100, "--format", "csv"))))
    assert rows[-1]["run"] == f"{tmp_path}/runs/a\\x1b[2J\\n"


def test_long_names_keep_both_ends(runs, tmp_path, capsys):
    names = [f"{row}-seed-0-{'abc' * 20}" for row in ("plain", "bce")]
    two = [make_scored(tmp_path / name, *answers(skill)) for name, skill in zip(names, (0, 1), strict=True)]
    lines = shown(capsys, *two, "--draws", 100).splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.partition("-")[0] for line in lines[3:5]] == ["plain", "bce"]
    alike = [make_scored(tmp_path / ("deep" * 20) / name / "run", *answers(1)) for name in ("one", "two")]
    assert all(line.startswith("/") for line in shown(capsys, *alike, "--draws", 100).splitlines()[3:5])


def test_photos_that_are_drawn_together_are_told(tmp_path, capsys):
    groups = np.repeat(np.arange(12), 5)
    two = [make_scored(tmp_path / name, *answers(skill), groups=groups) for name, skill in (("a", 0.3), ("b", 1.5))]
    apart = [make_scored(tmp_path / f"{name}0", *answers(skill)) for name, skill in (("a", 0.3), ("b", 1.5))]
    together = shown(capsys, *two)
    assert together.endswith("of training seeds.\nPhotos of one of the 12 groups are drawn together.\n")
    assert json.loads(shown(capsys, *two, "--format", "json"))["groups"] == 12
    assert compare(two).runs[1].differences["mAP"] != compare(apart).runs[1].differences["mAP"]


def test_programs_get_the_same_numbers(runs, capsys):
    comparison = compare(runs, draws=150, seed=2)
    words = (*runs, "--draws", 150, "--seed", 2)
    values = json.loads(shown(capsys, *words, "--format", "json"))
    base, better = comparison.runs
    assert values == {
        "photos": 60,
        "groups": 0,
        "classes": ["cat", "dog", "hat"],
        "draws": 150,
        "seed": 2,
        "covers": "The intervals cover resampled test photos, not the noise of training seeds.",
        "runs": [
            {"run": "runs/poor", "metrics": base.metrics, "differences": {}},
            {
                "run": "runs/good",
                "metrics": better.metrics,
                "differences": {metric: moved._asdict() for metric, moved in better.differences.items()},
            },
        ],
    }
    text = shown(capsys, *words, "--format", "csv")
    assert text.startswith("run,metric,value,difference,low,high,verdict\nruns/poor,mAP,")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 6
    assert [*rows[0].values()] == ["runs/poor", "mAP", str(base.metrics["mAP"]), "", "", "", "base"]
    assert [*rows[3].values()] == [
        "runs/good",
        "mAP",
        *map(str, (better.metrics["mAP"], *better.differences["mAP"])),
    ]


def test_what_is_undefined_is_a_dash_null_or_empty(tmp_path, capsys):
    (good, targets), (poor, _) = answers(2), answers(1)
    folders = [make_scored(tmp_path / name, logits, 0 * targets) for name, logits in (("a", good), ("b", poor))]
    words = (*folders, "--draws", 100)
    lines = shown(capsys, *words).splitlines()
    assert lines[4].split()[1:] == ["mAP", "-", "-", "-", "not", "resolved"]
    values = json.loads(shown(capsys, *words, "--format", "json"))
    assert values["runs"][1]["differences"]["mAP"] == {
        "value": None,
        "low": None,
        "high": None,
        "verdict": "not resolved",
    }
    assert shown(capsys, *words, "--format", "csv").splitlines()[-1] == f"{folders[1]},OF1,,,,,not resolved"


def test_refusals_are_sentences(runs, refused):
    assert refused("compare", runs[0]) == "a comparison needs at least two run folders, got 1"
    assert refused("compare", *runs, "--draws", "10") == "draws must be between 100 and 1e+06, got 10"
    assert refused("compare") == (
        "the following arguments are required: RUN; polytag compare --help shows what there is"
    )
