"""The formats of photos, told apart by their first bytes, and what of a header is refused before it costs anything."""

import math
import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, BinaryIO

from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import jpeg_factory
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import PREFIXES, TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

# The largest phone cameras make 16,320 x 12,240; decoded, that is 600 MB.
MAX_PIXELS = 200_000_000
# Most readers hold the whole file in memory. A TIFF of a 150-megapixel camera with 16 bits a channel has 910 MB.
MAX_BYTES = 1_000_000_000
# Pillow takes 0.1 ms for each part of an uncompressed TIFF, however small. 16,320 rows, each a strip, are fine.
MAX_STRIPS = 20_000
# A directory of an ordinary TIFF cannot have more, one of a BigTIFF could have billions.
MAX_TAGS = 65_535
# Pillow reads each segment of a JPEG, and each byte of junk between them, by itself. Some files have hundreds.
MAX_READS = 100_000

_TIFF_HEIGHT, _TIFF_COMPRESSION, _TIFF_STRIPS, _TIFF_TILES = 257, 259, 273, 324
_WEBP_SIDE = 16_383
_PNG = b"\x89PNG\r\n\x1a\n"
_AVIF = (b"avif", b"avis")
_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs")


class RefusedError(Exception):
    """A reason of our own not to read a photo: half a sentence that follows its name and a colon."""


def open_format(stream: BinaryIO, length: int) -> ImageFile:
    """The photo in ``stream``, its header read, its pixels not.

    Image.open is not used: it warns about large photos, and warnings cannot be silenced for one thread only; it would
    also consider every format that some other library registered.

    Args:
        stream: the content, from its start; stays open.
        length: bytes in ``stream``.

    Raises:
        RefusedError: if it is empty or too long, of no known format, or says that it has too many pixels.
        Exception: many kinds, from Pillow's readers, for damaged files.
    """
    if not length:
        raise RefusedError("it is empty")
    if length > MAX_BYTES:
        raise RefusedError(f"it has {length:,} bytes, more than {MAX_BYTES:,}")
    start = stream.read(256)
    stream.seek(0)
    reader = next((reader for prefix, reader in _READERS if start.startswith(prefix)), None) or _by_brand(start)
    if reader is None:
        raise RefusedError("it is not a JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC photo")
    if start[8:16] == b"WEBPVP8X":
        _check_canvas(1 + int.from_bytes(start[24:27], "little"), 1 + int.from_bytes(start[27:30], "little"))
    image = reader(stream)
    check_size(image.width, image.height)
    return image


def check_size(width: int, height: int) -> None:
    """Refuse more than ``MAX_PIXELS`` pixels."""
    if width * height > MAX_PIXELS:
        raise RefusedError(f"it has {width} x {height} pixels, more than {MAX_PIXELS:,}")


def _check_canvas(width: int, height: int) -> None:
    # Here some versions of Pillow take the memory before they tell the size, and all take 16 bytes for a pixel.
    check_size(width, height)
    if max(width, height) > _WEBP_SIDE:
        raise RefusedError(f"it has {width} x {height} pixels, where a WebP photo has at most {_WEBP_SIDE:,} a side")


def _by_brand(start: bytes) -> Callable[[BinaryIO], ImageFile] | None:
    if start[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(start[:4], "big"), len(start))
    brands = [start[8:12], *(start[place : place + 4] for place in range(16, end - 3, 4))]  # "mif1" can be either
    first = next((brand for brand in brands if brand in _AVIF + _HEIC), b"")
    return _open_avif if first in _AVIF else _open_heic if first in _HEIC else None


def _open_avif(stream: BinaryIO) -> ImageFile:
    from PIL import AvifImagePlugin  # loads libavif, which few need

    if not AvifImagePlugin.SUPPORTED:
        raise RefusedError("it is an AVIF photo, which this build of Pillow cannot read; pip install --upgrade pillow")
    content = bytearray(_with_sizes_checked(stream))
    # How to turn it, only the container says. So EXIF and XMP are hidden: the decoder refuses a photo for damage there.
    for start, end in _boxes(content, (b"meta", b"iinf", b"infe"), 0, len(content)):
        content[start:end] = content[start:end].replace(b"Exif", b"none", 1).replace(b"mime", b"none", 1)
    return AvifImagePlugin.AvifImageFile(BytesIO(content))


def _open_heic(stream: BinaryIO) -> ImageFile:
    try:
        from pillow_heif import HeifImageFile  # its import registers nothing with Pillow

        image: ImageFile = HeifImageFile(BytesIO(_with_sizes_checked(stream)))  # type: ignore[no-untyped-call]
    except ImportError as error:
        raise RefusedError('it is a HEIC photo, which needs pillow-heif; pip install "polytag[heif]"') from error
    for name in ("exif", "xmp"):  # libheif turns it already, as the container says
        image.info.pop(name, None)
    return image


