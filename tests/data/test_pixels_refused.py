"""What ``open_image`` promises of everything else: one sentence that names the file, before it costs much."""

import os
import re
import struct

import numpy as np
import pytest
from pictures import picture, png, saved, tiff, turned
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from polytag._random import generator
from polytag.data import pixels
from polytag.data.pixels import MAX_PIXELS, MAX_SCANS, open_image
from polytag.errors import DataError, OptionError


def sentence(source):
    with pytest.raises(DataError) as caught:
        open_image(source)
    assert caught.value.__cause__ is not None  # the traceback leads to Pillow
    return str(caught.value)


@pytest.mark.parametrize(
    ("bits", "sample_format", "data"), [(16, 2, b"\0\1"), (32, 1, bytes(4)), (32, 2, bytes(4)), (32, 3, bytes(4))]
)
def test_numbers_without_a_range_are_refused(bits, sample_format, data):
    assert sentence(tiff(bits, 1, 1, data, sample_format)) == (
        "the photo cannot be read: its pixels are 32-bit or signed numbers without a fixed range; "
        "save it with 8 or 16 bits"
    )


def test_at_least_below_one_is_refused():
    with pytest.raises(OptionError, match=r"^each side of at_least must be at least 1, got 0$"):
        open_image(saved(picture(), "JPEG"), (0, 5))


def webp(width, height):
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 30) + b"WEBPVP8X" + struct.pack("<II", 10, 0) + sizes + bytes(40)


def jpeg(width, height):
    data = saved(picture(), "JPEG")
    return data.replace(struct.pack(">HH", 48, 64), struct.pack(">HH", height, width))


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png(100_000, 100_000, 8, 2), "100000 x 100000"),
        (png(200_001, 1000, 1, 0), "200001 x 1000"),
        (jpeg(65535, 65535), "65535 x 65535"),
        (webp(16384, 16383), "16384 x 16383"),
        (tiff(8, 100_000, 100_000, b"\0"), "100000 x 100000"),
        (
            b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 10**5, 10**5, 1, 24, 0, 0, 0, 0, 0, 0),
            "100000 x 100000",
        ),
        (b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0;", "65535 x 65535"),
    ],
)
def test_a_header_of_too_many_pixels_is_refused_before_decoding(data, size):
    assert sentence(data) == f"the photo cannot be read: it has {size} pixels, more than 200,000,000"


def test_a_frame_that_pillow_itself_finds_too_large_gets_the_same_words():
    frame = b"," + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
    data = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0) + frame + b";"
    assert sentence(data) == "the photo cannot be read: it has more than 200,000,000 pixels"


def test_a_photo_above_the_limit_at_which_pillow_warns_is_tried_without_a_warning():
    assert Image.MAX_IMAGE_PIXELS < 10_000 * 19_999  # and warnings are errors here
    assert MAX_PIXELS >= 10_000 * 19_999
    assert sentence(png(10_000, 19_999, 1, 0)).startswith("the photo cannot be read: it is damaged or cut short (")


def many_scans(count, **options):
    """A JPEG whose last scan comes ``count`` times more."""
    data = saved(picture(), "JPEG", **options)
    scan = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + scan * count + data[-2:]


@pytest.mark.parametrize("at_least", [None, (8, 8)])
def test_a_jpeg_that_repeats_its_scans_is_refused_before_decoding(at_least):
    data = many_scans(MAX_SCANS, progressive=True)
    with pytest.raises(DataError, match=r"^the photo cannot be read: it has more than 100 JPEG scans$"):
        open_image(data, at_least)


def test_a_sequential_jpeg_with_a_scan_for_each_channel_can_repeat_them_too():
    data = saved(Image.new("L", (8, 8)), "JPEG")
    frame = data.index(b"\xff\xc0")
    three = b"\xff\xc0\0\x11\x08\0\x08\0\x08\3\1\x11\0\2\x11\0\3\x11\0"
    body = data[frame + 13 :]
    tables, scan = body[: body.index(b"\xff\xda")], body[body.index(b"\xff\xda") : -2]
    scans = [scan.replace(b"\xff\xda\0\x08\1\1", b"\xff\xda\0\x08\1" + bytes([channel])) for channel in (1, 2, 3)]
    assert open_image(data[:frame] + three + tables + b"".join(scans) + b"\xff\xd9").shape == (8, 8, 3)
    bomb = data[:frame] + three + tables + b"".join(scans) * 40 + b"\xff\xd9"
    assert sentence(bomb) == "the photo cannot be read: it has more than 100 JPEG scans"


EMPTY = b"\xff\xfe\0\2"  # a comment without a text


