"""What OpenMMLab's JSON promises: numbers of declared classes, one or several a photo, and what is refused."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import OpenMMLab
from polytag.errors import DataError


def content(*pairs, classes=("hat", "dog", "cat")):
    items = [{"img_path": name, "gt_label": labels} for name, labels in pairs]
    return {"metainfo": {"classes": list(classes)}, "data_list": items}


def test_labels_are_numbers_of_classes_in_the_order_declared(tmp_path):
    path = write(tmp_path, "x.json", content(("a.jpg", [2, 1, 2]), ("b.jpg", 0), ("c.jpg", [])), "a.jpg b.jpg c.jpg")
    data = open_data(path)
    assert data.classes == ("hat", "dog", "cat")
    assert names_and_labels(data) == [("a.jpg", ("dog", "cat")), ("b.jpg", ("hat",)), ("c.jpg", ())]
    assert data.split is None
    assert data.notes == ("x.json: 3 classes",)


def test_a_file_for_each_split_is_one_set(tmp_path):
    write(tmp_path, "annotations/train.json", content(("in/a.jpg", 0)), "in/a.jpg")
    write(tmp_path, "annotations/val.json", content(("in/b.jpg", 1)), "in/b.jpg")
    data = open_data(tmp_path)
    assert names_and_labels(data) == [("in/a.jpg", ("hat",)), ("in/b.jpg", ("dog",))]
    assert data.split.tolist() == [0, 1]
    assert data.notes == (
        "train.json and val.json: 3 classes",
        "splits from the names of the files: 1 train, 1 val",
    )


def test_splits_with_different_classes_are_refused(tmp_path):
    first = write(tmp_path, "train.json", content(("a.jpg", 0)), "a.jpg")
    second = write(tmp_path, "val.json", content(("a.jpg", 0), classes=("dog",)))
    with pytest.raises(DataError) as caught:
        OpenMMLab().read(tmp_path)
    assert str(caught.value) == f"{second} and {first} differ in their classes; give both the same list"


def test_a_folder_without_such_a_file_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        OpenMMLab().read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has no OpenMMLab annotations; give the folder that has annotations/ in it, or the file"
    )


def test_the_folder_of_photos_can_be_elsewhere(tmp_path):
    path = write(tmp_path, "x.json", content(("a.jpg", 0)), "here/there/a.jpg")
    assert len(OpenMMLab(images=str(tmp_path / "here" / "there")).read(path)) == 1


GOOD = content(("a.jpg", 0))
NAMES = "x.json needs a list of names as its metainfo.classes; export it again"


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (
            "{",
            "x.json is not valid JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); ",
        ),
        ([], NAMES),
        (GOOD | {"metainfo": ["cat"]}, NAMES),
        (GOOD | {"metainfo": {"classes": []}}, NAMES),
        (GOOD | {"metainfo": {"classes": ["cat", 3]}}, NAMES),
        (GOOD | {"data_list": {}}, "x.json has no list 'data_list'; export it again"),
        (
            GOOD | {"data_list": [{"img_path": " "}]},
            "entry 0 of 'data_list' in x.json needs text as its 'img_path'; correct it",
        ),
        (
            GOOD | {"data_list": [7]},
            "entry 0 of 'data_list' in x.json needs text as its 'img_path'; correct it",
        ),
        (GOOD | {"data_list": []}, "x.json lists no photos; add an entry for each photo"),
        (
            content(("a.jpg", [0, 3])),
            "entry 0 of 'data_list' in x.json has the gt_label [0, 3]; it must be a list of numbers from 0 to 2",
        ),
        (
            content(("a.jpg", -1)),
            "entry 0 of 'data_list' in x.json has the gt_label -1; it must be a list of numbers from 0 to 2",
        ),
        (
            content(("a.jpg", True)),
            "entry 0 of 'data_list' in x.json has the gt_label True; it must be a list of numbers from 0 to 2",
        ),
        (
            content(("a.jpg", None)),
            "entry 0 of 'data_list' in x.json has the gt_label None; it must be a list of numbers from 0 to 2",
        ),
        (
            content(("a.jpg", 0), ("./a.jpg", 1)),
            "'a.jpg' is listed twice, by entry 0 of x.json and by entry 1 of x.json; keep one of them",
        ),
        (
            content(("a.jpg", 0), ("b.jpg", 1)),
            "1 of 2 photos are not in DATA: entry 1 of x.json names 'b.jpg'; "
            "correct the names, or name the folder of the photos with --reader.images",
        ),
        (
            content(("a.jpg", 0), classes=("dog", "dog")),
            "x.json declares the label 'dog' twice or without a name; give each its own name",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, whole, message):
    said = refusal(OpenMMLab(), write(tmp_path, "x.json", whole, "a.jpg"))
    assert said.startswith(message) if message.endswith(" ") else said == message
