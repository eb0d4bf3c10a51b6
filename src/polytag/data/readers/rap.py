"""Pedestrian attributes from RAP v1: ``RAP_annotation/RAP_annotation.mat`` and ``RAP_dataset/``."""

from pathlib import Path
from typing import ClassVar

import numpy as np

from polytag._checks import check_choice, check_number
from polytag.data.labelled_set import LabelledSet
from polytag.data.readers.base import OFFICIAL, Reader
from polytag.data.readers.mat import Mat
from polytag.data.readers.pedestrians import PARTITIONS, Attributes, Contents, Uncertain, pedestrians, random_split
from polytag.errors import DataError

_SELECTED = 51
_FILE = "RAP_annotation.mat"


class Rap(Reader):
    """RAP v1: 41,585 photos of pedestrians, in ``RAP_annotation/RAP_annotation.mat`` and ``RAP_dataset/``.

    It comes with five random splits of 33,268 photos to learn from and 8,317 to judge on, and no validation split.
    Published numbers are of split 0.

    Args:
        partition: which of the random splits, 0 to 4.
        attributes: the 51 of 92 that papers report, which are the first in the file (``Female`` to
            ``action-CarrybyHand``) and the ones that the public code of the ResNet-50 baseline takes; or all, with
            viewpoints, occlusions and colours.
        uncertain: what a label is that the annotators were not certain of (2 in the file); published numbers count it
            as absent.
        images: the folder of the photos, by default ``RAP_dataset``.
    """

    rank = OFFICIAL
    looks_for: ClassVar[str] = "RAP_annotation/RAP_annotation.mat with RAP_dataset/"

    def __init__(
        self,
        partition: int = 0,
        attributes: Attributes = "selected",
        uncertain: Uncertain = "unknown",
        images: str = "",
    ) -> None:
        check_number("partition", partition, 0, PARTITIONS - 1)
        check_choice("attributes", attributes, ("selected", "all"))
        check_choice("uncertain", uncertain, ("unknown", "absent"))
        self.partition = partition
        self.attributes = attributes
        self.uncertain = uncertain
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """``RAP_annotation.mat``: ``path`` itself, or in the folder, or in its ``RAP_annotation``."""
        files = [path / "RAP_annotation" / _FILE, path / _FILE] if path.is_dir() else [path]
        return [file for file in files if file.name == _FILE and file.is_file()]

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of the file."""
        mat = Mat(path, ["RAP_annotation"])
        fields = mat.struct(mat["RAP_annotation"], 6, "RAP_annotation")
        if isinstance(fields[3], np.ndarray) and fields[3].dtype.kind in "iuf":  # numbers of a selection
            raise DataError(f"{path} is laid out like RAP v2, which is not read; give the file of RAP v1")
        photos = mat.texts(fields[5], "field 6 of RAP_annotation")
        contents = Contents(
            photos,
            mat.texts(fields[3], "field 4 of RAP_annotation"),
            mat.matrix(fields[1], "field 2 of RAP_annotation"),
            random_split(mat, fields[0], self.partition, ("train", "test"), len(photos)),
        )
        folder = path.parent.parent if path.parent.name == "RAP_annotation" else path.parent
        selected = _SELECTED if self.attributes == "selected" else None
        chosen = f"random split {self.partition}"
        return pedestrians(mat, contents, chosen, folder, "RAP_dataset", self.images, selected, self.uncertain)
