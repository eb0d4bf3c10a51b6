"""What the front door promises: help at once, one sentence for a refusal, and the exit status of each ending."""

import os
import subprocess
import sys
import types

import pytest

import polytag
from polytag.cli import COMMANDS, main
from polytag.errors import DataError


def use(monkeypatch, command):
    """Lets ``polytag list`` do something else."""
    module = types.ModuleType("polytag.cli.list")
    module.main = command
    monkeypatch.setitem(sys.modules, "polytag.cli.list", module)


def test_help_and_version_do_not_wait_for_torch():
    code = (
        "import sys\nfrom polytag.cli import main\n"
        "for words in ['--help'], ['--version']:\n"
        "    try: main(words)\n"
        "    except SystemExit as end: assert not end.code\n"
        "assert main([]) == 2\n"
        "assert not {'torch', 'numpy', 'timm'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"polytag {polytag.__version__}\n" in done.stdout
    assert all(text in done.stdout for text in COMMANDS.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_for_eighty_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"usage: polytag {command}")
    assert max(map(len, shown.splitlines())) <= 80
    assert not any(markup in shown for markup in ("``", ":meth:", ":class:", "SUPPRESS"))


def test_what_is_no_command_is_refused_with_the_nearest_one(refused):
    assert refused("trian") == (f"the command must be one of {', '.join(COMMANDS)}, got 'trian'; did you mean 'train'")
    assert refused("42") == f"the command must be one of {', '.join(COMMANDS)}, got '42'"
    assert refused("--nothing") == "the following arguments are required: COMMAND; polytag --help shows what there is"


def test_a_wrong_option_is_one_sentence_too(refused):
    assert refused("list") == "the following arguments are required: FAMILY; polytag list --help shows what there is"
    assert refused("predict", "run", "a.png", "--colour") == (
        "unrecognized arguments: --colour; polytag predict --help shows what there is"
    )
    assert refused("train", "data", "--epochs", "many") == (
        "argument --epochs: invalid int value: 'many'; polytag train --help shows what there is"
    )


def test_what_comes_from_strangers_cannot_steer_the_terminal(monkeypatch, refused):
    def refuse(words):
        raise DataError("2 of 3 photos cannot be read:\n  \x1b[2Jevil.png is empty\n  b\u202eg.png is empty")

    use(monkeypatch, refuse)
    assert refused("list") == ("2 of 3 photos cannot be read:\n  \\x1b[2Jevil.png is empty\n  b\\u202eg.png is empty")


@pytest.mark.parametrize(("stop", "shown"), [(KeyboardInterrupt(), "stopped"), (KeyboardInterrupt("half"), "half")])
def test_ctrl_c_ends_with_130_and_a_sentence(stop, shown, monkeypatch, capsys):
    def interrupted(words):
        raise stop

    use(monkeypatch, interrupted)
    assert main(["list"]) == 130
    assert capsys.readouterr().err == f"polytag: {shown}\n"


def test_letters_that_the_terminal_does_not_have_are_shown_by_their_numbers():
    code = """
import sys, types
from polytag import cli
cli.COMMANDS["cat"] = ""
sys.modules["polytag.cli.cat"] = types.SimpleNamespace(main=lambda words: print("\\u732b") or 0)
sys.argv[1:] = ["cat"]
sys.exit(cli.main())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert (done.returncode, done.stdout) == (0, "\\u732b\n")


def test_what_the_system_refuses_is_a_sentence(monkeypatch, refused):
    def denied(words):
        raise PermissionError(13, "Permission denied", "a\x1b/b")

    use(monkeypatch, denied)
    assert refused("list") == "a\\x1b/b: Permission denied"


def test_output_that_cannot_be_written_is_a_sentence(monkeypatch, refused):
    def much(words):
        print("x" * 100_000)
        return 0

    use(monkeypatch, much)
    with open("/dev/full", "w") as full:  # as a full disk
        monkeypatch.setattr(sys, "stdout", full)
        assert refused("list") == "No space left on device"
        monkeypatch.undo()


def test_a_mistake_of_our_own_is_not_hidden(monkeypatch):
    def broken(words):
        raise ZeroDivisionError

    use(monkeypatch, broken)
    with pytest.raises(ZeroDivisionError):
        main(["list"])


def test_a_reader_that_leaves_early_is_no_error(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)

    def much(words):
        print("x" * 100_000)
        return 0

    use(monkeypatch, much)
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        assert main(["list"]) == 0


def test_closed_streams_are_borne(tmp_path):
    start = [sys.executable, "-m", "polytag"]
    listed = subprocess.run([*start, "list", "losses"], capture_output=True, text=True, check=True).stdout
    silent = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *start, "list", "losses"], capture_output=True, text=True
    )
    assert (silent.returncode, silent.stderr) == (0, "")
    refused = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", *start, "list", "nope"], capture_output=True, text=True
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "asl" in listed


@pytest.mark.parametrize("rank", ["1", "node1"])
def test_what_is_refused_is_said_whatever_others_call_rank(rank, monkeypatch, refused):
    monkeypatch.setenv("RANK", rank)
    assert refused("list", "losses", "--nope").startswith("unrecognized arguments: --nope")
