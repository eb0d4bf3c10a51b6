"""What every reader promises: the same photos in its format become the same set, and nothing on the disk changes."""

import inspect
import json
import shutil
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from polytag.data.open import open_data
from polytag.data.readers import READERS, Reader
from polytag.data.readers.base import OFFICIAL
from polytag.errors import DataError

PHOTOS = {"photos/a.jpg": ["cat", "traffic light"], "photos/b.jpg": ["traffic light"], "photos/c.jpg": ["cat"]}
NAMES = ["cat", "traffic light"]


def as_table(folder):
    rows = [f"{name},{';'.join(labels)}" for name, labels in PHOTOS.items()]
    (folder / "labels.csv").write_text("\n".join(["filename,labels", *rows]) + "\n")


def as_one_hot(folder):
    rows = [",".join([name, *(str(int(each in labels)) for each in NAMES)]) for name, labels in PHOTOS.items()]
    (folder / "labels.csv").write_text("\n".join([",".join(["filename", *NAMES]), *rows]))


def as_long(folder):
    rows = [f"{name},{each},{int(each in labels)}" for each in NAMES for name, labels in PHOTOS.items()]
    (folder / "labels.csv").write_text("\n".join(["ImageID,LabelName,Confidence", *rows]))


def as_vertex(folder):
    rows = [",".join([f"UNASSIGNED,gs://bucket/{name}", *labels]) for name, labels in PHOTOS.items()]
    (folder / "labels.csv").write_text("\n".join(rows))


def as_jsonl(folder):
    lines = [json.dumps({"file_name": name, "labels": labels}) for name, labels in PHOTOS.items()]
    (folder / "metadata.jsonl").write_text("\n".join(lines))


def as_parquet(folder):
    columns = {"file_name": list(PHOTOS), "labels": list(PHOTOS.values())}
    pyarrow.parquet.write_table(pyarrow.table(columns), folder / "labels.parquet")


def as_coco(folder):
    pairs = [(number, NAMES.index(label)) for number, labels in enumerate(PHOTOS.values()) for label in labels]
    content = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(PHOTOS)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(NAMES)],
        "annotations": [{"image_id": image, "category_id": category} for image, category in pairs],
    }
    (folder / "annotations.json").write_text(json.dumps(content))


def as_openmmlab(folder):
    items = [{"img_path": name, "gt_label": list(map(NAMES.index, labels))} for name, labels in PHOTOS.items()]
    (folder / "data.json").write_text(json.dumps({"metainfo": {"classes": NAMES}, "data_list": items}))


def as_datumaro(folder):
    items = [
        {"id": Path(name).stem, "annotations": [{"type": "label", "label_id": NAMES.index(each)} for each in labels]}
        | {"image": {"path": name}}
        for name, labels in PHOTOS.items()
    ]
    content = {"info": {}, "categories": {"label": {"labels": [{"name": name} for name in NAMES]}}, "items": items}
    (folder / "data.json").write_text(json.dumps(content))


def as_label_studio(folder):
    def task(name, labels):
        result = [{"type": "choices", "from_name": "tags", "value": {"choices": labels}}]
        return {"data": {"image": f"/data/local-files/?d={name}"}, "annotations": [{"result": result}]}

    (folder / "project.json").write_text(json.dumps([task(name, labels) for name, labels in PHOTOS.items()]))


def as_cvat(folder):
    images = "".join(
        f'<image id="{number}" name="{name}">' + "".join(f'<tag label="{each}"/>' for each in labels) + "</image>"
        for number, (name, labels) in enumerate(PHOTOS.items())
    )
    labels = "".join(f"<label><name>{name}</name></label>" for name in NAMES)
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    (folder / "annotations.xml").write_text(f"<annotations>{meta}{images}</annotations>")


def as_voc(folder):
    (folder / "Annotations").mkdir()
    (folder / "photos").rename(folder / "JPEGImages")
    for name, labels in PHOTOS.items():
        objects = "".join(f"<object><name>{label}</name></object>" for label in labels)
        (folder / "Annotations" / f"{Path(name).stem}.xml").write_text(f"<annotation>{objects}</annotation>")


def as_folders(folder):
    for name, labels in PHOTOS.items():
        for label in labels:
            (folder / label).mkdir(exist_ok=True)
            if (folder / name).exists():
                (folder / label / Path(name).name).write_bytes((folder / name).read_bytes())
    shutil.rmtree(folder / "photos")


def as_dor(folder):
    content = {"classes": NAMES[::-1], "images": [[name, [*labels, labels[0]]] for name, labels in PHOTOS.items()]}
    (folder / "all.json").write_text(json.dumps(content))


WRITERS = {
    "table": as_table,
    "one_hot": as_one_hot,
    "long": as_long,
    "vertex": as_vertex,
    "jsonl": as_jsonl,
    "parquet": as_parquet,
    "coco": as_coco,
    "openmmlab": as_openmmlab,
    "datumaro": as_datumaro,
    "label_studio": as_label_studio,
    "cvat": as_cvat,
    "voc": as_voc,
    "folders": as_folders,
    "dor": as_dor,
}
GENERAL = [name for name, reader in READERS.items() if reader.rank != OFFICIAL]  # one layout fits one data set


def lay_out(folder, name, missing=()):
    (folder / "photos").mkdir()
    for photo in PHOTOS.keys() - set(missing):
        (folder / photo).write_text(photo)
    WRITERS[name](folder)
    return folder


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.is_file() and path.read_bytes()) for path in folder.rglob("*")}


each_reader = pytest.mark.parametrize("name", GENERAL)


def test_every_reader_is_tested_here():
    assert list(WRITERS) == GENERAL


@each_reader
def test_the_same_photos_become_the_same_set(tmp_path, name):
    lay_out(tmp_path, name)
    before = snapshot(tmp_path)
    (found,) = READERS[name]().candidates(tmp_path)
    data = READERS[name]().read(found)
    assert data.classes == ("cat", "traffic light")
    assert [Path(data.images.name(row)).name for row in range(3)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert data.labels.dense().tolist() == [[1, 1], [0, 1], [1, 0]]
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


@pytest.mark.parametrize("name", [name for name in GENERAL if name != "folders"])  # where photos are all there is
def test_missing_photos_are_counted_and_named(tmp_path, name):
    lay_out(tmp_path, name, missing=["photos/b.jpg"])
    with pytest.raises(DataError, match=r"^1 of 3 photos are not in .* names '[^']*b(\.jpg)?'; correct the names, or "):
        open_data(tmp_path)


@each_reader
def test_an_empty_folder_and_a_photo_are_no_candidates(tmp_path, name):
    assert READERS[name]().candidates(tmp_path) == []
    (tmp_path / "a.jpg").touch()
    assert READERS[name]().candidates(tmp_path / "a.jpg") == []


@pytest.mark.parametrize("name", READERS)
def test_options_are_named_typed_and_defaulted(name):
    reader = READERS[name]
    assert issubclass(reader, Reader)
    assert reader.looks_for
    for option in list(inspect.signature(reader.__init__).parameters.values())[1:]:
        assert option.default is not option.empty
        assert option.annotation is not option.empty
        assert option.kind is option.POSITIONAL_OR_KEYWORD
        assert f"{option.name}:" in reader.__doc__


@each_reader
def test_a_file_is_read_by_its_reader_alone(tmp_path, name):
    lay_out(tmp_path, name)
    (found,) = READERS[name]().candidates(tmp_path)
    if found.is_file():
        assert [each for each in READERS if READERS[each]().candidates(found)] == [name]
