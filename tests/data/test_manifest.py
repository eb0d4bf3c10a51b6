"""What a manifest promises: every photo that changed since is named, whether it still decodes or not."""

import hashlib
import re

import numpy as np
import pytest
from PIL import Image

from polytag.data.check import find_bad_images
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.manifest import read_manifest, with_manifest
from polytag.data.open import open_data
from polytag.errors import DataError, OptionError
from polytag.labels import Labels

NAMES = ("a.jpg", "street/b c.jpg", "street/d.jpg")


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "street").mkdir()
    rng = np.random.default_rng(0)
    for name in NAMES:
        blocks = rng.integers(0, 256, (6, 8, 3), np.uint8)
        Image.fromarray(blocks).resize((64, 48), Image.Resampling.BICUBIC).save(tmp_path / name, quality=90)
    (tmp_path / "labels.csv").write_text("filename,labels\na.jpg,cat\nstreet/b c.jpg,dog\nstreet/d.jpg,cat;dog\n")
    return tmp_path


def line(path, name, gap=" "):
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()} {gap}{name}\n"


@pytest.fixture
def manifest(photos):
    file = photos / "photos.sha256"
    file.write_text("".join(line(photos / name, name) for name in (*NAMES, "labels.csv")))
    return file


def refusal(data, manifest):
    with pytest.raises(DataError) as caught:
        with_manifest(data, manifest)
    return str(caught.value)


def test_unchanged_photos_are_the_same_data(photos, manifest):
    data = open_data(photos)
    checked = with_manifest(data, str(manifest))
    assert find_bad_images(checked.images) == []
    assert all((checked.images.load(n) == data.images.load(n)).all() for n in range(3))
    assert checked.fingerprint() == data.fingerprint()
    assert checked.notes == (*data.notes, "every photo is compared with photos.sha256 when it is read")


def test_every_flipped_bit_is_found_and_without_a_manifest_many_are_not(photos, manifest):
    path = photos / NAMES[1]
    whole = path.read_bytes()
    data = open_data(photos)
    checked = with_manifest(data, manifest)
    rng, silent = np.random.default_rng(1), 0
    for place, bit in zip(rng.integers(len(whole), size=200), rng.integers(8, size=200), strict=True):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        ((index, _),) = find_bad_images(checked.images)
        assert index == 1
        silent += not find_bad_images(data.images)
    assert silent > 50
    path.write_bytes(whole)
    assert find_bad_images(checked.images) == []


def test_the_sentence_tells_change_from_damage(photos, manifest):
    checked = with_manifest(open_data(photos), manifest).images
    (photos / "a.jpg").write_bytes((photos / "street/d.jpg").read_bytes())
    (photos / "street/d.jpg").write_bytes(b"")
    changed, empty = (sentence for _, sentence in find_bad_images(checked))
    assert changed == f"{photos}/a.jpg is not the file that the manifest lists: another SHA-256"
    assert empty == f"{photos}/street/d.jpg cannot be read: it is empty"


def test_a_selection_keeps_its_digests(photos, manifest):
    chosen = with_manifest(open_data(photos), manifest).select([2, 0])
    assert find_bad_images(chosen.images) == []
    (photos / "a.jpg").write_bytes((photos / "street/d.jpg").read_bytes())
    assert [index for index, _ in find_bad_images(chosen.images)] == [1]


def test_a_mask_is_not_taken_for_rows(photos, manifest):
    checked = with_manifest(open_data(photos), manifest).images
    with pytest.raises(
        OptionError, match="^rows must be numbers, got a mask; turn it into numbers with np.flatnonzero"
    ):
        checked.select(np.array([False, True, True]))


def test_names_start_from_the_folder_of_the_manifest(photos):
    (photos / "lists").mkdir()
    file = photos / "lists" / "photos.sha256"
    file.write_text("".join(line(photos / name, f"./../{name}", gap="*") for name in NAMES) + "\n")
    assert find_bad_images(with_manifest(open_data(photos), file).images) == []


def test_escaped_names_and_capitals(tmp_path):
    file = tmp_path / "photos.sha256"
    file.write_text(f"\\{'AB' * 32}  a\\\\b\\nc.jpg\r\n")
    assert read_manifest(file) == {f"{tmp_path}/a\\b\nc.jpg": b"\xab" * 32}


def test_a_photo_that_is_not_listed_is_refused(photos, manifest):
    manifest.write_text("".join(line(photos / name, name) for name in NAMES[:1]))
    assert refusal(open_data(photos), manifest) == (
        f"{manifest} misses 2 photos of 3, such as 'street/b c.jpg'; run sha256sum again, or put the manifest "
        "where its names start"
    )


@pytest.mark.parametrize("text", ["d41d8cd98f00b204e9800998ecf8427e  a.jpg", "SHA256 (a.jpg) = " + "0" * 64, "a.jpg"])
def test_another_kind_of_list_is_refused(tmp_path, text):
    file = tmp_path / "photos.md5"
    file.write_text(f"{'0' * 64}  b.jpg\n{text}\n")
    with pytest.raises(DataError, match=f"^line 2 of {re.escape(str(file))} must be a SHA-256 of 64 digits and a name"):
        read_manifest(file)


def test_contradictions_missing_files_and_photos_in_memory_are_refused(photos, manifest):
    with manifest.open("a") as file:
        file.write(f"{'0' * 64}  ./a.jpg\n")
    assert refusal(open_data(photos), manifest) == (
        f"{manifest} lists './a.jpg' twice, with different digests; remove one of the lines"
    )
    assert refusal(open_data(photos), photos / "none").endswith("none: No such file or directory; name another file")
    memory = LabelledSet(ImageArrays(np.zeros((1, 2, 2, 3), np.uint8)), Labels.from_dense([[1]], ["cat"]))
    assert refusal(memory, manifest).startswith("photos in memory have no files")