@pytest.mark.parametrize(
    "bomb",
    [
        EMPTY * 200_000,
        EMPTY + b"\0" + EMPTY * 200_000,
        b"\xff\xfe\0\0" * 200_000,
        b"\xff\xd0" * 200_000,
        EMPTY + b"\0" * 200_000,
    ],
)
def test_a_jpeg_of_segments_or_junk_without_end_is_refused_before_it_costs_time_and_memory(bomb):
    data = saved(picture(), "JPEG")
    np.testing.assert_array_equal(open_image(data[:2] + EMPTY * 9_000 + data[2:]), open_image(data))
    assert sentence(data[:2] + bomb + data[2:]) == (
        "the photo cannot be read: it has too much before its picture, over 100,000 pieces"
    )


def test_scans_in_other_segments_or_after_the_picture_do_not_count():
    data = saved(picture(), "JPEG", progressive=True, comment=b"\xff\xda\0\x08" * 500)
    expected = open_image(saved(picture(), "JPEG", progressive=True))
    np.testing.assert_array_equal(open_image(data + b"\xff\xda\0\x08" * 500), expected)


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "photo.jpg").touch()
    assert sentence(tmp_path / "photo.jpg") == f"{tmp_path}/photo.jpg cannot be read: it is empty"
    assert sentence(b"") == "the photo cannot be read: it is empty"


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    assert sentence(tmp_path / "gone.jpg") == f"{tmp_path}/gone.jpg cannot be read: no such file or directory"
    assert sentence(tmp_path) == f"{tmp_path} cannot be read: it is a folder or a device, not a file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    assert sentence(tmp_path / "pipe.jpg").endswith("pipe.jpg cannot be read: it is a folder or a device, not a file")


def test_a_file_without_permission_is_named(tmp_path, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(13, "Permission denied", path)

    (tmp_path / "photo.jpg").touch()
    monkeypatch.setattr(pixels, "open", refuse, raising=False)  # root may read everything
    assert sentence(tmp_path / "photo.jpg") == f"{tmp_path}/photo.jpg cannot be read: permission denied"


def test_photos_too_large_for_the_memory_are_not_called_damaged(monkeypatch):
    def fail(self):
        raise MemoryError

    monkeypatch.setattr(PngImageFile, "load", fail)
    assert sentence(saved(picture(), "PNG")) == ("the photo cannot be read: there is not enough memory for its pixels")


@pytest.mark.parametrize(
    "data", [b"just text", b"%!PS-Adobe-3.0 EPSF-3.0", b"P6 1 1 255 abc", b"\0\0\1\0\1\0", b"\xff\xd8"]
)
def test_files_of_other_kinds_are_refused_by_what_is_allowed(data, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(data)
    assert sentence(tmp_path / "photo.jpg") == (
        f"{tmp_path}/photo.jpg cannot be read: it is not a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC photo"
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_a_file_that_was_cut_short_is_refused(form, share, tmp_path):
    data = saved(picture(), form)
    (tmp_path / "photo").write_bytes(data[: int(len(data) * share)])
    start = re.escape(f"{tmp_path}/photo cannot be read: it is damaged or cut short (")
    assert re.fullmatch(start + r"[^\n]+\)", sentence(tmp_path / "photo"))


def test_a_file_name_cannot_break_the_line_or_colour_the_terminal(tmp_path):
    for name in ("a\nb.jpg", "\x1b[31m.jpg", "\u202egpj.exe", "\udcff.jpg"):
        assert sentence(tmp_path / name) == f"{str(tmp_path / name)!r} cannot be read: no such file or directory"


def damaged(data, random):
    """Cut, flipped, overwritten at the head, or with a part doubled."""
    start, end = sorted(random.integers(1, len(data), 2))
    match random.integers(4):
        case 0:
            return data[:end]
        case 1:
            return data[:start] + bytes([data[start] ^ 1 << random.integers(8)]) + data[start + 1 :]
        case 2:
            place = random.integers(min(200, len(data)))
            return data[:place] + random.bytes(1) + data[place + 1 :]
    return data[:end] + data[start:]


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("MPO", {"save_all": True, "append_images": [Image.new("RGB", (8, 8))]}),
        ("PNG", {}),
        ("WEBP", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_damage_never_raises_anything_but_a_data_error(form, options):
    data, opened = saved(picture(), form, exif=turned(6), **options), 0
    for number in range(60):
        try:
            opened += open_image(damaged(data, generator(7, number)), (16, 16) if number % 2 else None).ndim == 3
        except DataError as error:
            assert re.fullmatch(r"the photo cannot be read: [^\n]+", str(error))  # noqa: PT017
    assert opened < 60
