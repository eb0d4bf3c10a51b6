"""Experiment trackers: the numbers of a training shown live by TensorBoard, Weights & Biases or MLflow."""

import importlib.util
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from accelerate.tracking import GeneralTracker, MLflowTracker, TensorBoardTracker, WandBTracker

from polytag._checks import check_choice
from polytag._files import write_text
from polytag._text import printable
from polytag.errors import OptionError, RunError

FOLDER = "track"  # inside the run folder; one folder a tracker
PROJECT = "polytag"  # what W&B calls a project and MLflow an experiment
LONGEST = 250  # letters of a setting; older MLflow servers refuse more

Settings = Mapping[str, bool | int | float | str]


def _tensorboard(folder: Path, run: str, settings: Settings) -> AbstractContextManager[GeneralTracker]:
    """A new event file each time; TensorBoard reads all of a folder as one run."""
    seen = (folder / "tensorboard").exists()
    return _running(TensorBoardTracker("tensorboard", folder), {} if seen else settings, {})


@contextmanager
def _wandb(folder: Path, run: str, settings: Settings) -> Iterator[GeneralTracker]:
    """Offline unless the user has asked for more; a run that goes on keeps its id, by which ``wandb sync`` joins it."""
    offline = not {"WANDB_MODE", "WANDB_API_KEY"} & os.environ.keys()
    known = _read(folder / "wandb.id")
    tracker = WandBTracker(
        os.environ.get("WANDB_PROJECT", PROJECT),
        name=run,
        id=known,
        resume="allow" if known else None,
        dir=str(folder),  # W&B itself adds wandb/
        config=dict(settings),
        mode="offline" if offline else None,
        reinit="create_new",  # a run that the caller has open stays open
        settings={"silent": True, "console": "off"},
    )
    # Its reports of crashes look up a host of W&B, even offline.
    with _running(tracker, {}, {"WANDB_ERROR_REPORTING": "false"}):
        write_text(folder / "wandb.id", tracker.run.id)
        yield tracker


@contextmanager
def _mlflow(folder: Path, run: str, settings: Settings) -> Iterator[GeneralTracker]:
    """Files in the folder, or the server that MLFLOW_TRACKING_URI names; a run that goes on keeps its id."""
    known = _read(folder / "mlflow.id")
    tracker = MLflowTracker(PROJECT, run_id=known, run_name=run, nested_run=True)  # the caller may have a run open
    environment = {
        "MLFLOW_TRACKING_URI": (folder / "mlflow").resolve().as_uri(),
        "MLFLOW_ALLOW_FILE_STORE": "true",  # without it MLflow wants a database, and the packages of one
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    # MLflow refuses a parameter that changes, and where and how fast a run goes on may change.
    with _running(tracker, {} if known else settings, environment):
        write_text(folder / "mlflow.id", tracker.active_run.info.run_id)
        yield tracker


# Each opens a tracker in a folder, under the name of the run, with its settings; leaving the context closes it.
TRACKERS: dict[str, Callable[[Path, str, Settings], AbstractContextManager[GeneralTracker]]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
}


class Trackers:
    """Several trackers as one; a context manager that closes them.

    The accelerator of the process must have been made before.

    Args:
        names: from :data:`TRACKERS`; twice is once.
        folder: the run folder; everything lands in its ``track/``. What a tracker has there is gone on with.
        run: the name of the run.
        settings: its configuration; nested names are joined by dots, what is no number or text becomes text.

    Raises:
        OptionError: for a name that is not in the table, or a package that is not installed.
        RunError: if one of them cannot be opened; those opened before it are closed.
    """

    def __init__(self, names: Sequence[str], folder: Path, run: str, settings: Mapping[str, Any]) -> None:
        check_trackers(names)
        place = Path(folder) / FOLDER
        self._open: dict[str, tuple[GeneralTracker, AbstractContextManager[GeneralTracker]]] = {}
        for name in dict.fromkeys(names):
            try:
                place.mkdir(parents=True, exist_ok=True)
                context = TRACKERS[name](place, run, flat(settings))
                self._open[name] = (context.__enter__(), context)
            except Exception as error:  # they raise what they like
                self.close()
                raise RunError(
                    f"track {name} cannot be opened in {place}: {_reason(error)}; put that right, or train without it"
                ) from error

    def log(self, values: Mapping[str, float], step: int) -> list[str]:
        """Send numbers to every tracker; those that are NaN or infinite are left out.

        Returns:
            A sentence for each tracker that failed: it is closed, and the training goes on without it.
        """
        finite = {name: float(value) for name, value in values.items() if math.isfinite(value)}
        sentences = []
        for name, (tracker, _) in list(self._open.items()):
            try:
                tracker.log(finite, step=step)
            except Exception as error:  # they raise what they like, and days of training are worth more
                self._close(name)  # a second complaint of the same tracker adds nothing
                sentences.append(
                    f"track {name} failed at step {step} and is closed, the training goes on: {_reason(error)}"
                )
        return sentences

    def close(self) -> list[str]:
        """Close every tracker that is open; a sentence for each that fails to."""
        failed = {name: self._close(name) for name in list(self._open)}
        return [f"track {name} failed when it was closed: {reason}" for name, reason in failed.items() if reason]

    def _close(self, name: str) -> str:
        """Close one; the reason if that failed, else nothing."""
        _, context = self._open.pop(name)
        try:
            context.__exit__(None, None, None)
        except Exception as error:
            return _reason(error)
        return ""

    def __enter__(self) -> "Trackers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def check_trackers(names: Sequence[str]) -> None:
    """Refuse trackers that cannot be used, before anything is written.

    Raises:
        OptionError: for a name that is not in :data:`TRACKERS`, or a package that is not installed.
    """
    for name in names:
        check_choice("track", name, TRACKERS)
        package = importlib.util.find_spec(name)  # each is called like its package
        if package is None or package.origin is None:  # a mere folder of that name, as W&B itself leaves behind
            raise OptionError(
                f'track {name} needs the package {name}, which is not installed; pip install "polytag[trackers]"'
            )


def flat(settings: Mapping[str, Any], before: str = "") -> dict[str, bool | int | float | str]:
    """Nested settings as one level: ``{"loss": {"name": "asl"}}`` becomes ``{"loss.name": "asl"}``."""
    leaves: dict[str, bool | int | float | str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            leaves |= flat(value, f"{before}{name}.")
        elif isinstance(value, int | float) and math.isfinite(value):
            leaves[f"{before}{name}"] = value
        else:
            text = str(value)
            leaves[f"{before}{name}"] = text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
    return leaves


@contextmanager
def _running(tracker: GeneralTracker, settings: Settings, environment: Mapping[str, str]) -> Iterator[GeneralTracker]:
    """A tracker from its start to its end, in an environment that lasts as long; what the user has set stays."""
    ours = {name: value for name, value in environment.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        tracker.start()
        try:
            if settings:
                tracker.store_init_configuration(dict(settings))
            yield tracker
        finally:
            tracker.finish()
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _reason(error: Exception) -> str:
    """The first line of an error, or its name where it says nothing."""
    lines = str(error).strip().splitlines()
    return printable(lines[0]).rstrip(".") if lines else type(error).__name__
