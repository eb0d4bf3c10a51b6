"""When a state is saved: after every epoch that is long enough, at most a minute apart, and never lost at an end."""

import pytest

from polytag.train import saving
from polytag.train.saving import Pace


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(saving.time, "monotonic", lambda: now[0])
    return now


def saves(pace, clock, takes):
    with pace.saving():
        clock[0] += takes


def test_the_first_epoch_is_saved_however_short_and_the_next_ones_once_saving_is_a_twentieth(clock):
    pace = Pace()
    assert pace.due(after_epoch=True)
    saves(pace, clock, 0.25)
    clock[0] += 4.75
    assert not pace.due(after_epoch=True)
    clock[0] += 0.25
    assert pace.due(after_epoch=True)
    assert not pace.due(after_epoch=False)


def test_a_state_that_takes_long_is_saved_once_a_minute_all_the_same(clock):
    pace = Pace()
    saves(pace, clock, 30.0)
    clock[0] += 59.0
    assert not pace.due(after_epoch=True)
    assert not pace.due(after_epoch=False)
    clock[0] += 1.0
    assert pace.due(after_epoch=True)
    assert pace.due(after_epoch=False)


def test_a_save_that_fails_does_not_count(clock):
    pace = Pace()
    clock[0] += 60.0
    with pytest.raises(OSError, match="full"), pace.saving():
        raise OSError("full")
    assert pace.due(after_epoch=False)
