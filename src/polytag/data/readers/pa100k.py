"""Pedestrian attributes from PA-100K: ``annotation.mat`` and ``data/`` or ``release_data/``."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.data.readers.base import OFFICIAL, Reader
from polytag.data.readers.mat import Mat
from polytag.data.readers.pedestrians import Contents, check_sizes, pedestrians
from polytag.data.readers.photos import inside

_FOLDERS = ("data", "release_data", "release_data/release_data", "data/release_data", "data/release_data/release_data")


class Pa100k(Reader):
    """PA-100K: 100,000 photos of pedestrians with 26 attributes, in ``annotation.mat`` and ``data/``.

    The photos may also be in ``release_data/``, as the archive unpacks. There is one official split, of 80,000, 10,000
    and 10,000 photos; the public code of the ResNet-50 baseline learns from train and val together.

    Args:
        images: the folder of the photos, by default ``data`` or ``release_data`` beside the file.
    """

    rank = OFFICIAL
    looks_for: ClassVar[str] = "PA-100K's annotation.mat with data/ or release_data/"

    def __init__(self, images: str = "") -> None:
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """``annotation.mat``: ``path`` itself, or in a folder that has one for the photos."""
        file = path / "annotation.mat" if path.is_dir() else path
        known = file == path or self.images or any((path / folder).is_dir() for folder in _FOLDERS)
        return [file] if known and file.name == "annotation.mat" and file.is_file() else []

    def read(self, path: Path) -> LabelledSet:
        """The photos of train, then those of val, then those of test."""
        mat = Mat(path, ["attributes", *(f"{split}{of}" for split in SPLITS for of in ("_images_name", "_label"))])
        attributes = mat.texts(mat["attributes"], "attributes")
        photos: list[str] = []
        parts, split = [], []
        for number, name in enumerate(SPLITS):
            names = mat.texts(mat[f"{name}_images_name"], f"{name}_images_name")
            labels = mat.matrix(mat[f"{name}_label"], f"{name}_label")
            check_sizes(mat, name, names, attributes, labels)
            photos += names
            parts.append(labels)
            split.append(np.full(len(names), number, np.int8))
        contents = Contents(photos, attributes, np.concatenate(parts), np.concatenate(split))
        first = inside(photos[0], f"photo 1 of {path.name}") if photos else ""
        holding = (folder for folder in _FOLDERS if (path.parent / folder / first).is_file())
        folder = next(holding, _FOLDERS[0])
        return pedestrians(mat, contents, "its lists of photos", path.parent, folder, self.images)
