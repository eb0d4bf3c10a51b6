"""What ``open_image`` promises of photos: every kind comes out as a viewer shows it."""

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from pictures import CORNERS, picture, png, saved, tiff, turned
from PIL import Image, ImageOps

from polytag.data.pixels import open_image


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"big_tiff": True}),
    ],
)
def test_lossless_formats_give_back_the_very_pixels_from_a_file_and_from_bytes(form, options, tmp_path):
    data = saved(Image.fromarray(CORNERS), form, **options)
    (tmp_path / "photo").write_bytes(data)
    for source in (data, tmp_path / "photo", str(tmp_path / "photo")):
        array = open_image(source)
        assert array.dtype == np.uint8
        assert array.flags.c_contiguous
        assert array.flags.writeable
        np.testing.assert_array_equal(array, CORNERS)


def test_gif_keeps_its_palette_colours():
    np.testing.assert_array_equal(open_image(saved(Image.fromarray(CORNERS).quantize(4), "GIF")), CORNERS)


@pytest.mark.parametrize(("form", "options"), [("JPEG", {}), ("JPEG", {"progressive": True}), ("WEBP", {})])
def test_lossy_formats_come_close(form, options):
    array = open_image(saved(picture(), form, quality=95, **options))
    assert np.abs(array.astype(int) - np.asarray(picture())).max() <= 12


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "TIFF", "MPO"])
def test_of_several_frames_the_first_is_taken(form):
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    data = saved(frames[0], form, save_all=True, append_images=frames[1:])
    assert np.abs(open_image(data)[8, 8].astype(int) - [255, 0, 0]).max() <= 2


@pytest.mark.parametrize(
    ("mode", "colour", "form", "expected"),
    [
        ("1", 1, "PNG", (255, 255, 255)),
        ("1", 0, "TIFF", (0, 0, 0)),
        ("L", 77, "PNG", (77, 77, 77)),
        ("L", 77, "TIFF", (77, 77, 77)),
        ("LA", (100, 255), "PNG", (100, 100, 100)),
        ("LA", (100, 51), "PNG", (224, 224, 224)),  # 100 * 0.2 + 255 * 0.8
        ("LA", (100, 51), "TIFF", (224, 224, 224)),
        ("RGBA", (200, 0, 100, 0), "PNG", (255, 255, 255)),
        ("RGBA", (200, 0, 100, 51), "PNG", (244, 204, 224)),
        ("RGBA", (200, 0, 100, 255), "TIFF", (200, 0, 100)),
        ("CMYK", (0, 255, 255, 0), "TIFF", (255, 0, 0)),
        ("CMYK", (0, 0, 0, 255), "TIFF", (0, 0, 0)),
        ("I;16", 77 * 257, "PNG", (77, 77, 77)),
        ("I;16", 65535, "PNG", (255, 255, 255)),
        ("I;16", 128, "PNG", (0, 0, 0)),
        ("I;16", 129, "PNG", (1, 1, 1)),  # 129 / 257 is above a half
        ("I;16", 77 * 257, "TIFF", (77, 77, 77)),
        ("I;16B", 77 * 257, "TIFF", (77, 77, 77)),
    ],
)
def test_every_mode_becomes_rgb_and_transparent_parts_show_white(mode, colour, form, expected):
    assert open_image(saved(Image.new(mode, (2, 3), colour), form)).tolist() == [[list(expected)] * 2] * 3


@pytest.mark.parametrize(
    ("mode", "transparent", "expected"), [("L", 30, 255), ("I;16", 30 * 257, 255), ("L", 31, 30), ("1", 0, 255)]
)
def test_a_grey_that_png_declares_transparent_is_white(mode, transparent, expected):
    image = Image.new(mode, (1, 1), {"L": 30, "I;16": 30 * 257, "1": 0}[mode])
    assert open_image(saved(image, "PNG", transparency=transparent)).tolist() == [[[expected] * 3]]


