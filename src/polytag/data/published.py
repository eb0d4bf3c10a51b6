"""How many photos and labels published data sets have, to check a copy of one's own against."""

from typing import NamedTuple

from polytag._text import did_you_mean
from polytag.data.labelled_set import SPLITS, LabelledSet
from polytag.errors import OptionError


class Published(NamedTuple):
    """What was published of a data set."""

    classes: int
    photos: dict[str, int]  # of each split; under "all" where there are none
    labels: float | None = None  # a photo, on average over all photos


PUBLISHED: dict[str, Published] = {
    "voc2007": Published(20, {"train": 2501, "val": 2510, "test": 4952}),  # the challenge's page
    "voc2012": Published(20, {"train": 5717, "val": 5823}),  # the challenge's page
    "coco2014": Published(80, {"train": 82783, "val": 40504}),  # the official files
    "coco2017": Published(80, {"train": 118287, "val": 5000}),  # the official files
    "coco2017_labelled": Published(80, {"train": 117266, "val": 4952}),  # without photos that have no box
    "voc_lt": Published(20, {"train": 1142, "test": 4952}),  # Wu et al. 2020
    "coco_lt": Published(80, {"train": 1909, "test": 5000}),  # Wu et al. 2020
    "nus_wide": Published(81, {"train": 161789, "test": 107859}),  # the official lists
    "nus_wide_asl": Published(81, {"train": 119103, "val": 50720}, 2.43),  # Prokofiev and Sovrasov 2022, Table 1
    "vg500": Published(500, {"train": 82904, "test": 10000}, 13.61),  # the lists of SSGRL; labels as above
    "open_images": Published(601, {"train": 1743042, "val": 41620, "test": 125436}),  # boxable; the official page
    "nih": Published(14, {"train": 86524, "test": 25596}),  # the official lists
    "chexpert": Published(14, {"train": 223414, "val": 234}),  # the official tables; a test came later
    "peta": Published(35, {"train": 9500, "val": 1900, "test": 7600}),  # any of its random splits
    "rap": Published(51, {"train": 33268, "test": 8317}),  # version 1, any of its random splits
    "pa100k": Published(26, {"train": 80000, "val": 10000, "test": 10000}),  # Liu et al. 2017
}
"""By name. Counts are those of the official files, or of the paper that made the list."""

NEAR = 0.01  # of the labels a photo, within which they are taken for equal


def compare_with(data: LabelledSet, name: str) -> list[tuple[str, int | float, int | float, bool]]:
    """What was published, what is there, and whether they are equal: classes, photos of each split, labels a photo.

    Raises:
        OptionError: if nothing is known of a data set of this name.
    """
    if name not in PUBLISHED:
        known = ", ".join(PUBLISHED)
        raise OptionError(f"--expect must be one of {known}, got {name!r}{did_you_mean(name, PUBLISHED)}")
    published = PUBLISHED[name]
    there = {"all": len(data)}
    if data.split is not None:
        there |= {part: int((data.split == number).sum()) for number, part in enumerate(SPLITS)}
    rows: list[tuple[str, int | float, int | float, bool]] = [
        ("labels", published.classes, len(data.classes), published.classes == len(data.classes))
    ]
    rows += [
        (f"photos {part}", count, there.get(part, 0), count == there.get(part, 0))
        for part, count in published.photos.items()
    ]
    if published.labels is not None:
        mean = len(data.labels.present.columns) / max(len(data), 1)
        rows.append(("labels a photo", published.labels, round(mean, 3), abs(mean - published.labels) < NEAR))
    return rows
