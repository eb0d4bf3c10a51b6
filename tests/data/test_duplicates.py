"""What finding duplicates promises: every kind found, look-alikes and flat photos not, the same for any workers."""

import threading
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from polytag.data.check import find_bad_images
from polytag.data.duplicates import Duplicates, Fingerprints, Pair, find_duplicates, fingerprints
from polytag.data.labelled_set import ImageArrays, ImageFiles
from polytag.data.paths import Paths
from polytag.errors import OptionError

PHOTOS = 6


def picture(seed: int, height: int = 160, width: int = 160) -> np.ndarray:
    """Noise with about the spectrum of photos, and things with edges."""
    rng = np.random.default_rng(seed)
    total = np.full((height, width, 3), 120, np.float32)
    for cells in (4, 8, 16, 32, width // 5):
        noise = rng.normal(0, 90 / cells**0.5, (cells, cells, 3)).astype(np.float32)
        layers = [Image.fromarray(noise[..., c]).resize((width, height), Image.Resampling.BICUBIC) for c in range(3)]
        total += np.stack([np.asarray(layer) for layer in layers], axis=-1)
    for _ in range(height * width // 2000):
        top, left = rng.integers(0, height - 20), rng.integers(0, width - 20)
        total[top : top + rng.integers(8, 40), left : left + rng.integers(8, 40)] += rng.normal(0, 40, 3)
    return total.clip(0, 255).astype(np.uint8)


def compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def resized(pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))


def grey(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).convert("L").convert("RGB"))


def find(arrays: list[np.ndarray]) -> Duplicates:
    return find_duplicates(fingerprints(ImageArrays(arrays)))


CHANGES = {
    "half the size": lambda pixels: resized(pixels, 80, 80),
    "three times the size": lambda pixels: resized(pixels, 480, 480),
    "squashed": lambda pixels: resized(pixels, 100, 220),
    "quality 30": lambda pixels: compressed(pixels, 30),
    "cropped by 5%": lambda pixels: pixels[8:, 8:],
    "cropped by 5% on one axis": lambda pixels: pixels[:, :-8],
    "darker": lambda pixels: (pixels * 0.6).astype(np.uint8),
    "lighter": lambda pixels: (pixels * 0.7 + 60).astype(np.uint8),
    "grey": grey,
    "everything": lambda pixels: compressed(grey(resized(pixels[5:, 3:], 140, 140)), 30),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_is_a_near_duplicate_and_other_photos_are_not(change):
    originals = [picture(seed) for seed in range(PHOTOS)]
    found = find(originals + [change(pixels) for pixels in originals])
    assert [pair[:2] for pair in found.near] == [(number, number + PHOTOS) for number in range(PHOTOS)]
    assert all(0.9 <= pair.agreement <= 1 and 0.75 <= pair.overlap <= 1 and not pair.mirrored for pair in found.near)
    assert found.same == found.overlapping == []


def test_a_mirrored_copy_is_found_and_said_to_be_one():
    originals = [picture(seed) for seed in range(PHOTOS)]
    found = find(originals + [pixels[:, ::-1] for pixels in originals])
    assert [(pair.first, pair.second, pair.mirrored) for pair in found.near] == [
        (number, number + PHOTOS, True) for number in range(PHOTOS)
    ]


def test_equal_pixels_are_the_same_whatever_the_file(tmp_path):
    Image.fromarray(picture(0)).save(tmp_path / "a.png")
    Image.fromarray(picture(0)).save(tmp_path / "b.bmp")
    Image.fromarray(picture(1)).save(tmp_path / "c.jpg")
    (tmp_path / "d.jpg").write_bytes((tmp_path / "c.jpg").read_bytes())
    Image.fromarray(picture(0)).save(tmp_path / "e.png", compress_level=0)
    images = ImageFiles(tmp_path, Paths(["a.png", "b.bmp", "c.jpg", "d.jpg", "e.png"]))
    found = find_duplicates(fingerprints(images))
    assert found == Duplicates([(0, 1, 4), (2, 3)], [], [])


def test_equal_bytes_of_another_shape_are_not_the_same():
    pixels = np.zeros((4, 6, 3), np.uint8)
    assert find([pixels, pixels.reshape(6, 4, 3)]).same == []


def test_a_near_copy_of_equal_photos_is_paired_with_the_first_of_them():
    found = find([picture(0), picture(1), picture(0), compressed(picture(0), 60)])
    assert found.same == [(0, 2)]
    assert [pair[:2] for pair in found.near] == [(0, 3)]


def test_tiles_of_one_picture_overlap_by_the_share_they_have_in_common():
    large = picture(3, 400, 400)
    tiles = [large[y : y + 160, x : x + 160] for y, x in ((0, 0), (0, 80), (100, 30), (240, 240))]
    found = find([compressed(tile, 88) for tile in tiles])
    assert [pair[:2] for pair in found.overlapping] == [(0, 1), (0, 2), (1, 2)]
    shares = [pair.overlap for pair in found.overlapping]  # 160 x 80, 60 x 130 and 60 x 110 of 160 x 160 pixels
    np.testing.assert_allclose(shares, [0.5, 0.305, 0.258], atol=0.02)
    assert found.near == []


def test_flat_photos_are_the_same_only_with_equal_pixels():
    greys = [np.full((40, 40, 3), value, np.uint8) for value in (0, 0, 255, 255, 128, 129)]
    noise = np.random.default_rng(0).integers(0, 2, (4, 40, 40, 3)).astype(np.uint8)
    assert find([*greys, *noise]) == Duplicates([(0, 1), (2, 3)], [], [])


def test_a_shared_mark_on_a_flat_ground_is_not_enough():
    pages = np.full((4, 160, 160, 3), 250, np.uint8)
    pages[:, 140:150, 120:150] = picture(5)[:10, :30]
    for number, page in enumerate(pages):
        page[20 + number, 20] = 240  # otherwise they would be the same
    assert find(list(pages)) == Duplicates([], [], [])


def test_alike_shapes_with_other_details_are_not_duplicates():
    ramp = np.linspace(40, 210, 160)[:, None, None]  # shores: what is coarse correlates by more than 0.99
    shores = [(ramp + np.random.default_rng(n).normal(0, 6, (160, 160, 1))).repeat(3, 2) for n in range(6)]
    assert find([shore.clip(0, 255).astype(np.uint8) for shore in shores]) == Duplicates([], [], [])


def test_many_equal_photos_are_one_group():
    found = find([np.zeros((8, 8, 3), np.uint8)] * 300)
    assert found == Duplicates([tuple(range(300))], [], [])


def test_many_copies_of_one_picture_are_joined_without_comparing_all():
    rng = np.random.default_rng(0)
    copies = [(picture(0).astype(int) + rng.integers(-3, 4, (160, 160, 3))).clip(0, 255) for _ in range(40)]
    found = find([copy.astype(np.uint8) for copy in copies] + [picture(1)])
    assert found.groups(41).tolist() == [0] * 40 + [1]
    assert len(found.near) <= 40 * (8 + 2) * 2 < 40 * 39


def test_one_pass_gives_the_bad_photos_too(tmp_path):
    for number in range(4):
        Image.fromarray(picture(number % 3)).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"")
    images = ImageFiles(tmp_path, Paths(["0.png", "1.png", "2.png", "missing.png", "1.png", "3.png"]))
    calls = []
    prints = fingerprints(images, 2, lambda n: calls.append((n, threading.get_ident())))
    assert prints.bad == find_bad_images(images)
    assert [row for row, _ in prints.bad] == [1, 3, 4]
    assert calls == [(1, threading.get_ident())] * 6
    assert find_duplicates(prints) == Duplicates([(0, 5)], [], [])  # the two bad ones are not equal to each other


