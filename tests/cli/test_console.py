"""What a person sees of a training: a bar on a terminal, plain lines elsewhere, and no escapes from data."""

import io
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

import polytag.cli.console
from polytag.cli.console import looking_for_photos, say, watch
from polytag.data.paths import Paths
from polytag.data.readers.photos import find_photos
from polytag.data.ready import Note, Progress
from polytag.train.loop import Epoch, Step

EVENTS = [
    Progress("decoding photos", 6, 6),
    Note("a note\x1b[31m"),
    Step(1, 2, 6, {"classify": 0.7}, 0.1, SimpleNamespace(step=2)),
    Epoch(1, {"classify": 0.5, "agree": 0.25}, {"raw": {"mAP": 0.25}}, {}, 0.1, SimpleNamespace(step=3)),
    Epoch(2, {"classify": 0.4}, {"raw": {"mAP": 0.25}, "average": {"mAP": 0.125}}, {}, 0.1, SimpleNamespace(step=6)),
    Epoch(3, {"classify": 0.3}, {}, {}, 0.1, SimpleNamespace(step=9)),
]
LINES = [
    "a note\\x1b[31m",
    "epoch  1/10  loss classify 0.5000, agree 0.2500  val mAP 0.2500 *",
    "epoch  2/10  loss classify 0.4000  val mAP 0.2500",
    "epoch  3/10  loss classify 0.3000",
]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_without_a_terminal_there_are_plain_lines(capsys):
    watch(EVENTS, 10)
    assert capsys.readouterr() == ("", "\n".join(LINES) + "\n")


def test_long_silences_are_broken(capsys, monkeypatch):
    monkeypatch.setattr(polytag.cli.console, "LINE_EVERY", -1.0)
    watch(EVENTS[:3], 10)
    assert capsys.readouterr().err.splitlines() == ["decoding photos: 6 of 6", LINES[0], "epoch 1/10: 2 of 6"]


def test_a_terminal_gets_a_bar_between_the_lines(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    watch(EVENTS, 10)
    shown = terminal.getvalue().replace("\r", "\n").split("\n")
    assert [line for line in shown if line.rstrip() in LINES] == LINES
    bars = [line for line in shown if "%|" in line]
    assert any(line.startswith("decoding photos 100%|") and " 6/6 [" in line for line in bars)
    assert any(line.startswith("epoch 1/10  33%|") and " 2/6 [" in line for line in bars)
    assert any(line.startswith("epoch 3/10  30%|") and " 9/30 [" in line for line in bars)
    assert not any("<-" in line for line in bars)
    assert any(re.search(r"\[\d\d:\d\d<\d\d:\d\d\]", line) for line in bars)  # time that is gone, and that is left
    assert max(map(len, bars)) <= 80


def test_the_bar_goes_away_where_the_training_fails(monkeypatch):
    def failing():
        yield EVENTS[0]
        raise ValueError

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with pytest.raises(ValueError, match="^$"):
        watch(failing(), 10)
    assert terminal.getvalue().endswith("\r")


def test_sentences_are_escaped(capsys):
    say("name\u202egpj.\x07")
    assert capsys.readouterr().err == "name\\u202egpj.\\x07\n"


@pytest.mark.parametrize(("many", "bars"), [(4, ["looking for photos  75%|", "looking for photos 100%|"]), (5, [])])
def test_a_bar_while_many_photos_are_looked_for(tmp_path, monkeypatch, many, bars):
    names = [f"{number}.jpg" for number in range(4)]
    for name in names:
        (tmp_path / name).touch()
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(polytag.cli.console, "MANY", many)
    with looking_for_photos():
        find_photos(Paths(names), tmp_path, "", str)
    shown = [line for line in terminal.getvalue().split("\r") if "%|" in line]
    assert all(any(line.startswith(bar) for line in shown) for bar in bars)
    assert bool(shown) == bool(bars)


def test_work_goes_on_where_nobody_listens_any_more():
    program = """
import sys
from polytag.cli.console import report_bad, say
for number in range(3):
    say(f"sentence {number}")
    if number == 0:
        sys.stdin.readline()  # meanwhile the reader leaves
report_bad(["it is broken"])
print("done", flush=True)
"""
    work = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with work:
        assert work.stderr.readline() == "sentence 0\n"
        work.stderr.close()
        work.stdin.write("\n")
        work.stdin.flush()
        assert work.stdout.read() == "done\n"
    assert work.returncode == 0
