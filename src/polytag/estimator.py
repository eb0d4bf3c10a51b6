"""A scikit-learn estimator."""

import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from polytag.data.labelled_set import LabelledSet
from polytag.data.splits import TEST, VAL
from polytag.errors import DataError
from polytag.fit import Training
from polytag.labels import Labels
from polytag.metrics import METRICS
from polytag.predictor import Photos, Predictor, as_images


class MultiLabelClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A multi-label image classifier with scikit-learn's interface; works in pipelines, cross-validation and searches.

    ``X`` is a list of photo files, an array of images ``(n, height, width, 3)`` of uint8, or a
    :class:`polytag.LabelledSet`, which brings its own labels. ``y`` is an ``(n, classes)`` matrix of 1, 0 and -1
    (unknown), or a list of label names for each photo; with such lists scikit-learn wants its own splits for
    cross-validation, as in ``cv=KFold(3)``. ``cross_val_predict`` of probabilities recodes each column of a matrix,
    and so loses what is unknown: give it lists, or a set and no ``y``. A tenth of the photos is kept back to pick the
    best epoch, unless a set says by its splits which photos are for what: its val then picks the epoch.

    Args:
        backbone, weights, head, loss, method, sampler, optimizer, schedule, sam, image_size, epochs, batch_size,
            accumulate, lr, search, weight_decay, clip, frozen_epochs, patience, average, crop, augment, cutout,
            cutout_probability, flip, flip_vertical, rotate90, mix, tta, seed, workers, cache, speed, deterministic,
            evaluate_every, device, jobs: see :class:`polytag.Training`.
        classes: names of the columns of ``y``; for a matrix numbers unless given. The columns of a data frame that
            have names are taken by these, in the order of ``classes``.
        out: where to keep the run folder; a temporary folder unless given.

    Attributes:
        classes_: names of the labels, ``(classes,)``.
        run_: the run folder.
        predictor_: what answers.
    """

    def __init__(
        self,
        backbone: str = "mobilenetv3_large_100",
        weights: str = "pretrained",
        head: Any = "linear",
        loss: Any = "bce",
        method: Any = "supervised",
        sampler: Any = "uniform",
        optimizer: Any = "adamw",
        schedule: Any = "one_cycle",
        sam: Any = "none",
        image_size: int | tuple[int, int] = 224,
        epochs: int = 20,
        batch_size: int = 32,
        accumulate: int = 1,
        lr: float | Literal["auto"] = 5e-4,
        search: Any = "climb",
        weight_decay: float = 0.01,
        clip: float = 0.0,
        frozen_epochs: int = 0,
        patience: int = 0,
        average: float = 0.9997,
        crop: Any = "none",
        augment: Any = "randaugment",
        cutout: float = 0.4,
        cutout_probability: float = 0.5,
        flip: float = 0.5,
        flip_vertical: float = 0.0,
        rotate90: float = 0.0,
        mix: Any = "none",
        tta: Literal["none", "flip", "d4"] = "none",
        seed: int = 0,
        workers: int = 2,
        cache: Literal["auto", "memory", "none"] = "auto",
        speed: str = "channels_last",
        deterministic: bool = False,
        evaluate_every: int = 1,
        device: Literal["auto", "cpu", "cuda"] = "auto",
        jobs: int = 1,
        classes: Sequence[str] | None = None,
        out: str | Path | None = None,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.head = head
        self.loss = loss
        self.method = method
        self.sampler = sampler
        self.optimizer = optimizer
        self.schedule = schedule
        self.sam = sam
        self.image_size = image_size
        self.epochs = epochs
        self.batch_size = batch_size
        self.accumulate = accumulate
        self.lr = lr
        self.search = search
        self.weight_decay = weight_decay
        self.clip = clip
        self.frozen_epochs = frozen_epochs
        self.patience = patience
        self.average = average
        self.crop = crop
        self.augment = augment
        self.cutout = cutout
        self.cutout_probability = cutout_probability
        self.flip = flip
        self.flip_vertical = flip_vertical
        self.rotate90 = rotate90
        self.mix = mix
        self.tta = tta
        self.seed = seed
        self.workers = workers
        self.cache = cache
        self.speed = speed
        self.deterministic = deterministic
        self.evaluate_every = evaluate_every
        self.device = device
        self.jobs = jobs
        self.classes = classes
        self.out = out

    def fit(self, X: Photos, y: Any = None) -> "MultiLabelClassifier":  # noqa: N803
        """Train.

        Raises:
            DataError: if ``y`` is missing or does not fit ``X``, or is a data frame of other names than ``classes``.
        """
        data = _labelled(X, y, self.classes)
        if data.split is None:  # all of them are for training, a part of them to choose by, none to judge on
            data = LabelledSet(data.images, data.labels, np.zeros(len(data), np.int8), data.groups, data.notes)
        elif (data.split == VAL).any() and not (data.split == TEST).any():  # else that val would be the test
            data = LabelledSet(data.images, data.labels, data.split, data.groups, data.notes, settled=True)
        out = self.out
        if out is None:
            out = tempfile.mkdtemp(prefix="polytag-")
            weakref.finalize(self, shutil.rmtree, out, ignore_errors=True)  # lives as long as this object
        options = {name: value for name, value in self.get_params(deep=False).items() if name not in ("classes", "out")}
        self.run_ = Training(data=data, out=Path(out), overwrite=True, **options).finish()
        self.classes_ = np.array(self.run_.classes)
        own = None if isinstance(self.head, str | Mapping) else self.head  # others are named in the run
        self.predictor_ = Predictor(self.run_, device=self.device, workers=self.workers, head=own)
        return self

    def decision_function(self, X: Photos) -> NDArray[np.float64]:  # noqa: N803
        """Logits, ``(n, classes)``."""
        check_is_fitted(self)
        return self.predictor_.logits(X)

    def predict_proba(self, X: Photos) -> NDArray[np.float64]:  # noqa: N803
        """Probabilities in ``[0, 1]``, one ``(n, classes)`` array."""
        check_is_fitted(self)
        return self.predictor_.predict_proba(X)

    def predict(self, X: Photos) -> NDArray[np.int64]:  # noqa: N803
        """1 where a label is present, else 0, ``(n, classes)``, by the thresholds of the run."""
        present: NDArray[np.bool_] = self.predict_proba(X) > self.predictor_.thresholds
        return present.astype(np.int64)

    def score(self, X: Photos, y: Any = None, sample_weight: None = None) -> float:  # noqa: N803
        """Mean average precision over the labels that are defined on these photos, 0 to 1.

        Raises:
            DataError: if ``sample_weight`` is given, which mAP has none of, or ``y`` is a data frame of other names.
        """
        check_is_fitted(self)
        if sample_weight is not None:
            raise DataError("score is the mAP, which takes no sample_weight; leave it out")
        classes = self.run_.classes
        # The columns of a data frame go by their names, whatever their order, if these are labels of the fit.
        named = not _is_matrix(y) or bool({str(name) for name in getattr(y, "columns", ())} & {*classes})
        labels = _labelled(X, y, None if named else classes).labels.with_classes(classes)
        return METRICS["mAP"](self.decision_function(X), labels.dense(), 0.0)


def _labelled(photos: Photos, y: Any, classes: Sequence[str] | None) -> LabelledSet:
    if y is not None:
        of = photos if isinstance(photos, LabelledSet) else None  # its splits and groups hold, whatever the labels
        rest = (of.split, of.groups, of.notes, of.settled) if of else ()
        return LabelledSet(as_images(photos), _labels(y, classes), *rest)
    if isinstance(photos, LabelledSet):
        return photos
    raise DataError("y is missing; give an (n, classes) matrix, a list of label names for each photo, or a LabelledSet")


def _labels(y: Any, classes: Sequence[str] | None) -> Labels:
    if isinstance(y, Labels):
        return y
    if not _is_matrix(y):
        return Labels.from_names(y, classes)
    matrix = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
    if matrix.ndim != 2:
        raise DataError(f"y must be an (n, classes) matrix or a list of label names for each photo, got {matrix.shape}")
    numbers = [str(n) for n in range(matrix.shape[1])]
    names = [str(name) for name in getattr(y, "columns", numbers)]  # of a data frame
    if classes is None:
        return Labels.from_dense(matrix, names)
    by_name = any(isinstance(name, str) for name in getattr(y, "columns", ()))
    if not by_name or list(classes) == numbers:  # those of a fit without names
        return Labels.from_dense(matrix, classes)
    if strange := sorted({*names} ^ {*classes}):
        raise DataError(
            f"the columns of y and the classes must have the same names, and {strange[0]!r} is in only one; "
            "correct it, or give y.to_numpy() to take the columns in their order"
        )
    return Labels.from_dense(matrix, names).with_classes(classes)


def _is_matrix(y: Any) -> bool:
    """Whether these are numbers; else they are lists of label names."""
    if y is None or isinstance(y, Labels):
        return False
    if hasattr(y, "toarray") or (hasattr(y, "to_numpy") and getattr(y, "ndim", 1) == 2):  # SciPy's, and data frames
        return True
    if text := next((row for row in y if isinstance(row, str)), None):
        raise DataError(f"y must have a list of label names for each photo, got the text {text!r}; put it in a list")
    return not all(np.iterable(row) and all(isinstance(name, str) for name in row) for row in y)
