"""From the photos as they were read to photos that can be trained on."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from polytag._checks import check_choice
from polytag.data.check import bad_images_error, open_each
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.preprocessing import Preprocessing
from polytag.errors import DataError

Cache = Literal["auto", "memory", "none"]

CACHE_LIMIT = 2 * 2**30  # bytes of decoded photos that "auto" keeps in memory
REPORT_EVERY = 64  # photos
NAMED = 100  # photos that are left out


@dataclass(frozen=True)
class Progress:
    """How far a task is."""

    task: str
    done: int
    total: int


@dataclass(frozen=True)
class Note:
    """A sentence for the user: something inferred, chosen or left out."""

    text: str


def ready(
    data: LabelledSet,
    preprocessing: Preprocessing,
    workers: int = 2,
    cache: Cache = "auto",
    on_bad_image: Literal["stop", "skip"] = "stop",
) -> Generator[Progress, None, LabelledSet]:
    """Open every photo once; name the bad ones; keep the good ones decoded where that is wanted.

    Args:
        data: photos and labels.
        preprocessing: what the photos are resized to in memory.
        workers: threads that decode; at least one is used.
        cache: "memory" keeps the decoded photos, "none" does not, "auto" does where they take under 2 GiB.
        on_bad_image: "stop" with a list of them, or "skip" them.

    Returns:
        The photos that can be read; a note says how many were left out.

    Raises:
        DataError: if a photo cannot be read and may not be skipped, or none can, or there is no memory to keep them in.
        OptionError: if ``cache`` or ``on_bad_image`` is another word.
    """
    check_choice("cache", cache, ("auto", "memory", "none"))
    check_choice("on_bad_image", on_bad_image, ("stop", "skip"))
    height, width = preprocessing.image_size
    total = len(data)
    kept = cache == "memory" or (cache == "auto" and total * height * width * 3 <= CACHE_LIMIT)
    try:
        pixels = np.empty((total if kept else 0, height, width, 3), np.uint8)
    except MemoryError as error:
        raise DataError(
            f"the photos take {total * height * width * 3 / 1e9:,.0f} GB decoded, for which there is not enough "
            "memory; use --cache none or a smaller --image-size"
        ) from error
    aspects = np.ones(total)  # width over height
    bad: list[tuple[int, str]] = []
    task = "decoding photos" if kept else "checking photos"
    use = (lambda photo: (preprocessing.resize(photo), photo.shape)) if kept else lambda photo: None
    for row, opened in enumerate(open_each(data.images, max(1, workers), use)):
        if isinstance(opened, DataError):
            bad.append((row, str(opened)))
        elif opened is not None:
            pixels[row], (before_height, before_width, _) = opened
            aspects[row] = before_width / before_height
        if (row + 1) % REPORT_EVERY == 0 or row + 1 == total:
            yield Progress(task, row + 1, total)
    if bad and (on_bad_image == "stop" or len(bad) == total):
        raise bad_images_error(bad, total)
    if kept:
        names = [data.images.name(row) for row in range(total)]
        images = ImageArrays(pixels, names, aspects)
        data = LabelledSet(images, data.labels, data.split, data.groups, data.notes, data.settled)
    if not bad:
        return data
    left_out = {row for row, _ in bad}
    data = data.select([row for row in range(total) if row not in left_out])
    data.notes += tuple(f"left out: {sentence}" for _, sentence in bad[:NAMED])
    if len(bad) > NAMED:
        data.notes += (f"left out, too: {len(bad) - NAMED} more photos that cannot be read",)
    return data
