"""What many tasks at once promise: the results of a loop, or an error that names the task."""

import importlib.util
import os
import re
import signal
import sys
import traceback
import tracemalloc
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tasks import fate, noted, slow_first, square, surroundings, threads_of_torch, trained

from polytag.errors import OptionError, PolytagError, TaskError
from polytag.parallel import run_all
from polytag.parallel.crew import environment, share
from polytag.parallel.processes import gpus, in_processes
from polytag.parallel.task import check_picklable

NUMBERS = {f"number {number}": number for number in range(3)}
KEPT = "and those that are kept need not run again"


def state():
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    signals = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    return environment, signals, signal.pthread_sigmask(signal.SIG_BLOCK, []), torch.get_num_threads()


@pytest.fixture(autouse=True)
def untouched():
    """All is as it was before; there are no GPUs, for which each script would have to import torch."""
    with environment({"CUDA_VISIBLE_DEVICES": ""}):
        before = state()
        yield
        assert state() == before


@pytest.fixture(scope="module")
def ray():
    if importlib.util.find_spec("ray") is None:
        pytest.skip('Ray is missing; pip install "polytag[ray]" brings it')
    with warnings.catch_warnings(), environment({}):
        warnings.simplefilter("ignore")  # Ray's own, at its import
        return importlib.import_module("ray")


@pytest.fixture(scope="module")
def private_ray(ray):
    """What tasks gave on a private Ray, and what it left."""
    before = state()
    weights = run_all(trained, NUMBERS, backend="ray")
    return weights, state() == before, ray.is_initialized()


