"""Trainings that words and files of options would run."""

import pytest

import polytag.cli.train
from polytag.cli import main


class SeenError(Exception):
    pass


@pytest.fixture
def training_of(monkeypatch):
    """The training that a command line would run."""

    def seen(training, epochs):
        raise SeenError(training)

    def run(*words):
        with pytest.raises(SeenError) as caught:
            main(["train", *map(str, words)])
        return caught.value.args[0]

    monkeypatch.setattr(polytag.cli.train, "watch", seen)
    return run


@pytest.fixture
def config(tmp_path):
    """Writes a TOML file."""

    def write(text, name="my.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def printed(capsys):
    """What ``--print-config`` prints."""

    def run(*words):
        capsys.readouterr()
        assert main(["train", *map(str, words), "--print-config"]) == 0
        return capsys.readouterr().out

    return run
