"""What trainings that others need promise beside other processes: nothing is done twice, and no signal is lost."""

import threading
from contextlib import ExitStack

import pytest
from toys import tiny_set

from polytag import fits
from polytag._files import locked
from polytag.errors import BusyError, RunError
from polytag.fit import Training
from polytag.run import CONFIG, LOCK, METRICS

QUICK = {"backbone": "test_efficientnet", "weights": "none", "image_size": 32, "batch_size": 8, "workers": 0}


class Busy:
    """A training like any other: refused where another process holds the lock or has ended it."""

    def __init__(self, out):
        self.data, self.out, self.resume, self.begun = None, out, False, 0

    def __iter__(self):
        self.begun += 1
        with locked(self.out / LOCK, "another training is writing there"):
            if (self.out / METRICS).exists():
                raise BusyError("there is a run already")
            yield
            (self.out / METRICS).write_text("{}")


@pytest.mark.parametrize(
    ("left", "begun"),
    [(METRICS, 1), (CONFIG, 2)],
    ids=["finished, and not trained again", "unfinished, and gone on with"],
)
def test_what_another_process_trains_is_waited_for(left, begun, tmp_path, monkeypatch):
    monkeypatch.setattr(fits, "WAIT", 0.001)
    one = Busy(tmp_path)
    with locked(tmp_path / LOCK, "busy"):
        waiter = threading.Thread(target=fits.finish_once, args=(one,))
        waiter.start()
        waiter.join(0.2)
        assert waiter.is_alive()
        (tmp_path / left).write_text("{}")
    waiter.join(10)
    assert not waiter.is_alive()
    assert (one.begun, one.resume) == (begun, left == CONFIG)
    assert (tmp_path / METRICS).exists()


class Together(Busy):
    """The same in several processes, of which the first one holds the lock."""

    def __init__(self, out, team):
        super().__init__(out)
        self.team = team

    def __iter__(self):
        self.begun += 1
        with ExitStack() as held:
            self.team.from_first(lambda: held.enter_context(locked(self.out / LOCK, "another training is there")))
            yield
            self.team.from_first(lambda: (self.out / METRICS).write_text("{}"))


def test_several_processes_wait_together_for_what_another_training_holds(tmp_path, monkeypatch, pair):
    monkeypatch.setattr(fits, "WAIT", 0.001)
    begun = {}

    def member(team):
        one = Together(tmp_path, team)
        fits.finish_once(one, lambda: busy.close() or False, team)
        begun[team.rank] = one.begun
        return (tmp_path / METRICS).exists()

    with ExitStack() as busy:
        busy.enter_context(locked(tmp_path / LOCK, "busy"))
        assert pair(member) == [True, True]
    assert begun == {0: 2, 1: 2}


def test_several_processes_leave_together_where_the_first_is_told_to(tmp_path, pair):
    def member(team):
        with pytest.raises(KeyboardInterrupt):
            fits.finish_once(Together(tmp_path, team), lambda: team.first, team)
        return "left"

    with locked(tmp_path / LOCK, "busy"):
        assert pair(member) == ["left", "left"]
    assert not (tmp_path / METRICS).exists()


def test_waiting_can_be_interrupted_and_another_refusal_is_no_reason_to_wait(tmp_path):
    with locked(tmp_path / LOCK, "busy"), pytest.raises(KeyboardInterrupt):
        fits.finish_once(Busy(tmp_path), lambda: True)

    class Refused(Busy):
        def __iter__(self):
            yield
            raise RunError("no room")

    with pytest.raises(RunError, match="^no room$"):
        fits.finish_once(Refused(tmp_path))


def test_what_another_process_has_begun_since_it_was_looked_at_is_gone_on_with(tmp_path):
    class Overtaken(Busy):
        def __iter__(self):
            if not self.resume:
                (self.out / CONFIG).write_text("{}")  # by somebody who is gone again
                raise BusyError("there is a run already")
            yield from super().__iter__()

    one = Overtaken(tmp_path)
    fits.finish_once(one)
    assert (one.begun, one.resume) == (1, True)
    assert (tmp_path / METRICS).exists()


def test_a_signal_that_comes_while_a_training_takes_no_step_is_heard_at_its_first_one(tmp_path):
    signals, begun = [], Training(data=tiny_set(40), out=tmp_path / "run", epochs=50, **QUICK)

    def interrupted():
        signals.append((tmp_path / "run" / "config.json").exists())
        return signals[-1]

    with pytest.raises(KeyboardInterrupt):
        fits.finish_once(begun, interrupted)
    assert not (tmp_path / "run" / "metrics.json").exists()
    assert signals.count(True) == 1
