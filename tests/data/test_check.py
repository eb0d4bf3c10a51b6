"""What the check of photos promises: every bad one named, none of the good ones, in order."""

import threading
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polytag.data import check
from polytag.data.check import bad_images_error, find_bad_images
from polytag.data.labelled_set import ImageArrays, ImageFiles
from polytag.data.paths import Paths
from polytag.errors import DataError, OptionError


def photos(folder: Path, count: int, empty: tuple[int, ...] = (), cut: tuple[int, ...] = ()) -> ImageFiles:
    """Files of a folder, some empty, some cut short."""
    stream = BytesIO()
    Image.new("RGB", (16, 16), "green").save(stream, "JPEG")
    whole = stream.getvalue()
    for number in range(count):
        data = b"" if number in empty else whole[:-90] if number in cut else whole
        (folder / f"{number}.jpg").write_bytes(data)
    return ImageFiles(folder, Paths(f"{number}.jpg" for number in range(count)))


@pytest.mark.parametrize("workers", [1, 3])
def test_names_exactly_the_bad_ones_in_order(workers, tmp_path):
    images = photos(tmp_path, 40, empty=(31, 7), cut=(8,))
    (tmp_path / "20.jpg").unlink()
    found = find_bad_images(images, workers)
    assert [index for index, _ in found] == [7, 8, 20, 31]
    sentences = [sentence.removeprefix(f"{tmp_path}/") for _, sentence in found]
    assert sentences[0] == "7.jpg cannot be read: it is empty"
    assert sentences[1].startswith("8.jpg cannot be read: it is damaged or cut short (")
    assert sentences[2] == "20.jpg cannot be read: no such file or directory"
    assert sentences[3] == "31.jpg cannot be read: it is empty"


def test_good_photos_give_an_empty_list(tmp_path):
    assert find_bad_images(photos(tmp_path, 3), 2) == []
    assert find_bad_images(photos(tmp_path, 0), 2) == []


def test_arrays_in_memory_are_checked_too():
    arrays = [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8)]
    sentence = "image-1 must be a (height, width, 3) array of uint8, got (2, 2) of uint8"
    assert find_bad_images(ImageArrays(arrays), 1) == [(1, sentence)]


def test_counts_every_photo_once_from_the_calling_thread_across_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "_BLOCK", 4)
    calls = []
    found = find_bad_images(
        photos(tmp_path, 10, empty=(3, 4, 9)), 2, lambda n: calls.append((n, threading.get_ident()))
    )
    assert [index for index, _ in found] == [3, 4, 9]
    assert calls == [(1, threading.get_ident())] * 10


def test_a_fault_of_the_program_is_not_taken_for_a_bad_photo():
    class Faulty(ImageArrays):
        def load(self, index, at_least=None):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        find_bad_images(Faulty(np.zeros((1, 2, 2, 3), np.uint8)), 1)


def test_no_workers_are_refused():
    with pytest.raises(OptionError, match=r"^workers must be at least 1, got 0$"):
        find_bad_images(ImageArrays([]), 0)


def test_the_refusal_says_what_to_do_and_lists_them_all():
    bad = [(number, f"{number}.jpg cannot be read: it is empty") for number in range(0, 74, 2)]
    error = bad_images_error(bad, 120)
    lines = str(error).split("\n")
    assert isinstance(error, DataError)
    assert lines[0] == (
        "37 of 120 photos cannot be read; repair or remove them, or leave them out with --on-bad-image skip:"
    )
    assert lines[1:] == [f"  {number}.jpg cannot be read: it is empty" for number in range(0, 74, 2)]


def test_of_very_many_a_thousand_are_listed():
    lines = str(bad_images_error([(number, f"{number} is empty") for number in range(1005)], 2000)).split("\n")
    assert len(lines) == 1 + 1000 + 1
    assert lines[-1] == "  ... and 5 more"


def test_the_refusal_of_one_photo_speaks_of_one():
    assert str(bad_images_error([(4, "4.jpg cannot be read: it is empty")], 120)) == (
        "1 of 120 photos cannot be read; repair or remove it, or leave it out with --on-bad-image skip:\n"
        "  4.jpg cannot be read: it is empty"
    )
