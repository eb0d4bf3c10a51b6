"""Pedestrian attributes from PETA: ``PETA.mat`` and ``images/``."""

from pathlib import Path
from typing import ClassVar

from polytag._checks import check_choice, check_number
from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.data.readers.base import OFFICIAL, Reader
from polytag.data.readers.mat import Mat
from polytag.data.readers.pedestrians import PARTITIONS, Attributes, Contents, pedestrians, random_split

_SELECTED = 35
_BEFORE_LABELS = 4  # columns


class Peta(Reader):
    """PETA: 19,000 photos of pedestrians, in ``PETA.mat`` and ``images/00001.png`` and so on.

    It comes with five random splits of 9,500, 1,900 and 7,600 photos. Published numbers are of split 0, with train and
    val learned from together.

    Args:
        partition: which of the random splits, 0 to 4.
        attributes: the 35 of 105 that papers report, which are the first in the file (``personalLess30`` to
            ``upperBodyVNeck``) and the ones that the public code of the ResNet-50 baseline takes; or all.
        images: the folder of the photos, by default ``images`` beside the file.
    """

    rank = OFFICIAL
    looks_for: ClassVar[str] = "PETA.mat with images/"

    def __init__(self, partition: int = 0, attributes: Attributes = "selected", images: str = "") -> None:
        check_number("partition", partition, 0, PARTITIONS - 1)
        check_choice("attributes", attributes, ("selected", "all"))
        self.partition = partition
        self.attributes = attributes
        self.images = images

    def candidates(self, path: Path) -> list[Path]:
        """``PETA.mat``: ``path`` itself, or in the folder."""
        file = path / "PETA.mat" if path.is_dir() else path
        return [file] if file.name == "PETA.mat" and file.is_file() else []

    def read(self, path: Path) -> LabelledSet:
        """The photos in the order of their numbers."""
        mat = Mat(path, ["peta"])
        fields = mat.struct(mat["peta"], 4, "peta")
        labels = mat.matrix(fields[0], "field 1 of peta")[:, _BEFORE_LABELS:]  # (photos, attributes)
        contents = Contents(
            [f"{number:05}.png" for number in range(1, len(labels) + 1)],
            mat.texts(fields[1], "field 2 of peta"),
            labels,
            random_split(mat, fields[3], self.partition, SPLITS, len(labels)),
        )
        selected = _SELECTED if self.attributes == "selected" else None
        chosen = f"random split {self.partition}"
        return pedestrians(mat, contents, chosen, path.parent, "images", self.images, selected)
