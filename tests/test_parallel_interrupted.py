"""What interrupting many tasks at once promises: each may save once, and nobody is left behind."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

KEPT = "and those that are kept need not run again"
# Without GPUs, for which each script would have to import torch.
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "CUDA_VISIBLE_DEVICES": ""}
SCRIPT = """
import sys
from pathlib import Path
from polytag.parallel import processes, run_all
from tasks import deaf, saving

if __name__ == "__main__":
    task, folder, grace = sys.argv[1:]
    processes.GRACE = float(grace)
    try:
        run_all({"saving": saving, "deaf": deaf}[task], dict.fromkeys("abc", Path(folder)), backend="processes")
    except KeyboardInterrupt as stop:
        print(stop)
"""


@pytest.fixture
def script(tmp_path):
    """Starts two tasks that run until they are stopped, in a group of processes of their own, as a terminal would."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    started = []

    def start(task, grace=20):
        child = subprocess.Popen(
            [sys.executable, path, task, tmp_path, str(grace)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env=ENVIRONMENT,
        )
        started.append(child)
        assert [child.stdout.readline() for _ in range(2)] == ["started\n"] * 2
        return child

    yield start
    for child in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


# Whoever is left behind would hold the output open, and `communicate` would wait for it.
def test_ctrl_c_lets_all_tasks_save_once_and_goes_on(script, tmp_path):
    child = script("saving")
    os.killpg(child.pid, signal.SIGINT)
    assert child.communicate(timeout=15)[0] == f"stopped; 0 of 3 are done, {KEPT}\n"
    assert child.returncode == 0
    assert len(list(tmp_path.glob("saved-*"))) == 2


def test_sigterm_of_the_parent_alone_does_the_same(script, tmp_path):
    child = script("saving")
    child.terminate()
    assert child.communicate(timeout=15)[0] == f"stopped; 0 of 3 are done, {KEPT}\n"
    assert len(list(tmp_path.glob("saved-*"))) == 2


def test_tasks_that_do_not_stop_are_killed(script):
    child = script("deaf", grace=0.5)
    child.terminate()
    assert child.communicate(timeout=15)[0] == f"stopped; 0 of 3 are done, {KEPT}\n"


def test_tasks_save_and_end_when_their_parent_is_killed(script, tmp_path):
    child = script("saving")
    child.kill()
    assert child.communicate(timeout=15)[0] == ""
    assert len(list(tmp_path.glob("saved-*"))) == 2


def test_a_script_that_does_not_look_who_it_is_learns_how_to(tmp_path):
    path = tmp_path / "script.py"
    path.write_text("from polytag.parallel import run_all\nrun_all(abs, {'a': 1}, backend='processes')\n")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    hint = 'before it began (a script must begin below `if __name__ == "__main__":`)'
    assert f"task 'a' ended its process with status 1 {hint}; 0 of 1 are done, {KEPT}\n" in done.stderr
