"""Damaged photos of nine formats against ``open_image``: ``python benchmarks/fuzz_images.py [--mutants 5000]``.

A mutant is a photo cut short, with flipped bits, with other bytes at its head, with a part twice, or with a number in
it replaced by a telling one (lengths and sizes). Each is a function of (seed, format, number). Child processes open
them, so that a crash is caught and named. Exits with 1 where one crashes, hangs, takes over 2 seconds of CPU, raises
anything but a DataError whose one line starts with the file, or brings a process to 1 GB; those mutants are kept.
"""

import argparse
import datetime
import faulthandler
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from polytag._random import generator
from polytag.data.pixels import open_image
from polytag.errors import DataError

FORMATS = ("jpeg", "progressive", "png", "webp", "gif", "bmp", "tiff", "avif", "heic")
SIZES = ((64, 48), (512, 384))
MAX_SECONDS, MAX_BYTES, HANG_SECONDS = 2.0, 1e9, 60.0
NUMBERS = (0, 1, 2, 255, 256, 0x4000, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 10**5, 10**8, 2**31 - 1, 2**31, 2**32 - 1, 2**63)
TIMES = re.compile(rb"((?:mvhd|tkhd|mdhd)\x01...).{16}", re.DOTALL)  # an AVIF animation says when it was made


