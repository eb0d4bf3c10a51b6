"""Small image files for tests, made as they are needed."""

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

ORIENTATION = 0x0112
CORNERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [250, 240, 10]]], np.uint8)  # red, green, blue, yellow


def saved(image, form, **options):
    stream = BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def picture(height=48, width=64):
    """Smooth colours that tell all four corners apart."""
    return Image.fromarray(CORNERS).resize((width, height), Image.Resampling.BILINEAR)


def turned(orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return exif


def tiff(bits, width, height, data, sample_format=1, white_is_zero=False):
    """A little-endian, uncompressed, grey TIFF of one strip."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(data)}
    tags[262], tags[339] = int(not white_is_zero), sample_format
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data += b"\0" * (len(data) % 2)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory


def png(width, height, bits, colour, body=b""):
    """A PNG with this header and these bytes as compressed data."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
