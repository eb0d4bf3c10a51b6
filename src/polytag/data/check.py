"""Opening every photo once, before a long run meets a bad one."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from polytag._checks import check_number
from polytag.data.labelled_set import Images
from polytag.errors import DataError

Used = TypeVar("Used")

SHOWN = 1000  # photos in the list of those that cannot be read
_BLOCK = 4096  # photos handed out at a time: tasks of 10 million would take gigabytes


def find_bad_images(
    images: Images, workers: int = 1, progress: Callable[[int], object] | None = None
) -> list[tuple[int, str]]:
    """Decode every photo completely and name those that cannot be.

    Finds what is missing, empty, cut short or no photo. Does not find all damage: of JPEG and WebP files with a few
    wrong bytes about half decode without any complaint, to wrong pixels. PNG has checksums; for the others only a
    comparison with the original file tells.

    Args:
        images: the photos.
        workers: threads, ``>= 1``; decoding releases Python's lock, so as many as there are cores pay.
        progress: called with 1 after each photo, from the calling thread (``tqdm(total=len(images)).update`` fits).

    Returns:
        ``(position, sentence)`` of each bad one, by position.

    Raises:
        OptionError: if ``workers`` is below 1.
    """
    bad = []
    for index, opened in enumerate(open_each(images, workers, lambda pixels: None)):
        if isinstance(opened, DataError):
            bad.append((index, str(opened)))
        if progress is not None:
            progress(1)
    return bad


def open_each(images: Images, workers: int, use: Callable[[NDArray[np.uint8]], Used]) -> Iterator[Used | DataError]:
    """Decode every photo completely, in threads, and yield what ``use`` makes of each, in order.

    Args:
        images: the photos.
        workers: threads, ``>= 1``.
        use: called in a thread with the pixels ``(height, width, 3)``.

    Yields:
        What ``use`` returned, or why the photo cannot be read.

    Raises:
        OptionError: if ``workers`` is below 1.
    """
    check_number("workers", workers, 1, float("inf"))

    def opened(index: int) -> Used | DataError:
        try:
            return use(images.load(index))
        except DataError as error:
            return error

    pool = ThreadPoolExecutor(workers)
    try:
        for start in range(0, len(images), _BLOCK):
            yield from pool.map(opened, range(start, min(start + _BLOCK, len(images))))
    finally:  # also where the consumer leaves early
        pool.shutdown(wait=True, cancel_futures=True)


def bad_images_error(bad: Sequence[tuple[int, str]], total: int) -> DataError:
    """The refusal of a data set with bad photos: a sentence, then a line for each, up to a thousand.

    Args:
        bad: what :func:`find_bad_images` returned; not empty.
        total: photos looked at.
    """
    them = "it" if len(bad) == 1 else "them"
    lines = [
        f"{len(bad)} of {total} photos cannot be read; "
        f"repair or remove {them}, or leave {them} out with --on-bad-image skip:",
        *(sentence for _, sentence in bad[:SHOWN]),
    ]
    if len(bad) > SHOWN:
        lines.append(f"... and {len(bad) - SHOWN} more")
    return DataError("\n  ".join(lines))
