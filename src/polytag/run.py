"""The run folder: the product of a training, and all that is needed to use it."""

import csv
import io
import json
import platform
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from polytag._files import write_text
from polytag._text import as_json, without_nan
from polytag._version import __version__
from polytag.build import Choice, build_model, trained_model
from polytag.data.preprocessing import Preprocessing
from polytag.errors import DivergedError, PolytagError, RunError
from polytag.labels.calibration import Calibration
from polytag.model import Classifier
from polytag.train.state import is_finite, write_tensors
from polytag.views import check_tta

FORMAT = 1  # of config.json; a larger number is from a newer polytag
WEIGHTS, CONFIG, METRICS, HISTORY, CARD = "model.safetensors", "config.json", "metrics.json", "history.csv", "README.md"
STATE, PREVIOUS, LOCK = "state/last.safetensors", "state/previous.safetensors", ".lock"
FITS = "fits"  # folder of the trainings that a method asked for


class Run:
    """A folder with a trained model.

    Args:
        path: the folder.
        config: what ``config.json`` says.
    """

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self.path = path
        self.config = config
        self.classes: tuple[str, ...] = tuple(config["classes"])
        self.preprocessing = Preprocessing.from_dict(config["preprocessing"])
        self.thresholds: list[float] = config["thresholds"]
        self.calibration = _calibration(config.get("calibration"), len(self.classes))
        self.tta: str = config["training"].get("tta", "none")
        check_tta(self.tta, self.preprocessing.image_size)

    @classmethod
    def open(cls, path: Path | str) -> "Run":
        """Open a folder that a training wrote.

        Raises:
            RunError: if it is not one, is damaged, or comes from a newer version.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise RunError(f"{folder} is not a run folder; give the folder that polytag train wrote")
        config = _read_json(folder / CONFIG)
        if not isinstance(config.get("format"), int):
            raise RunError(
                f"{folder / CONFIG} is not the config.json of a run; give the folder that polytag train wrote"
            )
        if config["format"] > FORMAT:
            raise RunError(
                f"{folder} was written by polytag {config.get('polytag')} in format {config['format']}, and this is "
                f"polytag {__version__}, which reads formats up to {FORMAT}; update polytag"
            )
        for key, kind in _NEEDED.items():
            if not isinstance(config.get(key), kind):
                raise RunError(f"{folder / CONFIG} is damaged: {key} is missing or no {_JSON[kind]}; restore it")
        try:
            run = cls(folder, config)
        except PolytagError as error:
            raise RunError(f"{folder / CONFIG} is damaged: {error}; restore it") from error
        if not run.classes or not all(isinstance(name, str) for name in run.classes):
            raise RunError(f"{folder / CONFIG} is damaged: classes must be names; restore it")
        if len(run.thresholds) != len(run.classes) or not all(map(_is_probability, run.thresholds)):
            raise RunError(
                f"{folder / CONFIG} is damaged: it needs one threshold from 0 to 1 for each class; restore it"
            )
        return run

    def load_weights(self) -> dict[str, torch.Tensor]:
        """The state dict of the model.

        Raises:
            RunError: if the file is missing, damaged, or holds numbers that are not finite.
        """
        path = self.path / WEIGHTS
        try:
            weights = load_file(path)
        except (OSError, SafetensorError) as error:
            raise RunError(f"{path} cannot be read ({error}); train again or restore it") from error
        if not is_finite(weights):
            raise RunError(f"{path} holds numbers that are not finite; train again")
        return weights

    def new_model(self, head: Choice | None = None) -> Classifier:
        """A model like the trained one, with fresh weights, in ``eval`` mode.

        Args:
            head: builds the head, where it was the user's own and so is not named in the config.

        Raises:
            RunError: if it was, and is not given.
        """
        head = head or self.config["model"].get("head")
        if head is None:
            raise RunError(
                f"{self.path} was trained with a head of your own; open it from Python with Run.load_model(head)"
            )
        model = build_model(
            str(self.config["model"].get("backbone")),
            head,
            len(self.classes),
            image_size=self.preprocessing.image_size,
        )
        method = self.config["training"].get("method")  # None where it was the user's own
        return trained_model(method or "supervised", model).eval()

    def load_model(self, head: Choice | None = None) -> Classifier:
        """The trained model, in ``eval`` mode.

        Args:
            head: builds the head, where it was the user's own and so is not named in the config.

        Raises:
            RunError: if the weights do not fit the architecture in the config.
        """
        model = self.new_model(head)
        weights = self.load_weights()
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise RunError(f"{self.path / WEIGHTS} does not fit the model named in config.json; restore it") from error
        return model

    def train_seconds(self) -> float:
        """How long it was trained, without validation: the sum of the column ``seconds`` of ``history.csv``.

        Raises:
            RunError: if the file is missing or damaged.
        """
        path = self.path / HISTORY
        try:
            with path.open(encoding="utf-8", newline="") as file:
                return sum(float(row["seconds"]) for row in csv.DictReader(file))
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise RunError(f"{path} cannot be read ({error!r}); restore it or train again") from error

    @property
    def metrics(self) -> dict[str, Any]:
        """What ``metrics.json`` says."""
        return _read_json(self.path / METRICS)


def new_config(
    *,
    backbone: str,
    head: Any,
    classes: Sequence[str],
    preprocessing: Preprocessing,
    thresholds: Sequence[float],
    training: dict[str, Any],
    data: dict[str, Any],
    command: str,
) -> dict[str, Any]:
    """The contents of ``config.json``."""
    return {
        "format": FORMAT,
        "polytag": __version__,
        "model": {"backbone": backbone, "head": head},
        "classes": list(classes),
        "preprocessing": preprocessing.to_dict(),
        "activation": "sigmoid",
        "thresholds": list(thresholds),
        "training": training,
        "data": data,
        "versions": {"python": platform.python_version(), "torch": torch.__version__, "timm": timm.__version__},
        "command": command,
    }


def save_weights(folder: Path, model: torch.nn.Module, best: Mapping[str, Any] | None = None) -> None:
    """Write ``model.safetensors``, which says of which epoch it is: ``epoch``, ``weights`` and ``score``.

    Raises:
        DivergedError: if a weight is not finite; what stood there before is kept.
        RunError: if the file cannot be written; what stood there before is kept.
    """
    weights = {name: value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    if not is_finite(weights):
        raise DivergedError(f"the weights are no longer finite and were not saved to {folder}; lower the learning rate")
    told = {key: str(value) for key, value in (best or {}).items()}
    write_tensors(folder / WEIGHTS, weights, {"format": "pt"} | told)


def best_of_weights(folder: Path) -> dict[str, Any] | None:
    """What :func:`save_weights` was told; None where there is no such file, or it does not say.

    Raises:
        RunError: if the file cannot be read.
    """
    try:
        with safe_open(folder / WEIGHTS, "pt") as file:
            told = file.metadata() or {}
    except FileNotFoundError:
        return None
    except (OSError, SafetensorError) as error:
        raise RunError(f"{folder / WEIGHTS} cannot be read ({error}); start again without --resume") from error
    if not told.get("epoch", "").isdecimal():
        return None
    score = float(told.get("score", "-inf"))  # older files do not say: any other epoch is better
    return {"epoch": int(told["epoch"]), "weights": told.get("weights", "raw"), "score": score}


def save_thresholds(folder: Path, thresholds: Sequence[float]) -> None:
    """Put other thresholds, probabilities in the order of the classes, into ``config.json``.

    Raises:
        RunError: if the file cannot be read or written; what stood there before is kept.
    """
    save_json(folder / CONFIG, {**_read_json(folder / CONFIG), "thresholds": list(thresholds)})


def save_calibration(folder: Path, calibration: Calibration | None, thresholds: Sequence[float]) -> None:
    """Put another calibration, or none, and the thresholds that go with it, into ``config.json``.

    Raises:
        RunError: if the file cannot be read or written; what stood there before is kept.
    """
    config = {key: value for key, value in _read_json(folder / CONFIG).items() if key != "calibration"}
    if calibration is not None:
        config["calibration"] = {"slopes": calibration.slopes.tolist(), "offsets": calibration.offsets.tolist()}
    save_json(folder / CONFIG, {**config, "thresholds": list(thresholds)})


def save_json(path: Path, values: dict[str, Any]) -> None:
    """Write a JSON file; a number that is not defined (NaN) becomes null."""
    write_text(path, as_json(without_nan(values), indent=2) + "\n")


def save_history(folder: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write ``history.csv``, one row an epoch."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(folder / HISTORY, text.getvalue())


MOST = 64_000_000  # bytes of a file of settings or metrics; those of 100,000 labels take half of it
# What config.json must hold for a run to be opened, trained on and judged.
_NEEDED = {"model": dict, "classes": list, "preprocessing": dict, "thresholds": list, "training": dict, "data": dict}
_JSON = {dict: "object", list: "list"}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        seen = path.stat()
        if not stat.S_ISREG(seen.st_mode) or seen.st_size > MOST:
            raise RunError(f"{path} is no file of at most {MOST // 1_000_000} MB; train again or restore it")
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; give the folder that polytag train wrote") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read ({error}); train again or restore it") from error
    if not isinstance(values, dict):
        raise RunError(f"{path} is damaged: it must hold one JSON object")
    return values


def _is_probability(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _calibration(written: Any, classes: int) -> Calibration | None:
    if written is None:
        return None
    try:
        slopes, offsets = (np.array(written[name], np.float64) for name in ("slopes", "offsets"))
        both = np.stack([slopes, offsets])
        if both.shape != (2, classes) or not np.isfinite(both).all() or not (slopes > 0).all():
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:
        raise RunError("calibration needs one positive slope and one offset for each class") from error
    return Calibration(slopes, offsets)
