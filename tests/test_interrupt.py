"""What asking for interrupts promises: the first is remembered, the second acts, and all is as before afterwards."""

import signal
import threading

import pytest

from polytag._interrupt import Interrupts

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers():
    """SIGTERM would end the tests."""

    def raising(number, frame):
        raise SystemExit(number)

    before = [signal.getsignal(number) for number in SIGNALS]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, raising)
    now = [signal.getsignal(number) for number in SIGNALS]
    yield now
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


def current():
    return [signal.getsignal(number) for number in SIGNALS]


def test_nothing_is_seen_where_nothing_came(handlers):
    with Interrupts() as interrupts:
        assert not interrupts.seen()
        assert current() != handlers
    assert current() == handlers


@pytest.mark.parametrize("first", SIGNALS)
def test_the_first_is_remembered(first, handlers):
    with Interrupts() as interrupts:
        signal.raise_signal(first)
        assert interrupts.seen()
    assert interrupts.seen()
    assert current() == handlers


@pytest.mark.parametrize("first", SIGNALS)
@pytest.mark.parametrize(("second", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_the_second_acts_as_it_always_does(first, second, error, handlers):
    with Interrupts():
        signal.raise_signal(first)
        with pytest.raises(error):
            signal.raise_signal(second)
    assert current() == handlers


@pytest.mark.parametrize("number", SIGNALS)
def test_where_several_are_sent_all_are_remembered(number, handlers):
    with Interrupts(patient=True) as interrupts:
        signal.raise_signal(number)
        signal.raise_signal(number)
        assert interrupts.seen()
    assert current() == handlers


def test_handlers_come_back_after_an_error_too(handlers):
    with pytest.raises(ZeroDivisionError), Interrupts():
        raise ZeroDivisionError
    assert current() == handlers


def test_one_that_comes_while_leaving_does_no_harm(handlers, monkeypatch):
    original = signal.signal

    def disturbed(number, handler):
        monkeypatch.setattr(signal, "signal", original)
        signal.raise_signal(number)  # its handler has not been put back yet
        return original(number, handler)

    with Interrupts() as interrupts:
        monkeypatch.setattr(signal, "signal", disturbed)
    assert interrupts.seen()
    assert current() == handlers


def test_one_inside_another_is_asked_first_and_gives_back(handlers):
    with Interrupts() as outer:
        with Interrupts() as inner:
            signal.raise_signal(signal.SIGINT)
        assert (outer.seen(), inner.seen()) == (False, True)
        signal.raise_signal(signal.SIGINT)
        assert outer.seen()
    assert current() == handlers


def test_it_may_be_used_again(handlers):
    interrupts = Interrupts()
    for _ in range(2):
        with interrupts:
            assert current() != handlers
        assert current() == handlers


def test_other_threads_leave_the_handlers_alone(handlers):
    found = []

    def work():
        with Interrupts() as interrupts:
            found.append((current() == handlers, interrupts.seen()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(True, False)]
