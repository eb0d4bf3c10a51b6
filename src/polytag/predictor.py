"""Photos in, tags out: one trained run, or several as one model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit

from polytag._checks import check_choice, check_number
from polytag._text import counted
from polytag.build import Choice
from polytag.data.labelled_set import ImageArrays, ImageFiles, Images, LabelledSet
from polytag.data.loader import Loader
from polytag.data.paths import Paths
from polytag.data.readers.photos import is_image
from polytag.errors import DataError, DivergedError, OptionError
from polytag.inference import predict_logits
from polytag.labels import Labels
from polytag.metrics import Evaluation
from polytag.model import mean_logits
from polytag.run import Run
from polytag.views import check_tta, with_views

Photos = str | Path | Sequence[str | Path] | Sequence[NDArray[np.uint8]] | NDArray[np.uint8] | Images | LabelledSet


class Prediction(NamedTuple):
    """The tags of one photo."""

    filename: str
    tags: tuple[tuple[str, float], ...]  # (label, probability), the most probable first
    error: str | None = None  # why the photo could not be read; it then has no tags


class Predictor:
    """Answers with the classes of the runs; several runs are averaged in probability.

    Args:
        runs: run folders with the same classes, in any order.
        device: "auto", "cpu" or "cuda".
        batch_size: photos at a time.
        workers: threads that decode.
        head: builds the head, where it was one of your own and so is not named in the run.
        tta: the views of a photo whose answers are averaged, in probability, as in :class:`polytag.Training`; unless
            given, those that each run was trained to be asked about.

    Raises:
        RunError: if a folder is not a run.
        OptionError: if the runs have different classes, or none is given, or photos do not have these views.
    """

    def __init__(
        self,
        *runs: Run | Path | str,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        batch_size: int = 64,
        workers: int = 2,
        head: Choice | None = None,
        tta: Literal["none", "flip", "d4"] | None = None,
    ) -> None:
        check_choice("device", device, ("auto", "cpu", "cuda"))
        if not runs:
            raise OptionError("a predictor needs at least one run folder, got none")
        self.runs = [run if isinstance(run, Run) else Run.open(run) for run in runs]
        self.classes = self.runs[0].classes
        for run in self.runs[1:]:
            if set(run.classes) != set(self.classes):
                strange = sorted(set(run.classes) ^ set(self.classes))[0]
                raise OptionError(
                    f"{run.path} and {self.runs[0].path} must have the same classes, and {strange!r} is in only one"
                )
        self.orders = [[run.classes.index(name) for name in self.classes] for run in self.runs]
        pairs = zip(self.runs, self.orders, strict=True)
        self.thresholds = np.mean([np.array(run.thresholds)[order] for run, order in pairs], axis=0)
        cuda = torch.cuda.is_available()
        if device == "cuda" and not cuda:
            raise OptionError("device is cuda, and torch finds no GPU on this machine; use auto or cpu")
        self.device = torch.device("cuda" if cuda and device != "cpu" else "cpu")
        for run in self.runs:
            check_tta(tta or run.tta, run.preprocessing.image_size)
        models = [run.load_model(head).folded().to(self.device) for run in self.runs]
        self.models = [with_views(model, tta or run.tta) for model, run in zip(models, self.runs, strict=True)]
        self.batch_size, self.workers = batch_size, workers

    def logits(self, photos: Photos) -> NDArray[np.float64]:
        """Logits ``(photos, classes)``; of several runs the logit of their mean probability.

        Raises:
            DataError: if a photo cannot be read.
        """
        return self._logits(as_images(photos))

    def predict_proba(self, photos: Photos) -> NDArray[np.float64]:
        """Probabilities ``(photos, classes)`` in ``[0, 1]``, the columns in the order of ``classes``."""
        return np.asarray(expit(self.logits(photos)))

    def predict(
        self,
        photos: Photos,
        *,
        threshold: ArrayLike | None = None,
        topk: int | None = None,
        on_bad_image: Literal["stop", "skip"] = "stop",
    ) -> list[Prediction]:
        """The tags of each photo.

        Args:
            photos: files, folders of photos, arrays ``(height, width, 3)`` of uint8, or a set of photos.
            threshold: a probability, or one for each class; unless given, those of the run, or the mean of those of
                several runs.
            topk: the most probable tags instead, whatever their probability.
            on_bad_image: "stop" with an error, or "skip": the photo's prediction then says what is wrong with it.

        Raises:
            DataError: if there is no photo, or one cannot be read.
            OptionError: if the threshold or ``topk`` is out of its range.
        """
        check_choice("on_bad_image", on_bad_image, ("stop", "skip"))
        limits = self._limits(threshold)
        if topk is not None:
            check_number("topk", topk, 1, len(self.classes))
        images = as_images(photos)
        tolerant = Tolerant(images)
        scores = expit(self._logits(tolerant if on_bad_image == "skip" else images))
        return [
            Prediction(images.name(n), (), tolerant.errors[n])
            if n in tolerant.errors
            else Prediction(images.name(n), self._tags(row, limits, topk))
            for n, row in enumerate(scores)
        ]

    def evaluate(self, data: LabelledSet) -> Evaluation:
        """Compare with labels; a class of the run that ``data`` does not have is unknown throughout.

        Raises:
            DataError: if not one class is in both, or a photo cannot be read.
        """
        if not set(self.classes) & set(data.classes):
            raise DataError(
                f"none of the {len(data.classes)} labels of the data is among those of {self.runs[0].path}; "
                f"give data with one of {_some(self.classes)}"
            )
        evaluation = Evaluation(self.classes)
        evaluation.update(self.logits(data), data.labels.with_classes(self.classes).dense())
        return evaluation

    def match_notes(self, classes: Sequence[str]) -> list[str]:
        """A sentence where the labels of some data and the classes of the runs are not the same."""
        new = [name for name in classes if name not in set(self.classes)]
        gone = [name for name in self.classes if name not in set(classes)]
        notes = []
        if new:
            notes.append(f"labels of the data that are not among the classes are left out: {_some(new)}")
        if gone:
            notes.append(f"classes that are not among the labels of the data are undefined: {_some(gone)}")
        return notes

    @property
    def threshold_logits(self) -> NDArray[np.float64]:
        """The thresholds as logits, ``(classes,)``; 0 and 1 become infinite."""
        return np.asarray(logit(self.thresholds))

    def _logits(self, images: Images) -> NDArray[np.float64]:
        unlabelled = LabelledSet(images, Labels.from_names([()] * len(images)))
        parts = []
        for run, model, order in zip(self.runs, self.models, self.orders, strict=True):
            loader = Loader(unlabelled, run.preprocessing, None, self.workers)
            logits = predict_logits(model, loader, self.device, self.batch_size).astype(np.float64)
            parts.append((run.calibration.apply(logits) if run.calibration else logits)[:, order])
        for run, part in zip(self.runs, parts, strict=True):
            if lost := int(np.isnan(part).any(axis=1).sum()):
                raise DivergedError(
                    f"{run.path} answers {lost} of {counted(len(part), 'photo')} with NaN; train it again"
                )
        return parts[0] if len(parts) == 1 else mean_logits([torch.from_numpy(part) for part in parts]).numpy()

    def _limits(self, threshold: ArrayLike | None) -> NDArray[np.float64]:
        given = np.asarray(self.thresholds if threshold is None else threshold, dtype=np.float64)
        if given.shape not in ((), (len(self.classes),)):
            raise OptionError(
                f"threshold must be one number or one for each of the {len(self.classes)} classes, "
                f"got shape {given.shape}"
            )
        for value in given.flat:
            check_number("threshold", float(value), 0.0, 1.0)
        return np.broadcast_to(given, len(self.classes))

    def _tags(
        self, scores: NDArray[np.float64], limits: NDArray[np.float64], topk: int | None
    ) -> tuple[tuple[str, float], ...]:
        order = np.argsort(-scores, kind="stable")
        chosen = order[:topk] if topk is not None else [column for column in order if scores[column] > limits[column]]
        return tuple((self.classes[column], float(scores[column])) for column in chosen)


class Tolerant(Images):
    """The same photos, with a black one in the place of each that cannot be read.

    Args:
        images: the photos.

    Attributes:
        errors: what was wrong with those that could not be read so far, by their number.
    """

    def __init__(self, images: Images) -> None:
        self.images = images
        self.errors: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.images)

    def name(self, index: int) -> str:
        """Its name."""
        return self.images.name(index)

    def load(self, index: int, at_least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        """The photo, or one black pixel."""
        try:
            return self.images.load(index, at_least)
        except DataError as error:
            self.errors[index] = str(error)
            return np.zeros((1, 1, 3), np.uint8)

    def select(self, rows: ArrayLike) -> "Tolerant":
        """Some of them, in the order asked for."""
        return Tolerant(self.images.select(rows))


def as_images(photos: Photos) -> Images:
    """Files, folders, arrays or a set, as photos by number; what is hidden in a folder is left out.

    Raises:
        DataError: if there is no photo among them.
    """
    if isinstance(photos, LabelledSet):
        return photos.images
    if isinstance(photos, Images):
        return photos
    items: Any = photos if np.iterable(photos) and not isinstance(photos, str) else [photos]
    if not isinstance(items, Sequence | np.ndarray):
        items = list(items)  # a column of a data frame
    if isinstance(items, np.ndarray) and items.ndim == 3:
        items = items[None]
    if not len(items):
        raise DataError("no photo was given; give photos, or folders that hold some")
    if isinstance(items[0], np.ndarray):
        return ImageArrays(items)
    if strange := [type(item).__name__ for item in items if not isinstance(item, str | Path)]:
        raise DataError(
            "photos must be files, folders, (height, width, 3) arrays of uint8, or a LabelledSet, got " + strange[0]
        )
    files = [str(file) for place in items for file in _files(Path(str(place)))]
    if not files:
        raise DataError(f"no photo found in {', '.join(map(str, items))}; give photos, or folders that hold some")
    return ImageFiles(Path(), Paths(files))


def _files(place: Path) -> list[Path]:
    if not place.is_dir():
        return [place]
    files = (file for file in place.rglob("*") if is_image(file.name) and file.is_file())
    return sorted(file for file in files if not any(part.startswith(".") for part in file.relative_to(place).parts))


def _some(names: Sequence[str], shown: int = 5) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
