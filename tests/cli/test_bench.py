"""What `polytag bench` promises: a table that anybody can recompute from the run folders, and nothing trained twice."""

import csv
import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from polytag.cli import main
from polytag.metrics import average_precision
from polytag.run import Run
from polytag.scores import load_scores

LIMITS = "--tail-limits must be two numbers, the larger one first, like 100,20"
_SPEC = importlib.util.spec_from_file_location("records", Path(__file__).parents[2] / "benchmarks" / "records.py")
KEPT = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(KEPT)
SUITES = Path(__file__).parents[2] / "benchmarks" / "suites"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """The small protocol of the suite of digits, cut to one epoch and two rows."""
    folder = tmp_path_factory.mktemp("bench")
    text = (
        (SUITES / "digits.toml").read_text().replace("epochs = 2", "epochs = 1").replace("photos = 320", "photos = 96")
    )
    (folder / "digits.toml").write_text(text)
    command = ["bench", str(folder / "digits.toml"), "--protocol", "fast", "--out", str(folder / "out")]
    assert main([*command, "--rows", "asl", "--draws", "100"]) == 0
    return command, folder / "out"


def rows(out):
    with (out / "table.csv").open() as file:
        return {row["row"]: row for row in csv.DictReader(file)}


def folders(out, row):
    return sorted((out / "runs").glob(f"{row}-seed-*"))


def test_two_rows_are_what_their_run_folders_say(bench):
    _, out = bench
    table = rows(out)
    assert list(table) == ["plain", "asl"]
    means = {}
    for name, row in table.items():
        scores = [load_scores(folder) for folder in folders(out, name)]
        values = [np.nanmean(average_precision(one.logits, one.targets)) for one in scores]
        means[name] = np.mean(values)
        assert float(row["mAP"]) == pytest.approx(means[name], abs=1e-9)
        assert float(row["mAP_sd"]) == pytest.approx(np.std(values, ddof=1), abs=1e-9)
    moved = float(table["asl"]["mAP_difference"])
    assert moved == pytest.approx(means["asl"] - means["plain"], abs=1e-9)
    low, high = (float(table["asl"][f"mAP_{end}"]) for end in ("low", "high"))
    assert low <= moved <= high
    assert table["asl"]["mAP_verdict"] == ("up" if low > 0 else "down" if high < 0 else "not resolved")


