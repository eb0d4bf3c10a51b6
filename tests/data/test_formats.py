"""What ``open_image`` promises of AVIF and HEIC, of several frames and of colour profiles."""

import subprocess
import sys
from base64 import b64decode
from io import BytesIO

import numpy as np
import pillow_heif
import pytest
from pictures import CORNERS, picture, saved, turned
from PIL import Image, ImageCms, ImageOps

from polytag.data import formats, pixels
from polytag.data.pixels import open_image


def heic(image, mode=None, content=None, **options):
    stream = BytesIO()
    content = image.tobytes() if content is None else content
    pillow_heif.encode(mode or image.mode, image.size, content, stream, **{"quality": 95, "chroma": 444, **options})
    return stream.getvalue()


def avif(image, **options):
    return saved(image, "AVIF", **{"quality": 95, "subsampling": "4:4:4", **options})


def difference(array, image):
    assert array.shape == (image.height, image.width, 3)
    assert array.dtype == np.uint8
    assert array.flags.c_contiguous
    assert array.flags.writeable
    return np.abs(array.astype(int) - np.asarray(image)).max()


@pytest.mark.parametrize("write", [avif, heic])
def test_avif_and_heic_come_close_from_a_file_of_any_name_and_from_bytes(write, tmp_path):
    data = write(picture())
    (tmp_path / "photo.jpg").write_bytes(data)
    for source in (data, tmp_path / "photo.jpg"):
        assert difference(open_image(source), picture()) <= 6


@pytest.mark.parametrize("write", [avif, heic])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_the_container_is_applied_once(write, orientation):
    """Both writers say it there; pillow-heif leaves it in the EXIF block too, as phones do."""
    data = write(picture(), exif=turned(orientation).tobytes())
    assert (b"irot" in data or b"imir" in data) == (orientation > 1)
    expected = ImageOps.exif_transpose(Image.open(BytesIO(saved(picture(), "PNG", exif=turned(orientation)))))
    assert difference(open_image(data), expected) <= 6


@pytest.mark.parametrize("write", [avif, heic])
def test_where_the_container_turns_nothing_other_words_do_not_either(write):
    exif = turned(6)
    exif[0x010F] = "a maker"
    data = write(picture(), exif=exif.tobytes(), xmp=b'<rdf:Description tiff:Orientation="6"/>')
    turn = data.index(b"irot") + 4
    kept = data[:turn] + b"\0" + data[turn + 1 :]
    assert difference(open_image(data), picture().transpose(Image.Transpose.ROTATE_270)) <= 6
    assert difference(open_image(kept), picture()) <= 6


@pytest.mark.parametrize("write", [avif, heic])
def test_damaged_exif_in_the_container_costs_neither_the_photo_nor_its_orientation(write):
    exif = turned(6)
    exif[0x010F] = "a maker"
    data = write(picture(), exif=exif.tobytes())
    start = max(data.find(b"II*\0"), data.find(b"MM\0*"))
    damaged = data[:start] + b"what" + data[start + 4 :]
    np.testing.assert_array_equal(open_image(damaged), open_image(data))


@pytest.mark.parametrize("write", [avif, heic])
def test_transparent_parts_of_avif_and_heic_show_white(write):
    image = Image.new("RGBA", (64, 64), (200, 0, 100, 51))
    assert difference(open_image(write(image)), Image.new("RGB", (64, 64), (244, 204, 224))) <= 2


def test_premultiplied_alpha_is_undone_first():
    image = Image.new("RGBA", (64, 64), (200, 0, 100, 51))
    expected = Image.new("RGB", (64, 64), (244, 204, 224))
    assert difference(open_image(avif(image, alpha_premultiplied=True)), expected) <= 3
    content = Image.new("RGBA", (64, 64), (40, 0, 20, 51)).tobytes()
    assert difference(open_image(heic(image, "RGBa", content)), expected) <= 3


@pytest.mark.parametrize("write", [avif, heic])
def test_grey_avif_and_heic_have_three_equal_channels(write):
    assert difference(open_image(write(Image.new("L", (64, 64), 77))), Image.new("RGB", (64, 64), (77, 77, 77))) <= 1


def test_ten_bits_of_heic_become_eight():
    content = (np.asarray(picture()).astype(np.uint16) * 257).tobytes()
    assert difference(open_image(heic(picture(), "RGB;16", content)), picture()) <= 4
    grey = picture().convert("L")
    content = (np.asarray(grey).astype(np.uint16) * 257).tobytes()
    assert difference(open_image(heic(grey, "I;16", content)), grey.convert("RGB")) <= 4


# 16 x 16, left (1023, 0, 512), right (100, 900, 300) of 1023, lossless; written once with imagecodecs.avif_encode.
TEN_BITS = (
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcGl0"
    "bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAIAAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBy"
    "cAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAEAAAABAAAAAQcGl4aQAAAAADCgoKAAAADGF2MUOBIEAAAAAAE2NvbHJuY2x4AAIAAgAAgAAAABdpcG1h"
    "AAAAAAAAAAEAAQQBAoMEAAAAKG1kYXQSAAoIOAz/+cCAgCQyEkQAAIbDNLpcrYFjKPBLZ6XoqQ=="
)