def _with_sizes_checked(stream: BinaryIO) -> bytes:
    """The content, once no size in it is too large: libheif would tell that of the part which is cut out, at most."""
    content = stream.read()
    for start, end in _boxes(content, (b"meta", b"iprp", b"ipco", b"ispe"), 0, len(content)):
        if end - start >= 12:
            check_size(*struct.unpack_from(">II", content, start + 4))
    return content


def _boxes(content: bytes | bytearray, path: tuple[bytes, ...], start: int, end: int) -> Iterator[tuple[int, int]]:
    """First byte and end of the bodies of all boxes at ``path``, between two bytes."""
    while start + 8 <= end:
        size, body = int.from_bytes(content[start : start + 4], "big"), start + 8
        if size == 1:  # it follows, longer
            size, body = int.from_bytes(content[body : body + 8], "big"), start + 16
        stop = min(start + size, end) if size else end
        if stop < body:  # this is no box, so nobody knows where the next one is
            return
        kind = bytes(content[start + 4 : start + 8])
        if kind == path[0] and len(path) == 1:
            yield body, stop
        elif kind == path[0]:
            skipped = {b"meta": 4, b"iinf": 8 if content[body : body + 1] > b"\0" else 6}.get(kind, 0)
            yield from _boxes(content, path[1:], body + skipped, stop)
        start = stop


def _open_png(stream: BinaryIO) -> ImageFile:
    return PngImageFile(_without_profile(stream))


def _without_profile(stream: BinaryIO) -> BinaryIO:
    """The same PNG, or a copy without its colour profile: Pillow refuses those of more than a megabyte."""
    place = len(_PNG)
    while True:
        stream.seek(place)
        length, kind = struct.unpack(">I4s", stream.read(8).ljust(8, b"\0"))
        if kind == b"iCCP":
            stream.seek(0)
            content = stream.read()
            return BytesIO(content[:place] + content[place + 12 + length :])
        if kind in (b"IDAT", b"IEND", b"\0\0\0\0"):  # a profile comes before the pixels
            stream.seek(0)
            return stream
        place += 12 + length


def _open_tiff(stream: BinaryIO) -> ImageFile:
    _check_tiff(stream)
    stream.seek(0)
    image = TiffImageFile(stream)
    rows = image.tag_v2[_TIFF_HEIGHT]
    filled = max((tile.extents[3] if tile.extents else rows for tile in image.tile), default=0)
    if filled < rows:  # Pillow would leave the others black
        raise RefusedError(f"it is damaged or cut short (its strips hold {filled} of {rows} rows)")
    return image


def _check_tiff(stream: BinaryIO) -> None:
    start = stream.read(16)
    if len(start) < 16:  # Pillow says what is wrong
        return
    order = "<" if start[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", start, 2)[0] == 43
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    stream.seek(min(struct.unpack_from(order + ("Q" if big else "I"), start, 8 if big else 4)[0], MAX_BYTES))
    count = int.from_bytes(stream.read(8 if big else 2), "little" if order == "<" else "big")
    if count > MAX_TAGS:
        raise RefusedError(f"it has {count:,} TIFF tags, more than {MAX_TAGS:,}")
    directory = stream.read(count * entry.size)
    parts, compressed = 0, False
    for tag, _, values, data in entry.iter_unpack(directory[: len(directory) // entry.size * entry.size]):
        if tag in (_TIFF_STRIPS, _TIFF_TILES):
            parts = max(parts, values)
        elif tag == _TIFF_COMPRESSION:
            compressed = struct.unpack_from(order + "H", data)[0] != 1
    if parts > MAX_STRIPS and not compressed:
        raise RefusedError(f"it has {parts:,} strips or tiles, more than {MAX_STRIPS:,}; save it with larger ones")


class _Patience:
    """A stream that is read from so many times, and no more, while its header is read."""

    def __init__(self, stream: BinaryIO, times: float) -> None:
        self.stream, self.left = stream, times

    def read(self, size: int = -1) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise RefusedError(f"it has too much before its picture, over {MAX_READS:,} pieces")
        return self.stream.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def _open_jpeg(stream: BinaryIO) -> ImageFile:
    patience = _Patience(stream, MAX_READS)
    image = jpeg_factory(patience)  # type: ignore[arg-type]
    patience.left = math.inf  # the picture itself is read in blocks
    return image


_READERS: tuple[tuple[bytes, Callable[[BinaryIO], ImageFile]], ...] = (
    (b"\xff\xd8\xff", _open_jpeg),  # MPO too: its first picture is an ordinary JPEG
    (_PNG, _open_png),
    (b"RIFF", WebPImageFile),
    (b"GIF8", GifImageFile),
    (b"BM", BmpImageFile),
    *((prefix, _open_tiff) for prefix in PREFIXES),
)
