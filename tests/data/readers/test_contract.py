"""What every reader promises: the same photos in its format become the same set, and nothing on the disk changes."""

import inspect
import json
from pathlib import Path

import pytest

from polytag.data.open import open_data
from polytag.data.readers import READERS, Reader
from polytag.errors import DataError

PHOTOS = {"photos/a.jpg": ["cat", "traffic light"], "photos/b.jpg": [], "photos/c.jpg": ["cat"]}


def as_table(folder, photos):
    rows = [f"{name},{';'.join(labels)}" for name, labels in photos.items()]
    (folder / "labels.csv").write_text("\n".join(["filename,labels", *rows]) + "\n")


def as_coco(folder, photos):
    names = sorted({label for labels in photos.values() for label in labels})
    pairs = [(number, names.index(label)) for number, labels in enumerate(photos.values()) for label in labels]
    content = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(photos)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "annotations": [{"image_id": image, "category_id": category} for image, category in pairs],
    }
    (folder / "annotations.json").write_text(json.dumps(content))


def as_voc(folder, photos):
    (folder / "Annotations").mkdir()
    (folder / "JPEGImages").mkdir()
    for name, labels in photos.items():
        stem = Path(name).stem
        objects = "".join(f"<object><name>{label}</name></object>" for label in labels)
        (folder / "Annotations" / f"{stem}.xml").write_text(f"<annotation>{objects}</annotation>")
        if (folder / name).exists():
            (folder / name).rename(folder / "JPEGImages" / Path(name).name)


WRITERS = {"table": as_table, "coco": as_coco, "voc": as_voc}


def lay_out(folder, name, missing=()):
    (folder / "photos").mkdir()
    for photo in PHOTOS.keys() - set(missing):
        (folder / photo).touch()
    WRITERS[name](folder, PHOTOS)
    return folder


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in folder.rglob("*")}


each_reader = pytest.mark.parametrize("name", READERS)


def test_every_reader_is_tested_here():
    assert WRITERS.keys() == READERS.keys()


@each_reader
def test_the_same_photos_become_the_same_set(tmp_path, name):
    lay_out(tmp_path, name)
    before = snapshot(tmp_path)
    (found,) = READERS[name]().candidates(tmp_path)
    data = READERS[name]().read(found)
    assert data.classes == ("cat", "traffic light")
    assert [Path(data.images.name(row)).name for row in range(3)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert data.labels.dense().tolist() == [[1, 1], [0, 0], [1, 0]]
    assert data.split is None
    assert data.groups is None
    assert all((data.images.root / data.images.name(row)).is_file() for row in range(3))
    assert snapshot(tmp_path) == before


@each_reader
def test_a_folder_opens_like_its_reader_and_twice_alike(tmp_path, name):
    lay_out(tmp_path, name)
    digests = {open_data(tmp_path).fingerprint(), open_data(str(tmp_path), READERS[name]()).fingerprint()}
    assert len(digests) == 1


@each_reader
def test_notes_are_sentences_without_an_end(tmp_path, name):
    notes = open_data(lay_out(tmp_path, name)).notes
    assert notes
    assert not [note for note in notes if note.endswith(".") or "\n" in note]


@each_reader
def test_missing_photos_are_counted_and_named(tmp_path, name):
    lay_out(tmp_path, name, missing=["photos/b.jpg"])
    with pytest.raises(DataError, match=r"^1 of 3 photos are not in .* names '[^']*b(\.jpg)?'; correct the names, or "):
        open_data(tmp_path)


@each_reader
def test_an_empty_folder_and_a_photo_are_no_candidates(tmp_path, name):
    assert READERS[name]().candidates(tmp_path) == []
    (tmp_path / "a.jpg").touch()
    assert READERS[name]().candidates(tmp_path / "a.jpg") == []


@each_reader
def test_options_are_named_typed_and_defaulted(name):
    reader = READERS[name]
    assert issubclass(reader, Reader)
    assert reader.looks_for
    for option in list(inspect.signature(reader.__init__).parameters.values())[1:]:
        assert option.default is not option.empty
        assert option.annotation is not option.empty
        assert option.kind is option.POSITIONAL_OR_KEYWORD
        assert f"{option.name}:" in reader.__doc__
