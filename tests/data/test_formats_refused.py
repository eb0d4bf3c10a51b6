"""What ``open_image`` refuses by its header or its length alone, and formats that this machine cannot read."""

import os
import re
import struct
import sys
import tracemalloc
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from pictures import picture, saved
from PIL import AvifImagePlugin

from polytag.data import formats
from polytag.data.formats import MAX_BYTES, MAX_STRIPS, MAX_TAGS
from polytag.data.pixels import open_image
from polytag.errors import DataError


def sentence(source):
    """Why it is refused; without taking 20 MB for that."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            open_image(source)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    return str(caught.value)


def heic():
    stream = BytesIO()
    pillow_heif.encode("RGB", (64, 48), picture().tobytes(), stream)
    return stream.getvalue()


def avif():
    return saved(picture(), "AVIF")


def forged(data, width, height):
    start = data.index(b"ispe") + 8
    return data[:start] + struct.pack(">II", width, height) + data[start + 8 :]


@pytest.mark.parametrize("write", [avif, heic])
@pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (2**32 - 1, 2**32 - 1), (16_384, 16_384)])
def test_a_size_in_the_container_that_is_too_large_is_refused_before_decoding(write, width, height):
    data = forged(write(), width, height)
    assert sentence(data) == f"the photo cannot be read: it has {width} x {height} pixels, more than 200,000,000"


def test_the_size_of_a_heic_is_found_behind_what_is_cut_out_and_behind_long_boxes():
    assert b"clap" in heic()  # 64 x 64 are coded for these 64 x 48, and only the latter are told
    box = struct.pack(">I4sQII", 1, b"ispe", 28, 0, 100_000) + struct.pack(">I", 100_000)
    parts = b"".join(struct.pack(">I4s", len(box) + 8 * n, kind) for n, kind in ((2, b"iprp"), (1, b"ipco")))
    meta = struct.pack(">I4sI", 12 + len(parts + box), b"meta", 0) + parts + box
    expected = "the photo cannot be read: it has 100000 x 100000 pixels, more than 200,000,000"
    assert sentence(heic() + struct.pack(">I4s", 8, b"free") + meta) == expected
    assert sentence(heic() + meta[:3] + b"\0" + meta[4:]) == expected  # a box of size 0 goes on to the end


def test_a_webp_canvas_that_no_photo_fills_is_refused():
    frames = [picture(), picture().rotate(180)]
    data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    assert data[24:30] == bytes([63, 0, 0, 47, 0, 0])
    assert sentence(data[:29] + b"\x10" + data[30:]) == (
        "the photo cannot be read: it has 64 x 1048624 pixels, where a WebP photo has at most 16,383 a side"
    )


@pytest.mark.parametrize("write", [avif, heic])
@pytest.mark.parametrize("share", [0.1, 0.6, 0.95])
def test_a_container_that_was_cut_short_is_refused(write, share, tmp_path):
    data = write()
    (tmp_path / "photo").write_bytes(data[: int(len(data) * share)])
    start = re.escape(f"{tmp_path}/photo cannot be read: it is damaged or cut short (")
    assert re.fullmatch(start + r"[^\n]+\)", sentence(tmp_path / "photo"))


@pytest.mark.parametrize("brands", [b"isom\0\0\0\0mp42", b"mif1\0\0\0\0miaf", b"crx \0\0\0\0isom", b""])
def test_a_container_of_something_else_is_no_photo(brands):
    data = (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands + bytes(100)
    assert sentence(data) == (
        "the photo cannot be read: it is not a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC photo"
    )


@pytest.mark.parametrize("missing", ["pillow_heif", "_pillow_heif"])
def test_heic_without_its_package_says_what_to_install(missing, monkeypatch, tmp_path):
    (tmp_path / "photo.heic").write_bytes(heic())
    for name in [name for name in sys.modules if name.partition(".")[0] == "pillow_heif"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert sentence(tmp_path / "photo.heic") == (
        f"{tmp_path}/photo.heic cannot be read: it is a HEIC photo, which needs pillow-heif; "
        'pip install "polytag[heif]"'
    )


def test_avif_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setattr(AvifImagePlugin, "SUPPORTED", False)
    assert sentence(avif()) == (
        "the photo cannot be read: it is an AVIF photo, which this build of Pillow cannot read; "
        "pip install --upgrade pillow"
    )


def test_a_file_that_is_too_long_is_refused_by_its_length_whatever_it_is(tmp_path, monkeypatch):
    path = tmp_path / "photo.jpg"
    path.write_bytes(saved(picture(), "JPEG"))
    os.truncate(path, 3_000_000_000)  # the rest takes no room on the disk
    assert sentence(path) == f"{path} cannot be read: it has 3,000,000,000 bytes, more than 1,000,000,000"
    path.write_bytes(bytes(1000))
    monkeypatch.setattr(formats, "MAX_BYTES", 999)
    assert sentence(path) == f"{path} cannot be read: it has 1,000 bytes, more than 999"
    assert sentence(bytes(1000)) == "the photo cannot be read: it has 1,000 bytes, more than 999"


def tiff(tags, big, count=None):
    """A directory of ``tag: (type, values, content)`` and nothing else; ``count`` is what it says of its length."""
    entries = b"".join(struct.pack("<HHQQ" if big else "<HHII", tag, *entry) for tag, entry in sorted(tags.items()))
    number = len(tags) if count is None else count
    if big:
        return b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, number) + entries + bytes(8)
    return b"II*\0" + struct.pack("<IH", 8, number) + entries + bytes(4)


def plain(width, height, **others):
    """The tags of one uncompressed 8-bit RGB strip that starts at byte 4096."""
    size = min(3 * width * height, 2**32 - 1)
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 2, 273: 4096, 277: 3, 278: height, 279: size}
    tags.update({int(name[1:]): value for name, value in others.items()})
    return {tag: value if isinstance(value, tuple) else (4, 1, value) for tag, value in tags.items()}


def sparse(path, data, size):
    path.write_bytes(data)
    os.truncate(path, size)
    return path


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_of_two_gigabytes_is_refused_by_its_header(big, tmp_path, monkeypatch):
    path = sparse(tmp_path / "photo.tif", tiff(plain(30_000, 24_000), big), 4096 + 3 * 30_000 * 24_000)
    assert sentence(path) == f"{path} cannot be read: it has 2,160,004,096 bytes, more than 1,000,000,000"
    monkeypatch.setattr(formats, "MAX_BYTES", 10**10)
    assert sentence(path) == f"{path} cannot be read: it has 30000 x 24000 pixels, more than 200,000,000"


@pytest.mark.parametrize("big", [False, True])
def test_a_tiff_of_few_pixels_in_a_long_file_is_read_where_they_are(big, tmp_path):
    path = sparse(tmp_path / "photo.tif", tiff(plain(100, 80), big), MAX_BYTES)
    tracemalloc.start()
    np.testing.assert_array_equal(open_image(path), np.zeros((80, 100, 3), np.uint8))
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("tag", [273, 324])
def test_a_tiff_of_a_million_strips_or_tiles_is_refused(big, tag, tmp_path):
    strips = {f"_{tag}": (4, 1_000_000, 4096), "_279": (4, 1_000_000, 4096), "_278": 1}
    path = sparse(tmp_path / "photo.tif", tiff(plain(100, 100, **strips), big), 9_000_000)
    assert sentence(path) == (
        f"{path} cannot be read: it has 1,000,000 strips or tiles, more than 20,000; save it with larger ones"
    )


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_tiff_whose_strips_do_not_reach_its_last_row_is_damaged(orientation):
    data = tiff(plain(10, 80, _274=orientation, _278=60), False).ljust(4096, b"\0") + bytes(3 * 10 * 80)
    assert sentence(data) == ("the photo cannot be read: it is damaged or cut short (its strips hold 60 of 80 rows)")
    whole = data.replace(struct.pack("<HHII", 278, 4, 1, 60), struct.pack("<HHII", 278, 4, 1, 2**32 - 1))
    assert open_image(whole).shape == ((80, 10, 3) if orientation == 1 else (10, 80, 3))


def test_as_many_strips_as_the_largest_camera_has_rows_are_fine():
    assert MAX_STRIPS >= 16_320
    image = picture(200, 3)
    for options in ({}, {"compression": "tiff_lzw"}):
        data = saved(image, "TIFF", tiffinfo={278: 1}, strip_size=1, **options)
        np.testing.assert_array_equal(open_image(data), np.asarray(image))


@pytest.mark.parametrize("count", [MAX_TAGS + 1, 5_000_000, 2**64 - 1])
def test_a_bigtiff_with_more_tags_than_a_tiff_could_have_is_refused(count, tmp_path):
    path = sparse(tmp_path / "photo.tif", tiff({}, True, count), 100_000_000)
    assert sentence(path) == f"{path} cannot be read: it has {count:,} TIFF tags, more than 65,535"


@pytest.mark.parametrize("place", [2**32 - 1, 3])
def test_a_tiff_whose_directory_lies_elsewhere_is_damaged(place):
    data = tiff(plain(4, 4), False)
    damaged = data[:4] + struct.pack("<I", place) + data[8:]
    assert sentence(damaged).startswith("the photo cannot be read: it is damaged or cut short (")
    assert sentence(b"II+\0" + bytes(3)).startswith("the photo cannot be read: it is damaged or cut short (")


@pytest.mark.parametrize("claim", [2**32 - 1, 10**9])
def test_a_tag_that_claims_more_than_the_file_has_takes_no_memory(claim):
    data = tiff(plain(100, 100, _279=(4, claim, 8), _34675=(7, claim, 8)), False)
    assert sentence(data).startswith("the photo cannot be read: it is damaged or cut short (")