def test_ten_bits_of_avif_become_eight():
    array = open_image(b64decode(TEN_BITS))
    assert array[0, 0].tolist() == [255, 0, 128]  # 512 * 255 / 1023 is 127.6
    assert array[15, 15].tolist() == [25, 224, 75]
    assert array.shape == (16, 16, 3)


def test_a_heic_in_tiles_is_put_together_and_its_padding_cut_off():
    image = picture(200, 300)
    data = heic(image, tile_size=64)
    assert b"grid" in data
    assert difference(open_image(data), image) <= 8


def test_of_several_pictures_in_a_heic_the_primary_one_is_taken():
    several = pillow_heif.HeifFile()
    for colour in ("red", "blue", "lime"):
        several.add_from_pillow(Image.new("RGB", (64, 64), colour))
    stream = BytesIO()
    several.save(stream, primary_index=1)
    assert difference(open_image(stream.getvalue()), Image.new("RGB", (64, 64), "blue")) <= 3


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("GIF", {}),
        ("WEBP", {}),
        ("PNG", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"big_tiff": True}),
        ("MPO", {}),
        ("AVIF", {}),
    ],
)
def test_of_three_frames_or_pages_the_first_is_taken(form, options):
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue", "lime")]
    data = saved(frames[0], form, save_all=True, append_images=frames[1:], **options)
    assert Image.open(BytesIO(data)).n_frames == 3
    assert difference(open_image(data), frames[0]) <= 2


def test_the_still_picture_of_an_animated_png_is_taken():
    frames = [Image.new("RGB", (64, 48), colour) for colour in ("red", "blue", "lime")]
    data = saved(frames[0], "PNG", save_all=True, append_images=frames[1:], default_image=True)
    assert difference(open_image(data), frames[0]) == 0


@pytest.mark.parametrize(
    ("brands", "kind"),
    [
        (b"avif mif1 miaf", "avif"),
        (b"avis avif msf1", "avif"),
        (b"mif1 miaf avif", "avif"),
        (b"mif1 avif heic", "avif"),
        (b"heic mif1", "heic"),
        (b"heix mif1 heic", "heic"),
        (b"hevc msf1 heic", "heic"),
        (b"heim mif1 heic", "heic"),
        (b"heis mif1 heic", "heic"),
        (b"mif1 heic", "heic"),
        (b"msf1 heic", "heic"),
        (b"MiHE mif1 heix", "heic"),
    ],
)
def test_the_brands_of_the_container_tell_avif_from_heic(brands, kind, monkeypatch):
    major, *others = brands.split()
    head = (16 + 4 * len(others)).to_bytes(4, "big") + b"ftyp" + major + bytes(4) + b"".join(others)
    for name in ("avif", "heic"):
        monkeypatch.setattr(formats, f"_open_{name}", name)
    assert formats._by_brand(head + b"\0\0\0\x08metaavifheic") == kind
    assert formats._by_brand(head[:4] + b"flyp" + head[8:]) is None


def profiles():
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    return {"of another space": wide, "broken": b"what is this", "of 20 MB": bytes(20_000_000)}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIC"])
@pytest.mark.parametrize("kind", profiles())
def test_a_colour_profile_changes_nothing(form, kind):
    def write(**options):
        return heic(picture(), **options) if form == "HEIC" else saved(picture(), form, **options)

    np.testing.assert_array_equal(open_image(write(icc_profile=profiles()[kind])), open_image(write()))


@pytest.mark.parametrize("kind", profiles())
def test_a_colour_profile_changes_nothing_in_a_cmyk_jpeg(kind):
    image = picture().convert("CMYK")
    with_profile = saved(image, "JPEG", icc_profile=profiles()[kind])
    np.testing.assert_array_equal(open_image(with_profile), open_image(saved(image, "JPEG")))


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pixels_do_not_depend_on_the_bands_they_are_copied_in(mode, monkeypatch):
    data = saved(picture().convert(mode), "PNG", exif=turned(5))
    whole = open_image(data)
    for size in (1, 48, 49, 48 * 7, 48 * 63):
        monkeypatch.setattr(pixels, "_BAND_PIXELS", size)
        array = open_image(data)
        np.testing.assert_array_equal(array, whole)
        assert array.flags.c_contiguous
        assert array.flags.writeable


def test_reading_registers_no_format_with_pillow_and_loads_decoders_when_they_are_needed(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(saved(Image.fromarray(CORNERS), "JPEG"))
    (tmp_path / "photo.heic").write_bytes(heic(picture()))
    program = f"""
import sys
from PIL import Image
from polytag.data.pixels import open_image
open_image({str(tmp_path / "photo.jpg")!r})
assert not {{"pillow_heif", "PIL.AvifImagePlugin"}} & set(sys.modules)
open_image({str(tmp_path / "photo.heic")!r})
assert "HEIF" not in Image.OPEN
"""
    subprocess.run([sys.executable, "-c", program], check=True)
