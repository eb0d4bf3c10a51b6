"""What a training leaves on the disk while it runs: its history, its best weights, the state to resume from."""

import math
from pathlib import Path
from typing import Any

from polytag.errors import RunError
from polytag.run import CONFIG, STATE, Run, save_history, save_json, save_weights
from polytag.train.loop import Epoch, Step
from polytag.train.state import is_finite, load_tree, save_tree

# Arguments that change where or how fast a training runs, and not what comes out.
FREE = ("out", "resume", "overwrite", "workers", "cache", "device", "command")


class Recorder:
    """Writes a run folder as its training goes on.

    Args:
        folder: the run folder.
        config: contents of ``config.json``.
        score: the validation metric, higher is better, that picks the best epoch.
    """

    def __init__(self, folder: Path, config: dict[str, Any], score: str) -> None:
        self.folder, self.config, self.score = folder, config, score
        self.history: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {"epoch": 0, "weights": "raw", "score": -math.inf}

    def start(self) -> None:
        """Begin a new run."""
        save_json(self.folder / CONFIG, self.config)

    def resume(self) -> dict[str, Any]:
        """Take up the run that the folder holds; the state of the training loop.

        Raises:
            RunError: if it was started with other arguments or other data.
        """
        before = Run.open(self.folder).config
        for part, now in (("training", self.config["training"]), ("data", self.config["data"])):
            for name, value in now.items():
                if name not in FREE and before[part].get(name) != value:
                    raise RunError(
                        f"{self.folder} was started with {name} {before[part].get(name)!r}, and {value!r} came; "
                        "resume it with the same arguments and data, or start another run"
                    )
        saved = load_tree(self.folder / STATE)
        self.history, self.best = saved["history"], saved["best"]
        state: dict[str, Any] = saved["train"]
        return state

    def epoch(self, event: Epoch, seconds: float, photos: int) -> None:
        """Note an epoch, and keep its weights if they are the best so far."""
        row: dict[str, Any] = {"epoch": event.number, "seconds": round(seconds, 3), "lr": event.rate}
        row["images_per_second"] = round(photos / seconds, 2)
        row |= {f"loss_{name}": value for name, value in event.losses.items()}
        for kind, metrics in event.metrics.items():
            row |= {f"val_{name}_{kind}": value for name, value in metrics.items()}
        self.history.append(row)
        for kind, metrics in event.metrics.items():
            if metrics[self.score] > self.best["score"]:  # never true for NaN
                save_weights(self.folder, event.models[kind])
                self.best = {"epoch": event.number, "weights": kind, "score": metrics[self.score]}
        save_history(self.folder, self.history)

    def save(self, event: Step | Epoch) -> None:
        """Keep the state of the training, from which it can be resumed.

        Raises:
            RunError: if a weight is no longer finite; the state before is kept.
        """
        state = event.state.state_dict()
        if not is_finite(state["method"]):
            raise RunError(f"the weights became infinite at step {event.state.step}; lower the learning rate")
        save_tree(self.folder / STATE, {"train": state, "history": self.history, "best": self.best})