def test_the_same_command_trains_nothing_and_says_the_same(bench, capsys):
    command, out = bench
    before = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*.safetensors")}
    assert len(before) >= 8
    table = rows(out)
    assert main([*command, "--rows", "asl", "--draws", "100"]) == 0
    shown = capsys.readouterr()
    assert "test mAP" not in shown.err  # which tells a finished training
    assert {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*.safetensors")} == before
    again = rows(out)
    for name, row in table.items():
        assert {key: row[key] for key in row if "ms" not in key} == {
            key: again[name][key] for key in row if "ms" not in key
        }


def test_another_baseline_turns_the_differences_round(bench):
    command, out = bench
    assert main([*command, "--rows", "asl", "--draws", "100"]) == 0
    before = rows(out)["asl"]
    assert main([*command, "--baseline", "asl", "--rows", "plain", "--draws", "100"]) == 0
    plain, asl = rows(out).values()
    assert (asl["mAP_verdict"], asl["mAP_difference"]) == ("baseline", "")
    for end, sign in (("difference", "difference"), ("low", "high"), ("high", "low")):
        assert float(plain[f"mAP_{end}"]) == pytest.approx(-float(before[f"mAP_{sign}"]), abs=1e-12)


def test_a_ladder_compares_with_the_row_above(bench):
    command, out = bench
    assert main([*command, "--ladder", "--rows", "asl", "plain", "--draws", "100"]) == 0
    made = {name: (row["mAP_verdict"], row["compared_with"]) for name, row in rows(out).items()}
    assert made == {"plain": ("baseline", ""), "asl": ("not resolved", "plain")}
    assert "rows are compared with the row above seed by seed" in (out / "table.md").read_text()
    assert "Differences to the row above" in (out / "index.html").read_text()


def test_some_seeds_make_a_table_of_their_own(bench):
    command, out = bench
    assert main([*command, "--rows", "asl", "--seeds", "1", "--draws", "100"]) == 0
    table = rows(out)
    assert {(row["seeds"], row["mAP_sd"]) for row in table.values()} == {("1", "")}
    (folder,) = (out / "runs").glob("asl-seed-1-*")
    scores = load_scores(folder)
    assert float(table["asl"]["mAP"]) == pytest.approx(np.nanmean(average_precision(scores.logits, scores.targets)))


def test_other_columns_need_no_training(bench):
    command, out = bench
    assert main([*command, "--rows", "asl", "--metrics", "mA", "f1_samples", "--draws", "100"]) == 0
    assert {"mA", "f1_samples_verdict"} <= set(rows(out)["asl"])
    assert main([*command, "--rows", "asl", "--metrics", "--draws", "100"]) == 0
    assert not {"mA", "f1_samples_verdict"} & set(rows(out)["asl"])


def test_a_training_that_is_stopped_says_how_to_go_on(monkeypatch, tmp_path, capsys):
    from polytag.cli import bench as module

    def stopped(planned):
        raise KeyboardInterrupt("stopped after step 3, kept in x; the same command with --out x --resume goes on")

    monkeypatch.setattr(module, "finish", stopped)
    words = [
        "bench",
        str(SUITES / "digits.toml"),
        "--protocol",
        "fast",
        "--rows",
        "asl",
        "--out",
        str(tmp_path / "out"),
    ]
    assert main(words) == 130
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == (
        "polytag: stopped in plain, seed 0; what is finished or saved is kept, and the same command goes on"
    )


def test_rows_can_be_chosen_on_the_validation_photos(bench, capsys, tmp_path):
    command, out = bench
    assert main([*command, "--rows", "asl", "--draws", "100"]) == 0
    before = (out / "table.csv").read_bytes()
    capsys.readouterr()
    assert main([*command, "--rows", "asl", "--draws", "100", "--split", "val"]) == 0
    shown = capsys.readouterr()
    assert "validation photos" in shown.out
    assert "index-val.html" in shown.out
    assert (out / "table.csv").read_bytes() == before
    with (out / "table-val.csv").open() as file:
        table = {row["row"]: row for row in csv.DictReader(file)}
    assert {row["split"] for row in table.values()} == {"val"}
    for name, row in table.items():
        values = [Run.open(folder).metrics["val"]["mAP"] for folder in folders(out, name)]
        assert float(row["mAP"]) == pytest.approx(np.mean(values), abs=1e-6)
    assert KEPT.keep(out, tmp_path / "records") >= 4
    assert KEPT.check(tmp_path / "records", out / "table-val.csv") == 0


def test_what_is_shown_fits_a_terminal_and_the_pages_say_how_they_were_made(bench, capsys):
    command, out = bench
    assert main([*command, "--rows", "asl", "--draws", "100"]) == 0
    shown = capsys.readouterr().out
    table = shown.partition("The same as a page")[0]
    assert max(map(len, table.splitlines())) <= 80
    assert "plain" in table
    for page in ("table.md", "index.html"):
        text = (out / page).read_text(encoding="utf-8")
        assert "polytag bench" in text
        assert "baseline" in text


def test_what_is_kept_of_trainings_makes_a_table_elsewhere(bench, tmp_path, capsys):
    command, out = bench
    text = Path(command[1]).read_text().replace("baseline =", 'metrics = ["CF1_adapted", "OF1_adapted"]\nbaseline =')
    suite, records, there = (tmp_path / name for name in ("more.toml", "records", "there"))
    suite.write_text(f'{text}\n[[row]]\nname = "both"\nensemble = ["plain", "asl"]\n')
    words = ["bench", str(suite), *command[2:4], "--rows", "both", "--draws", "100", "--out", str(there)]
    assert (KEPT.keep(out, records), KEPT.bring(records, there)) == (4, 4)
    assert main(words) == 0
    assert "test mAP" not in capsys.readouterr().err  # which tells a finished training
    table = rows(there)
    assert list(table) == ["plain", "asl", "both"]
    assert float(table["both"]["CF1_adapted"]) > 0
    assert KEPT.check(records, there / "table.csv") == 0
    (tmp_path / "wrong.csv").write_text((there / "table.csv").read_text().replace(table["both"]["CF1_adapted"], "0.5"))
    assert KEPT.check(records, tmp_path / "wrong.csv") == 1
    for old in there.rglob("val.safetensors"):  # as what an older polytag trained
        old.unlink()
    assert main(words) == 0
    assert "test mAP" not in capsys.readouterr().err
    assert {(row["CF1_adapted"], row["CF1_adapted_verdict"]) for row in rows(there).values()} == {("", "")}
    assert KEPT.keep(there, tmp_path / "older") == 4
    assert KEPT.check(tmp_path / "older", there / "table.csv") == 0
    shutil.rmtree(next(records.glob("asl-seed-1-*")))
    with pytest.raises(SystemExit, match="is of 2 seeds; all its rows have 1 in"):
        KEPT.check(records, there / "table.csv")
    assert main([*words, "--seeds", "0"]) == 0
    assert KEPT.check(records, there / "table.csv") == 0  # although of the baseline there are more


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["gone.toml"], "gone.toml"),
        (
            ["--tail-limits", "20,100"],
            "--tail-limits must be two numbers, the larger one first, like 100,20, got '20,100'",
        ),
        (["--tail-limits", "many"], "--tail-limits must be two numbers, the larger one first, like 100,20, got 'many'"),
        (["--rows", "alm"], "rows must be among plain, bce, weighted_bce, asl, got 'alm'"),
        (["--baseline", "alm"], "baseline must be one of the rows plain, bce, weighted_bce, asl, got 'alm'"),
        (["--baseline", "bce", "--ladder"], "--baseline and --ladder exclude each other"),
        (["--split", "val", "--metrics", "OF1_adapted"], "OF1_adapted has its thresholds from the validation photos"),
        (["--seeds", "1", "2", "1"], "each of seeds must be there once, got 1 twice"),
        (["--metrics", "mA", "mA"], "each of metrics must be there once, got mA twice"),
        (["--metrics", "f2"], "each of metrics must be one of "),
        (["--seeds", "-1"], "each of seeds must be between 0 and 4.61169e+18, got -1"),
        (["--draws", "5"], "draws must be between 100 and 1e+06, got 5"),
    ],
)
def test_bad_words_are_refused_before_anything_is_trained(words, sentence, tmp_path, capsys):
    suite = [] if words[0].endswith("toml") else [str(SUITES / "digits.toml")]
    assert main(["bench", *suite, *words, "--protocol", "fast", "--out", str(tmp_path / "out")]) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_photos_need_a_folder_to_be_found_in(tmp_path, capsys):
    assert main(["bench", str(SUITES / "ccp.toml"), "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "polytag: the suite ccp reads ccp/labels.csv; say with --data where that is"
    )