def test_nothing_depends_on_the_workers():
    large = picture(7, 300, 300)
    images = ImageArrays([*(picture(seed) for seed in range(5)), large[:160, :160], large[60:220, 40:200]])
    one, three = fingerprints(images, 1), fingerprints(images, 3)
    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, getattr(three, name))
    assert find_duplicates(one) == find_duplicates(three) == find_duplicates(one)
    assert [pair[:2] for pair in find_duplicates(one).overlapping] == [(5, 6)]


@pytest.mark.parametrize("count", [0, 1])
def test_no_photo_and_one_photo_have_no_duplicates(count):
    prints = fingerprints(ImageArrays([picture(0)] * count))
    assert len(prints) == count
    assert find_duplicates(prints) == Duplicates([], [], [])
    assert Duplicates([], [], []).groups(count).tolist() == list(range(count))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 500, 3), (500, 2, 3)])
def test_photos_of_any_shape_are_taken(shape):
    rng = np.random.default_rng(0)
    found = find([rng.integers(0, 256, shape).astype(np.uint8) for _ in range(3)])
    assert found.same == []


def test_a_fingerprint_takes_five_kilobytes():
    prints = fingerprints(ImageArrays([picture(0)]))
    assert isinstance(prints, Fingerprints)
    assert (
        sum(values.nbytes for values in vars(prints).values() if isinstance(values, np.ndarray))
        == 16 + 64 * 64 + 108 * (8 + 2) + 1 + 2 * 8 + 2 * 4
    )


def test_groups_join_all_kinds():
    pair = Pair(5, 6, 1.0, 1.0, mirrored=False)
    found = Duplicates([(0, 2, 4)], [pair], [pair._replace(first=4, overlap=0.3)])
    assert found.groups(8).tolist() == [0, 1, 0, 2, 0, 0, 0, 3]


def test_no_workers_are_refused():
    with pytest.raises(OptionError, match=r"^workers must be at least 1, got 0$"):
        fingerprints(ImageArrays([]), 0)
