"""What readers of published data sets promise together: no foreign folder is theirs, and files are looked up once."""

import json
import random

import pytest
from label_files import write

from polytag.data.readers import CheXpert, Dor, Nih, NusWide, OpenImages, Vg500
from polytag.data.readers.base import OFFICIAL
from polytag.data.readers.chexpert import FINDINGS
from polytag.data.readers.official import Lines, OnDisk
from polytag.errors import DataError

READERS = (Nih, CheXpert, NusWide, Vg500, OpenImages, Dor)
PUBLISHED = READERS[:-1]

ONE_HOT = "Path,Sex,cat,dog\nCheXpert-v1.0/train/a.jpg,Male,1,0\n"
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1}],
    "categories": [{"id": 1, "name": "cat"}],
}
VOC = "<annotation><object><name>cat</name></object></annotation>"
MMLAB = {"metainfo": {"classes": ["cat"]}, "data_list": [{"img_path": "a.jpg", "gt_label": [0]}]}


def foreign(folder, kind):
    photo = write(folder, "labels.csv", "filename,labels\na.jpg,cat\n", "a.jpg")
    if kind != "table":
        photo.unlink()
    if kind == "one-hot":
        write(folder, "train.csv", ONE_HOT)
        write(folder, "valid.csv", ONE_HOT)
        write(folder, "broken/train.csv", b"\x00")
    if kind == "coco":
        write(folder, "annotations/instances_train2017.json", COCO)
        write(folder, "annotations/instances_val2017.json", {**COCO, "classes": ["cat"]})
        write(folder, "empty.json", "")
    if kind == "openmmlab":
        write(folder, "train.json", MMLAB)
    if kind == "voc":
        write(folder, "Annotations/a.xml", VOC, "JPEGImages/a.jpg")
    if kind == "open images in one table":
        write(folder, "annotations-human.csv", "ImageID,Source,LabelName,Confidence\na.jpg,verification,cat,1\n")
    return folder


KINDS = ("table", "one-hot", "coco", "openmmlab", "voc", "open images in one table")


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", KINDS)
def test_no_foreign_folder_or_file_is_a_candidate(tmp_path, reader, kind):
    folder = foreign(tmp_path, kind)
    assert reader().candidates(folder) == []
    assert [file for file in folder.rglob("*") if file.is_file() and reader().candidates(file)] == []


@pytest.mark.parametrize("reader", PUBLISHED)
def test_all_are_searched_for_first(reader):
    assert reader.rank == OFFICIAL


def test_a_line_has_one_number(tmp_path):
    lines = Lines([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert lines.where(lines.number(0, 2)) == "row 2 of a.csv"
    assert lines.where(lines.number(1, 9_000_000_000)) == "row 9000000000 of b.csv"
    assert Lines([tmp_path / "a.txt"], "line").where(3) == "line 3 of a.txt"


def test_files_are_found_in_the_folder_they_are_in(tmp_path):
    write(tmp_path, "x", "", "one/a.jpg one/b.jpg two/b.jpg two/deep/c.jpg d.jpg")
    disk = OnDisk(tmp_path)
    assert [disk.has(name) for name in ("one/a.jpg", "one/c.jpg", "two", "two/deep/c.jpg", "d.jpg")] == [
        *(True, False, False, True, True)
    ]
    assert not disk.has("d.jpg/a.jpg")
    assert disk.place("b.jpg", ("none", "two", "one")) == "two/b.jpg"
    assert disk.place("d.jpg", ("one", "")) == "d.jpg"
    assert disk.place("e.jpg", ("one", "")) == "one/e.jpg"
    assert json.dumps(sorted(disk._hashes)) == '["", "d.jpg", "none", "one", "two", "two/deep"]'


KIND = "annotations-human-imagelabels-boxable.csv"
XRAYS = f"Path,Frontal/Lateral,{','.join(FINDINGS)}\nCheXpert-v1.0/train/patient1/a.jpg,Frontal{',1.0,0.0' * 7}\n"
PHOTOS = "a.jpg b.jpg x/a.jpg y/b.jpg train/a.jpg train/b.jpg train/patient1/a.jpg train/patient1/b.jpg"
COPIES = {
    Nih: {
        "Data_Entry_2017.csv": "Image Index,Finding Labels,Patient ID\na.jpg,Mass|Hernia,1\nb.jpg,No Finding,2\n",
        "train_val_list.txt": "a.jpg\n",
        "test_list.txt": "b.jpg\n",
    },
    CheXpert: {"train.csv": XRAYS, "valid.csv": XRAYS.replace("/a.", "/b.")},
    NusWide: {
        "nus_wid_data.csv": "filepath,label,split_name\na.jpg,\"['sky', 'sea']\",train\nb.jpg,[],val\n",
        "ImageList/TrainImagelist.txt": "x\\a.jpg\n",
        "ImageList/TestImagelist.txt": "y\\b.jpg\n",
        "Concepts81.txt": "sky\nsea\n",
        **{f"Groundtruth/TrainTestLabels/Labels_{n}_{p}.txt": "1\n" for n in ("sky", "sea") for p in ("Train", "Test")},
    },
    Vg500: {
        "vg_category_500_labels_index.json": '{"a.jpg": [1, 2], "b.jpg": [499]}',
        "train_list_500.txt": "a.jpg\n",
        "test_list_500.txt": "b.jpg\n",
    },
    OpenImages: {
        f"train-{KIND}": "ImageID,Source,LabelName,Confidence\na,verification,/m/x,1\nb,verification,/m/y,0\n",
        "class-descriptions-boxable.csv": '/m/x,Cat\n/m/y,"Dog, big"\n',
    },
    Dor: {"train.json": '{"classes": ["x", "y"], "images": [["a.jpg", ["x", "y"]], ["b.jpg", []]]}'},
}


def damaged(content, draw):
    """``content`` with a part of it cut, doubled, or replaced by other bytes."""
    first = draw.randrange(len(content))
    last = min(len(content), first + draw.randrange(1, 12))
    other = bytes(draw.choice(b'\0\n\r",;[{}\xff\xc3x0/. ') for _ in range(last - first))
    middle = draw.choice((b"", content[first:last] * 2, other, b"../", b"\\..\\", b"\xed\xa0\x80", b"\0"))
    return content[:first] + middle + content[draw.choice((first, last, len(content))) :]


@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_copy_is_read_or_refused_in_one_sentence(tmp_path, reader):
    read, said = 0, []
    for name, text in COPIES[reader].items():
        write(tmp_path, name, text, PHOTOS)
    wanted = reader().candidates(tmp_path)
    assert wanted
    assert all(len(reader().read(each)) for each in wanted)
    for seed in range(100):
        draw = random.Random(seed)
        name = draw.choice(list(COPIES[reader]))
        write(tmp_path, name, damaged(COPIES[reader][name].encode(), draw))
        for options in ({}, {"missing": "drop"} if reader in (NusWide, OpenImages) else {}):
            for each in (*reader(**options).candidates(tmp_path), *wanted):
                try:
                    read += len(reader(**options).read(each))
                except DataError as error:
                    said.append(str(error))
        write(tmp_path, name, COPIES[reader][name])
    assert read
    assert said
    assert not [text for text in said if "\n" in text or len(text) > 2000]
