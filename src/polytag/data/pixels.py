"""From a file to pixels: the one way in for training, evaluation and export. Needs Pillow and numpy only."""

import os
import re
import stat
import struct
import zlib
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from polytag._checks import check_number
from polytag.data.formats import MAX_PIXELS, RefusedError, open_format
from polytag.errors import DataError

# Usual progressive JPEGs have 10 or so. A small file can repeat a scan thousands of times, each a pass over all pixels.
MAX_SCANS = 100

# Pillow copies pixels twice on their way to an array. In bands of this size that takes little memory.
_BAND_PIXELS = 4_000_000

# What Pillow's own fuzzing allows, and what else its readers may raise on damaged files. Its warnings, about the odd
# metadata of readable photos, arrive here only where the user turned them into errors.
_FAILURES = (
    OSError,
    ValueError,
    SyntaxError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Warning,
)

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_JPEG_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]", re.DOTALL)  # those that a length follows, and the end
_JPEG_SCAN, _JPEG_END = b"\xff\xda", b"\xff\xd9"


def open_image(source: Path | str | bytes, at_least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Decode a photo the way it is meant to be looked at.

    JPEG (MPO included), PNG, WebP, GIF, BMP, TIFF, AVIF and, with ``pip install "polytag[heif]"``, HEIC, told apart by
    their first bytes; of several frames or pages the first, of several pictures in a HEIC file the primary one. The
    orientation is applied: of AVIF and HEIC what the container says, whatever else their EXIF block may say, of the
    others that of EXIF, ignored where the EXIF block itself cannot be parsed. Transparent parts show white. 16-bit grey
    is divided by 257, whatever part of its range it uses (12-bit TIFF by 4095 / 255), and inverted where a TIFF says
    that 0 is white. 16-bit colour, CMYK, YCbCr and LAB are converted by Pillow, the 10 and 12 bits of AVIF and HEIC by
    their decoders. Embedded colour profiles are ignored, as torchvision and timm ignore them: pretrained weights have
    seen photos that way.

    Args:
        source: a file, or its content.
        at_least: ``(height, width)``; lets a JPEG be decoded at 1/2, 1/4 or 1/8 of its size as long as neither side
            (after orientation) falls below this. Two to three times as fast, other pixels: for training only.

    Returns:
        ``(height, width, 3)`` RGB in 0..255, contiguous, the caller's to change.

    Raises:
        DataError: if the source is missing, empty, no photo of these formats, damaged, cut short, of more than
            ``MAX_BYTES`` bytes, ``MAX_PIXELS`` pixels, ``MAX_SCANS`` JPEG scans or (uncompressed) ``MAX_STRIPS`` TIFF
            strips, or made of signed or 32-bit numbers, whose range is open.
        OptionError: if ``at_least`` is below 1.
    """
    if at_least is not None:
        check_number("each side of at_least", min(at_least), 1, float("inf"))
    try:
        with BytesIO(source) if isinstance(source, bytes) else _open_file(source) as stream:
            return _decode(stream, at_least)
    except (RefusedError, *_FAILURES) as error:
        raise DataError(f"{_shown(source)} cannot be read: {_reason(error)}") from error


def _open_file(path: Path | str) -> BinaryIO:
    if not stat.S_ISREG(os.stat(path).st_mode):  # opening a pipe would wait for ever
        raise RefusedError("it is a folder or a device, not a file")
    return open(path, "rb")


def _decode(stream: BinaryIO, at_least: tuple[int, int] | None) -> NDArray[np.uint8]:
    length = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    image = open_format(stream, length)
    if isinstance(image, JpegImageFile):
        _prepare_jpeg(image, stream, at_least)
    image.load()
    rgb = _to_rgb(image)
    turn = _TURNS.get(_orientation(image))
    return _to_array(rgb if turn is None else rgb.transpose(turn))  # (height, width, 3)


def _prepare_jpeg(image: JpegImageFile, stream: BinaryIO, at_least: tuple[int, int] | None) -> None:
    position = stream.tell()
    stream.seek(0)
    if _too_many_scans(stream.read(), image.layers, "progressive" in image.info):
        raise RefusedError(f"it has more than {MAX_SCANS} JPEG scans")
    stream.seek(position)
    if at_least is not None:
        height, width = at_least[::-1] if _orientation(image) >= 5 else at_least
        image.draft(None, (width, height))


def _too_many_scans(jpeg: bytes, channels: int, progressive: bool) -> bool:
    scans, position = 0, 2
    while scans <= MAX_SCANS:
        marker = _JPEG_MARKER.search(jpeg, position)  # segments are jumped over, so scans of thumbnails do not count
        if marker is None or marker[0] == _JPEG_END:
            return False
        if marker[0] == _JPEG_SCAN:
            if not progressive and scans == 0 and jpeg[marker.end() + 2] == channels:
                return False  # one scan holds all channels, as in most files; the decoder refuses a second
            scans += 1
        position = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
    return True


def _orientation(image: ImageFile) -> int:
    """1 to 8 as EXIF numbers them; 1 where nothing sensible is said. TIFF files are turned by Pillow while loading."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except _FAILURES:
        return 1  # the EXIF block is damaged, the pixels are not
    return value if isinstance(value, int) and value in _TURNS else 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F"):
        raise RefusedError("its pixels are 32-bit or signed numbers without a fixed range; save it with 8 or 16 bits")
    if image.mode.startswith("I;16"):
        image = _from_16_bits(image)
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        layer, image = image.convert("RGBA"), Image.new("RGB", image.size, "white")
        image.paste(layer, mask=layer)
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_16_bits(image: Image.Image) -> Image.Image:
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    values, top = np.asarray(image).astype(np.uint32), 2 ** tags.get(ExifTags.Base.BitsPerSample, (16,))[0] - 1
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:  # 0 is white; Pillow turns 8 bits alone
        values = top - values
    grey = ((values * 255 + top // 2) // top).astype(np.uint8)
    grey[values == image.info.get("transparency", -1)] = 255  # the one grey that a PNG may declare transparent
    return Image.fromarray(grey)


def _to_array(image: Image.Image) -> NDArray[np.uint8]:
    rows = max(1, _BAND_PIXELS // max(1, image.width))
    if image.height <= rows:
        return np.array(image)
    pixels = np.empty((image.height, image.width, 3), np.uint8)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        pixels[top : top + rows] = np.asarray(band)
    return pixels


def _shown(source: Path | str | bytes) -> str:
    if isinstance(source, bytes):
        return "the photo"
    name = str(source)
    return name if name.isprintable() else repr(name)


def _reason(error: BaseException) -> str:
    if isinstance(error, RefusedError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, MemoryError):
        return "there is not enough memory for its pixels"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"it has more than {MAX_PIXELS:,} pixels"
    return f"it is damaged or cut short ({' '.join(str(error).split()) or type(error).__name__})"