@pytest.fixture(scope="module")
def shared_ray(ray, private_ray):
    """A Ray that the user has started."""
    handler = signal.getsignal(signal.SIGTERM)
    with environment({"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "CUDA_VISIBLE_DEVICES": ""}):
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    signal.signal(signal.SIGTERM, handler)  # Ray has put its own there
    yield ray
    ray.shutdown()


@pytest.fixture(params=["sequence", "processes", "ray"])
def backend(request):
    if request.param == "ray":
        request.getfixturevalue("shared_ray")
    return request.param


def failure(*words, backend="processes", at_once=1):
    """The error of tasks that end as their names say."""
    with pytest.raises(TaskError) as caught:
        run_all(fate, {word: word for word in words}, backend=backend, processes=at_once)
    return caught.value


def check_same(some, others):
    assert list(some) == list(others)
    for name, weights in some.items():
        assert all(torch.equal(one, other) for one, other in zip(weights, others[name], strict=True))


def test_results_come_in_the_order_of_the_items(backend):
    assert list(run_all(slow_first, NUMBERS, backend=backend).items()) == list(NUMBERS.items())


def test_more_tasks_than_processes_and_more_processes_than_tasks_are_done_alike():
    items = {str(number): number for number in range(5)}
    squares = {"0": 0, "1": 1, "2": 4, "3": 9, "4": 16}
    assert run_all(square, items, backend="processes", processes=2) == squares
    assert run_all(square, {"3": 3}, backend="processes", processes=50) == {"3": 9}


@pytest.mark.parametrize("somewhere", ["sequence", "processes", "ray"])
def test_no_items_are_no_results(somewhere):
    assert run_all(square, {}, backend=somewhere) == {}


def test_a_training_in_a_process_gives_the_same_bits():
    check_same(run_all(trained, NUMBERS), run_all(trained, NUMBERS, backend="processes"))


def test_a_training_on_a_private_ray_gives_the_same_bits_and_leaves_nothing(private_ray):
    weights, untouched, initialised = private_ray
    check_same(run_all(trained, NUMBERS), weights)
    assert untouched
    assert not initialised


def test_a_ray_of_the_user_stays(shared_ray):
    assert run_all(square, NUMBERS, backend="ray") == {name: number**2 for name, number in NUMBERS.items()}
    assert shared_ray.is_initialized()


def test_each_process_has_its_share_of_threads_and_a_gpu_in_turn(monkeypatch):
    monkeypatch.setattr("polytag.parallel.processes.gpus", lambda: ["2", "GPU-5"])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(7))
    found = run_all(surroundings, NUMBERS, backend="processes", processes=3)
    assert [rest for _, *rest in found.values()] == [["2", "2", "2"], ["2", "2", "GPU-5"], ["2", "2", "2"]]
    assert len({pid for pid, *_ in found.values()}) == 3


def test_a_process_does_several_tasks_and_gives_torch_its_threads_in_each(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(1))
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    found = run_all(threads_of_torch, NUMBERS, backend="processes", processes=1)
    assert [threads for _, threads in found.values()] == [1, 1, 1]
    assert len({pid for pid, _ in found.values()}) == 1


def test_the_share_is_at_least_one_thread():
    usable = len(os.sched_getaffinity(0))
    assert [share(processes) for processes in (1, usable, usable + 1)] == [usable, 1, 1]


@pytest.mark.parametrize(
    ("visible", "names"), [(None, ["0", "1"]), ("", []), ("4,5", ["4", "5"]), ("GPU-a,GPU-b,none", ["GPU-a", "GPU-b"])]
)
def test_gpus_are_called_as_the_environment_calls_them(visible, names, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus() == names


def test_an_error_names_its_task_and_no_other_one_is_started(backend, tmp_path):
    notes = {name: tmp_path / name for name in ("one", "two", "bad", "four")}
    sentence = f"task 'bad' failed: no; 2 of 4 are done, {KEPT}"
    with pytest.raises(TaskError, match=rf"^{re.escape(sentence)}$") as caught:
        run_all(noted, notes, backend=backend, processes=1)
    assert type(caught.value.__cause__) is OptionError
    assert not hasattr(caught.value.__cause__, "__notes__")
    assert isinstance(caught.value, PolytagError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "one", "two"]


def test_an_error_that_is_no_refusal_comes_with_its_traceback(backend):
    error = failure("broken", backend=backend)
    assert str(error) == f"task 'broken' failed: ZeroDivisionError: nothing there; 0 of 1 are done, {KEPT}"
    assert type(error.__cause__) is ZeroDivisionError
    assert 'raise ZeroDivisionError("nothing there")' in "".join(traceback.format_exception(error))


def test_tasks_that_run_when_another_one_fails_are_finished(tmp_path, monkeypatch):
    monkeypatch.setenv("TASKS_MEET_IN", str(tmp_path))
    error = failure("late", "refused", "fine", at_once=2)
    assert str(error) == f"task 'refused' failed: the rate must be positive, got 0; 1 of 3 are done, {KEPT}"


def test_all_that_fail_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TASKS_MEET_IN", str(tmp_path))
    error = failure("late", "later than late", "broken", "fine", at_once=3)
    trouble = "task 'broken' failed: ZeroDivisionError: nothing there; 'later than late' failed too"
    assert str(error) == f"{trouble}; 1 of 4 are done, {KEPT}"


UNPICKLABLE = "use plain values, and functions and classes from the top of a module"
TROUBLES = {
    "SIGKILL": "was killed by signal 9 (SIGKILL)",
    "SIGSEGV": "was killed by signal 11 (SIGSEGV)",
    "gone": "ended its process with status 3",
    "left": "failed: SystemExit: 3",
    "picky": "failed: Picky: tea is cold",
    "trap": "failed: its result cannot be unpickled (ValueError: invalid literal for int() with base 10: 'no number')",
}


@pytest.mark.parametrize("word", TROUBLES)
def test_a_task_that_ends_in_a_strange_way_is_named(word):
    error = failure("fine", word, "broken")
    assert str(error) == f"task {word!r} {TROUBLES[word]}; 1 of 3 are done, {KEPT}"


def test_a_result_that_cannot_be_pickled_is_named():
    sentence = (
        rf"task 'lambda' failed: its result must be picklable to go to another process, and is not \(.+\); "
        rf"{UNPICKLABLE}; 0 of 1 are done, {KEPT}"
    )
    assert re.fullmatch(sentence, str(failure("lambda")))


@pytest.mark.usefixtures("shared_ray")
def test_a_ray_worker_that_dies_is_named():
    error = failure("fine", "SIGKILL", "broken", backend="ray")
    assert re.fullmatch(
        rf"task 'SIGKILL' lost its Ray worker \(WorkerCrashedError: .+[^.]\); 1 of 3 are done, {KEPT}", str(error)
    )


@pytest.mark.parametrize("elsewhere", ["processes", "ray"])
def test_what_cannot_be_pickled_is_refused_before_anything_starts(elsewhere, tmp_path):
    notes = {"one": tmp_path / "one", "two": lambda: None}
    sentence = rf"^item 'two' must be picklable to go to another process, and is not \(.+\); {UNPICKLABLE}$"
    with pytest.raises(OptionError, match=sentence):
        run_all(noted, notes, backend=elsewhere)
    with pytest.raises(OptionError, match=rf"^function must be picklable .+; {UNPICKLABLE}$"):
        run_all(lambda note: note, {"one": 1}, backend=elsewhere)
    assert list(tmp_path.iterdir()) == []


def test_large_arrays_are_copied_only_on_their_way():
    array = np.ones(2**20)
    tracemalloc.start()
    check_picklable(square, {"large": [array]})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < array.nbytes / 10
    with in_processes(1) as crew:
        crew.start("large", square, array)
        while not (ended := crew.ended()):
            pass
        assert crew._workers[0]._payload == b""
    assert (ended["large"].result == array).all()


def test_nonsense_is_refused():
    with pytest.raises(OptionError, match=r"^backend must be one of sequence, processes, ray, got 'threads'$"):
        run_all(square, NUMBERS, backend="threads")
    for backend in ("sequence", "processes", "ray"):
        with pytest.raises(OptionError, match=r"^processes must be at least 1, got 0$"):
            run_all(square, NUMBERS, backend=backend, processes=0)


def test_ray_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    sentence = 'backend "ray" needs Ray; bring it with pip install "polytag[ray]"'
    with pytest.raises(OptionError, match=rf"^{re.escape(sentence)}$"):
        run_all(square, NUMBERS, backend="ray")


def test_a_ray_that_is_not_to_be_reached_is_refused(monkeypatch):
    def init(**options):
        assert "address" not in options  # of RAY_ADDRESS
        raise ConnectionError("nobody there\nand more of it")

    down = []
    ray = SimpleNamespace(is_initialized=lambda: False, init=init, shutdown=lambda: down.append(True))
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setenv("RAY_ADDRESS", "192.0.2.1:6379")
    sentence = "Ray cannot be had (ConnectionError: nobody there); start it, or choose another backend"
    with pytest.raises(OptionError, match=rf"^{re.escape(sentence)}$"):
        run_all(square, NUMBERS, backend="ray")
    assert down == [True]