def photo(width: int, height: int) -> Image.Image:
    """Smooth noise, the same every time."""
    cells = generator(0, width).integers(256, size=(6, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)


def encoded(form: str, image: Image.Image) -> list[bytes]:
    """What the mutants of a format are made from: several ways to write ``image``."""
    turned, second = Image.Exif(), image.transpose(Image.Transpose.ROTATE_180)
    turned[0x0112] = 6
    several: dict[str, Any] = {"save_all": True, "append_images": [second]}
    ways: dict[str, list[tuple[str, dict[str, Any]]]] = {
        "jpeg": [("JPEG", {"exif": turned}), ("MPO", {"exif": turned, **several})],
        "progressive": [
            ("JPEG", {"progressive": True, "exif": turned}),
            ("JPEG", {"progressive": True, "quality": 95}),
        ],
        "png": [("PNG", {"exif": turned}), ("PNG", several)],
        "webp": [("WEBP", {"exif": turned}), ("WEBP", {"lossless": True}), ("WEBP", several)],
        "gif": [("GIF", {}), ("GIF", several)],
        "bmp": [("BMP", {})],
        "tiff": [("TIFF", {"exif": turned}), ("TIFF", {"compression": "tiff_lzw"}), ("TIFF", {"big_tiff": True})],
        "avif": [("AVIF", {"speed": 10, "exif": turned}), ("AVIF", {"speed": 10, **several})],
    }
    if form == "heic":
        return heic(image, turned)
    files = []
    for name, options in ways[form]:
        stream = BytesIO()
        image.save(stream, name, **options)
        files.append(TIMES.sub(rb"\1" + bytes(16), stream.getvalue()))
    if form == "bmp":
        stream = BytesIO()
        image.quantize(16).save(stream, "BMP")
        files.append(stream.getvalue())
    return files


def heic(image: Image.Image, turned: Image.Exif) -> list[bytes]:
    """Turned, with transparency, in tiles, and with 10 bits."""
    import pillow_heif

    clear = image.copy()
    clear.putalpha(128)
    fine = np.asarray(image).astype(np.uint16) * 257
    options: list[tuple[str, bytes, dict[str, Any]]] = [
        ("RGB", image.tobytes(), {"exif": turned.tobytes()}),
        ("RGBA", clear.tobytes(), {}),
        ("RGB", image.tobytes(), {"tile_size": 64}),
        ("RGB;16", fine.tobytes(), {}),
    ]
    streams = [BytesIO() for _ in options]
    for stream, (mode, content, more) in zip(streams, options, strict=True):
        pillow_heif.encode(mode, image.size, content, stream, **more)
    return [stream.getvalue() for stream in streams]


def mutant(data: bytes, random: np.random.Generator) -> tuple[str, bytes]:
    """A damaged copy of a file, and how it was damaged."""
    size, content = len(data), bytearray(data)
    head = min(size, 64 << int(random.integers(6)))  # 64 bytes to 2 kB: headers and tables, mostly
    start, end = sorted(random.integers(1, size, 2).tolist())
    match random.integers(5):
        case 0:
            return "truncated", data[:end]
        case 1:
            for place in random.integers(size, size=random.integers(1, 17)).tolist():
                content[place] ^= 1 << int(random.integers(8))
            return "bits", bytes(content)
        case 2:
            for place in random.integers(head, size=random.integers(1, 5)).tolist():
                content[place] = int(random.integers(256))
            return "head", bytes(content)
        case 3:
            return "twice", data[:end] + data[start:]
    width, order = 2 ** int(random.integers(1, 4)), "big" if random.integers(2) else "little"
    for place in random.integers(head, size=random.integers(1, 3)).tolist():
        number = int(random.choice(np.array([*NUMBERS, size, size - place], np.uint64)))
        content[place : place + width] = (number % 256**width).to_bytes(width, order)
    return "number", bytes(content)


def mutants(form: str, files: list[bytes], seed: int, numbers: range) -> Iterator[tuple[int, str, bytes]]:
    """Number, damage and content of some mutants of a format, every file in turn."""
    for number in numbers:
        yield number, *mutant(files[number % len(files)], generator(seed, FORMATS.index(form), number))


def opened(path: Path, at_least: tuple[int, int] | None) -> tuple[str, float]:
    """What became of a file ("decoded", "refused", or what is wrong), and the seconds of CPU that took."""
    start = time.process_time()  # a busy machine is not the photo's fault
    try:
        open_image(path, at_least)
        outcome = "decoded"
    except DataError as error:
        sentence = str(error)
        right = sentence.startswith(f"{path} cannot be read: ") and "\n" not in sentence
        outcome = "refused" if right else f"says {sentence!r}"
    except BaseException as error:
        outcome = f"raises {type(error).__name__}: {error}"
    return outcome, time.process_time() - start


def child(folder: Path, form: str, seed: int, first: int, last: int) -> None:
    """Open some mutants and print a line of JSON for each."""
    faulthandler.enable()
    files = [path.read_bytes() for path in sorted(folder.glob(f"{form}.*.seed"))]
    for number, damage, content in mutants(form, files, seed, range(first, last)):
        path = folder / f"{form}-{number}"
        path.write_bytes(content)
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        at_least = (48, 48) if number % 2 else None
        outcome, seconds = opened(path, at_least)
        faulthandler.cancel_dump_traceback_later()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        print(json.dumps([number, damage, outcome, seconds, peak]), flush=True)
        if outcome in ("decoded", "refused") and seconds <= MAX_SECONDS and peak < MAX_BYTES:
            path.unlink()
        if peak >= MAX_BYTES:
            return  # the next one is not to blame; it gets a process of its own


def attack(folder: Path, form: str, seed: int, count: int) -> tuple[Counter[str], float, float, list[str]]:
    """How many mutants of a format were decoded and refused, the slowest, the highest peak, and what was broken."""
    outcomes: Counter[str] = Counter()
    slowest, highest, broken, first = 0.0, 0.0, [], 0
    while first < count:
        command = [sys.executable, __file__, "--child", form, str(first), str(count), str(folder), "--seed", str(seed)]
        run = subprocess.run(command, capture_output=True, text=True)
        for line in run.stdout.splitlines():
            number, damage, outcome, seconds, peak = json.loads(line)
            first = number + 1
            slowest, highest = max(slowest, seconds), max(highest, peak)
            outcomes[outcome if outcome in ("decoded", "refused") else "broken"] += 1
            if outcome not in ("decoded", "refused"):
                broken.append(f"{form}-{number} ({damage}) {outcome}")
            if seconds > MAX_SECONDS:
                broken.append(f"{form}-{number} ({damage}) takes {seconds:.1f} s")
            if peak >= MAX_BYTES:
                broken.append(f"{form}-{number} ({damage}) takes {peak / 1e9:.2f} GB")
        if run.returncode:
            last = run.stderr.strip().splitlines()[-1:] or [""]
            broken.append(f"{form}-{first} ends the process with {run.returncode}: {last[0]}")
            outcomes["broken"] += 1
            first += 1
    return outcomes, slowest, highest, broken


def main() -> int:
    """Attack every format and print a table; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        form, first, last, where = args.child
        child(Path(where), form, args.seed, int(first), int(last))
        return 0
    print(
        f"{datetime.date.today()}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"Pillow {PIL.__version__}, seed {args.seed}, from {' and '.join(f'{w} x {h}' for w, h in SIZES)}"
    )
    print(f"  {'format':12} {'mutants':>8} {'decoded':>8} {'refused':>8} {'slowest':>10} {'peak RSS':>10}")
    folder, broken = Path(tempfile.mkdtemp(prefix="polytag-fuzz-")), []
    for rank, form in enumerate(FORMATS):
        count = (args.mutants + rank) // len(FORMATS)
        for number, data in enumerate(data for size in SIZES for data in encoded(form, photo(*size))):
            (folder / f"{form}.{number:02}.seed").write_bytes(data)
        outcomes, slowest, highest, wrong = attack(folder, form, args.seed, count)
        broken += wrong
        print(
            f"  {form:12} {count:8,} {outcomes['decoded']:8,} {outcomes['refused']:8,} "
            f"{1000 * slowest:7.0f} ms {highest / 1e6:7.0f} MB",
            flush=True,
        )
    print(f"{len(broken)} broken promises" + (f"; the mutants are kept in {folder}" if broken else ""))
    print("".join(f"  {each}\n" for each in broken), end="")
    if not broken:
        shutil.rmtree(folder)
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
