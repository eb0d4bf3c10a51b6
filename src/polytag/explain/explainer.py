"""Photos in, heat maps out: where a run sees its labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit

from polytag._checks import check_choice, check_number, check_type
from polytag._text import counted, did_you_mean
from polytag.build import Choice
from polytag.data.labelled_set import Images, LabelledSet
from polytag.data.loader import Loader, ToDevice
from polytag.errors import DivergedError, OptionError
from polytag.explain import WAYS
from polytag.explain.ways import best_way, check_way, ways_of
from polytag.heads.base import CouplingHead
from polytag.labels import Labels
from polytag.predictor import Photos, Tolerant, as_images
from polytag.run import Run
from polytag.views import with_views

BATCH = 16  # photos


class Heat(NamedTuple):
    """Where one label is seen on one photo."""

    label: str
    score: float  # probability
    map: NDArray[np.float32]  # (h, w) of the feature map, which covers the whole photo


class Explanation(NamedTuple):
    """One photo and its heat maps."""

    filename: str
    photo: NDArray[np.uint8]  # (height, width, 3); a black pixel where it could not be read
    heats: tuple[Heat, ...]
    attention: Mapping[str, float]  # how relevant each label was to the head, in [0, 1]; empty where it says nothing
    error: str | None = None  # why the photo could not be read; it then has no heat maps


class Explainer:
    """Heat maps of a run's labels.

    Args:
        run: the run folder.
        way: "maps" (the head's own), "attention", "gradcam", or "auto": maps where the head has some, else gradcam.
        device: "auto", "cpu" or "cuda".
        workers: threads that decode.
        head: builds the head, where it was one of your own and so is not named in the run.

    Attributes:
        way: the name of the way that is used.
        ways: the names of all ways that the head has.

    Raises:
        RunError: if the folder is not a run.
        OptionError: if there is no such way, or not for this head.
    """

    def __init__(
        self,
        run: Run | Path | str,
        way: str = "auto",
        device: Literal["auto", "cpu", "cuda"] = "auto",
        workers: int = 2,
        head: Choice | None = None,
    ) -> None:
        check_choice("way", way, ("auto", *WAYS))
        check_choice("device", device, ("auto", "cpu", "cuda"))
        self.run = run if isinstance(run, Run) else Run.open(run)
        self.classes, self.workers = self.run.classes, workers
        cuda = torch.cuda.is_available()
        if device == "cuda" and not cuda:
            raise OptionError("device is cuda, and torch finds no GPU on this machine; use auto or cpu")
        self.device = torch.device("cuda" if cuda and device != "cpu" else "cpu")
        self.model = self.run.load_model(head).folded().to(self.device)
        self.asked = with_views(self.model, self.run.tta)
        self.ways = ways_of(self.model.head)
        self.way = best_way(self.model.head) if way == "auto" else way
        check_way(self.model.head, self.way)

    def explain(
        self,
        photos: Photos,
        labels: Sequence[str] | None = None,
        *,
        topk: int | None = None,
        at_most: int | None = None,
        on_bad_image: Literal["stop", "skip"] = "stop",
    ) -> list[Explanation]:
        """Heat maps of each photo.

        Args:
            photos: files, folders of photos, arrays ``(height, width, 3)`` of uint8, or a set of photos.
            labels: which, on every photo, whether they are there or not; unless given, the tags that the run gives the
                photo by its thresholds, or the most probable one where it gives none.
            topk: the most probable labels instead.
            at_most: pixels of the longer side of the photos in the answer, ``>= 1``: larger ones are shrunk, and no
                longer take the memory of a camera's photo each; as they are unless given.
            on_bad_image: "stop" with an error, or "skip": the photo's explanation then says what is wrong with it.

        Raises:
            DataError: if there is no photo, or one cannot be read.
            DivergedError: if an answer is not a number.
            OptionError: if there is no such label, one is named twice, both ways to say which are given, or a number
                is out of its range.
        """
        chosen = self._columns(labels, topk)
        check_number("at_most", 1 if at_most is None else at_most, 1, float("inf"))
        check_choice("on_bad_image", on_bad_image, ("stop", "skip"))
        tolerant = Tolerant(as_images(photos))
        images = tolerant if on_bad_image == "skip" else tolerant.images
        unlabelled = LabelledSet(images, Labels.from_names([()] * len(images)))
        loader = Loader(unlabelled, self.run.preprocessing, None, self.workers)
        to_device = ToDevice(self.device, loader.preprocessing.mean, loader.preprocessing.std)
        found: list[Explanation] = []
        for batch in loader.in_order(BATCH):
            with torch.no_grad():
                pixels = to_device(batch).images
                features = self.model.backbone(pixels)
                seen = self.model.head(features) if self.asked is self.model else self.asked(pixels)
                logits = seen.double().cpu().numpy()
                self._check(logits)
                scores = expit(self.run.calibration.apply(logits) if self.run.calibration else logits)
                relevant = self._attention(features)
            for place, row in enumerate(batch.rows.tolist()):
                photo = _small(images, row, at_most)
                if row in tolerant.errors:
                    found.append(Explanation(images.name(row), photo, (), {}, tolerant.errors[row]))
                    continue
                columns = chosen or self._best(scores[place], topk)
                heats = self._heats(features[place : place + 1], columns, scores[place])
                found.append(Explanation(images.name(row), photo, heats, relevant[place]))
        return found

    def maps(self, features: torch.Tensor, columns: Sequence[int]) -> NDArray[np.float32]:
        """Heat maps ``(batch, n, h, w)`` of the classes ``columns`` from features ``(batch, D, h', w')``.

        Raises:
            OptionError: if the head has none of this way.
        """
        with torch.no_grad():  # Grad-CAM turns gradients on where it needs them
            return WAYS[self.way](self.model.head, features, columns).float().cpu().numpy()

    def _heats(self, features: torch.Tensor, columns: Sequence[int], scores: NDArray[np.float64]) -> tuple[Heat, ...]:
        maps = self.maps(features, columns)[0]
        self._check(maps[None])
        return tuple(
            Heat(self.classes[column], float(scores[column]), map_) for column, map_ in zip(columns, maps, strict=True)
        )

    def _check(self, answers: NDArray[np.floating]) -> None:
        """Of some photos, ``(photos, ...)``."""
        if lost := int(np.isnan(answers).reshape(len(answers), -1).any(axis=1).sum()):
            photos = counted(len(answers), "photo")
            raise DivergedError(f"{self.run.path} answers {lost} of {photos} with NaN; train it again")

    def _attention(self, features: torch.Tensor) -> list[dict[str, float]]:
        """For each photo; see :class:`Explanation`."""
        if not isinstance(self.model.head, CouplingHead):
            return [{} for _ in features]
        rows = self.model.head.class_attention(features).tolist()
        return [dict(zip(self.classes, row, strict=True)) if any(row) else {} for row in rows]

    def _columns(self, labels: Sequence[str] | None, topk: int | None) -> list[int] | None:
        if isinstance(labels, str):
            raise OptionError(f"labels must be a list of names, got the text {labels!r}; give [{labels!r}]")
        if labels is not None and not labels:
            raise OptionError("labels must name one at least, got none; leave them out for the tags of each photo")
        if labels and topk is not None:
            raise OptionError("labels and topk are two ways to say which; give one of them")
        if topk is not None:
            check_type("topk", topk, int)
            check_number("topk", topk, 1, len(self.classes))
        for label in labels or ():
            if label not in self.classes:
                hint = did_you_mean(label, self.classes)
                raise OptionError(f"{self.run.path} has no label {label!r}{hint}; it has {_some(self.classes)}")
        columns = [self.classes.index(label) for label in labels or ()]
        if twice := [column for place, column in enumerate(columns) if column in columns[:place]]:
            raise OptionError(f"labels must be named once each, got {self.classes[twice[0]]!r} twice")
        return columns or None

    def _best(self, scores: NDArray[np.float64], topk: int | None) -> list[int]:
        order = [int(column) for column in np.argsort(-scores, kind="stable")]
        if topk is not None:
            return order[:topk]
        return [column for column in order if scores[column] > self.run.thresholds[column]] or order[:1]


def _small(images: Images, row: int, at_most: int | None) -> NDArray[np.uint8]:
    """The photo ``(height, width, 3)``, neither side above ``at_most``."""
    if at_most is None:
        return images.load(row)
    photo = Image.fromarray(images.load(row, (at_most, at_most)))
    photo.thumbnail((at_most, at_most))
    return np.array(photo)


def _some(names: Sequence[str], shown: int = 8) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