@pytest.mark.parametrize(("bits", "dtype"), [(8, "<u1"), (16, "<u2")])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_grey_tiffs_may_begin_with_white(bits, dtype, white_is_zero):
    top = 2**bits - 1
    values = np.array([0, top // 255 * 77, top])
    data = (top - values if white_is_zero else values).astype(dtype).tobytes()
    array = open_image(tiff(bits, 3, 1, data, white_is_zero=white_is_zero))
    assert array[0, :, 0].tolist() == [0, 77, 255]


def test_a_colour_that_png_declares_transparent_is_white():
    array = open_image(saved(Image.fromarray(CORNERS), "PNG", transparency=(0, 255, 0)))
    assert array[0].tolist() == [[255, 0, 0], [255, 255, 255]]


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(form):
    image = Image.fromarray(CORNERS).quantize(4)
    array = open_image(saved(image, form, transparency=image.getpixel((1, 0))))
    assert array.tolist() == [[[255, 0, 0], [255, 255, 255]], CORNERS[1].tolist()]


def test_half_transparent_palette_entries_are_mixed_with_white():
    image = Image.new("P", (1, 1), 0)
    image.putpalette([100, 200, 0])
    assert open_image(saved(image, "PNG", transparency=bytes([51]))).tolist() == [[[224, 244, 204]]]


def test_a_palette_with_alpha_channel_is_mixed_with_white():
    image = Image.new("RGBA", (2, 2), (255, 0, 0, 51)).convert("PA")
    assert open_image(saved(image, "TIFF"))[0, 0].tolist() == [255, 204, 204]


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_colour_spaces_of_tiff_come_back_nearly_the_same(mode):
    muted = Image.blend(picture(), Image.new("RGB", (64, 48), "grey"), 0.5)  # within what 8-bit LAB can say
    array = open_image(saved(muted.convert(mode), "TIFF", compression="tiff_lzw"))
    assert np.abs(array.astype(int) - np.asarray(muted)).max() <= 6


def test_cmyk_jpeg_of_adobe_kind_is_not_inverted():
    array = open_image(saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG"))
    assert np.abs(array.astype(int) - [255, 0, 0]).max() <= 3


def test_16_bit_colour_keeps_its_high_bytes():
    row = b"\0" + struct.pack(">6H", 0, 0x1234, 0xFFFF, 0x8000, 0x00FF, 0xAB00)
    assert open_image(png(2, 1, 16, 2, zlib.compress(row))).tolist() == [[[0, 0x12, 0xFF], [0x80, 0, 0xAB]]]


def test_12_bit_tiff_is_scaled_by_its_own_range():
    assert open_image(tiff(12, 2, 1, b"\xff\xf8\x00"))[0, :, 0].tolist() == [255, 128]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_applied_as_pillow_does(form, orientation):
    data = saved(picture(), form, exif=turned(orientation))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(data))))
    np.testing.assert_array_equal(open_image(data), expected)


def test_orientation_6_puts_the_lower_left_corner_first():
    array = open_image(saved(Image.fromarray(CORNERS), "PNG", exif=turned(6)))
    assert array.tolist() == [[CORNERS[1, 0].tolist(), CORNERS[0, 0].tolist()], CORNERS[:, 1][::-1].tolist()]


@pytest.mark.parametrize("exif", [b"Exif\0\0what is this", b"Exif\0\0", b"?", turned(9).tobytes(), turned(0).tobytes()])
def test_a_senseless_exif_block_turns_nothing(exif):
    np.testing.assert_array_equal(open_image(saved(Image.fromarray(CORNERS), "PNG", exif=exif)), CORNERS)
    data = saved(picture(), "JPEG", exif=exif, dpi=(72, 72))
    np.testing.assert_array_equal(open_image(data), open_image(saved(picture(), "JPEG")))


@pytest.mark.parametrize(
    ("orientation", "at_least", "expected"),
    [
        (1, (100, 100), (150, 200)),
        (1, (37, 50), (38, 50)),
        (1, (38, 50), (75, 100)),  # 300 / 8 is 37.5
        (1, (151, 10), (300, 400)),
        (1, (1000, 1000), (300, 400)),
        (6, (200, 100), (200, 150)),  # 400 high and 300 wide once turned
        (6, (100, 200), (400, 300)),
    ],
)
def test_at_least_allows_a_smaller_jpeg_but_never_a_side_below_it(orientation, at_least, expected):
    data = saved(picture(300, 400), "JPEG", exif=turned(orientation))
    assert open_image(data, at_least).shape == (*expected, 3)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_smaller_jpeg_shows_the_same_picture(mode):
    data = saved(picture(300, 400).convert(mode), "JPEG", quality=95)
    small = Image.fromarray(open_image(data)).resize((50, 38), Image.Resampling.BOX)
    assert np.abs(open_image(data, (30, 30)).astype(int) - np.asarray(small)).max() <= 8


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_at_least_changes_nothing_for_other_formats(form):
    data = saved(picture(), form)
    np.testing.assert_array_equal(open_image(data, (8, 8)), open_image(data))
