"""What a session promises of several processes: all have the same photos, labels and splits before anything begins."""

import pytest
from accelerate import Accelerator
from fit_toys import training
from toys import tiny_set

import polytag.session
from polytag._team import Team
from polytag.data.splits import three_way
from polytag.errors import DataError, ElsewhereError


def test_processes_that_read_other_data_are_refused(tmp_path, monkeypatch):
    session = polytag.session.Session(training(tmp_path / "run"), Accelerator(cpu=True))
    data = tiny_set(30)
    split = three_way(data, 0)
    monkeypatch.setattr(Team, "gathered", lambda self, part: [part, (part[0], "other")])
    for rank, kind in ((0, DataError), (1, ElsewhereError)):
        session.team = Team(rank, 2)
        with pytest.raises(kind) as refusal:
            session._check_alike(data, split)
        assert str(refusal.value) == (
            "process 1 has other photos, labels or splits than the first; give all the same data"
        )


def test_data_is_compared_between_processes_before_anything_is_written(tmp_path, monkeypatch):
    def refuse(self, data, split):
        raise DataError("they differ")

    monkeypatch.setattr(polytag.session.Session, "_check_alike", refuse)
    with pytest.raises(DataError, match="^they differ$"):
        training(tmp_path / "run").finish()
    assert not (tmp_path / "run" / "config.json").exists()
