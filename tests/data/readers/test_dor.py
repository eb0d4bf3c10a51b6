"""What the reader of deep-object-reid's JSON promises: sorted classes, photos without labels, splits by file."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import READERS, Dor
from polytag.errors import DataError

TRAIN = {"classes": ["dog", "cat"], "images": [["in/a.jpg", ["dog", "cat", "dog"]], ["b.jpg", []]]}
VAL = {"classes": ["cat", "dog"], "images": [["c.jpg", ["cat"]]]}


def test_a_copy_with_a_file_for_each_split_is_read(tmp_path):
    write(tmp_path, "val.json", VAL, "in/a.jpg b.jpg c.jpg")
    write(tmp_path, "train.json", TRAIN)
    data = open_data(tmp_path)
    assert data.classes == ("cat", "dog")
    assert names_and_labels(data) == [("in/a.jpg", ("cat", "dog")), ("b.jpg", ()), ("c.jpg", ("cat",))]
    assert data.labels.dense().tolist() == [[1, 1], [0, 0], [1, 0]]
    assert data.split.tolist() == [0, 0, 1]
    assert data.groups is None
    assert data.notes == (
        "train.json and val.json: 2 classes",
        "splits from the names of the files: 2 train, 1 val",
    )


def test_one_file_is_read_alone(tmp_path):
    path = write(tmp_path, "anything.json", TRAIN, "in/a.jpg b.jpg")
    data = open_data(path)
    assert data.split is None
    assert data.notes == ("anything.json: 2 classes",)
    assert open_data(tmp_path).fingerprint() == data.fingerprint()


def test_photos_may_be_above_annotations_or_elsewhere(tmp_path):
    path = write(tmp_path, "annotations/train.json", TRAIN, "in/a.jpg b.jpg")
    assert open_data(tmp_path).images.root == tmp_path
    assert Dor(images=str(tmp_path)).read(path).images.root == tmp_path


@pytest.mark.parametrize("indent", ["", "\n  "])
def test_the_kind_is_told_by_its_content(tmp_path, indent):
    path = write(tmp_path, "a.json", f'{{{indent}"images": [{indent}["a\\"b.jpg",{indent}["x"]]], "classes": ["x"]}}')
    assert Dor().candidates(path) == [path]
    assert Dor().candidates(write(tmp_path, "b.json", '{"classes": ["x"], "images": [{"file_name": "a.jpg"}]}')) == []
    assert Dor().candidates(write(tmp_path, "c.txt", path.read_text())) == []


def test_labels_may_be_words_of_other_formats(tmp_path):
    words = ["annotations", "categories", "images", "data", "result", "items", "label_id", "data_list", "metainfo"]
    path = write(tmp_path, "a.json", {"classes": words, "images": [["a.jpg", words]]}, "a.jpg")
    assert open_data(path).classes == tuple(sorted(words))
    assert [name for name, reader in READERS.items() if reader().candidates(path)] == ["dor"]


def test_a_table_is_searched_for_first(tmp_path):
    write(tmp_path, "labels.csv", "filename,labels\na.jpg,cat\n", "a.jpg")
    write(tmp_path, "old.json", {"classes": ["dog"], "images": [["a.jpg", ["dog"]]]})
    assert open_data(tmp_path).classes == ("cat",)


def test_files_that_differ_in_their_classes_are_refused(tmp_path):
    write(tmp_path, "train.json", TRAIN)
    write(tmp_path, "val.json", {**VAL, "classes": ["cat"]})
    with pytest.raises(DataError) as caught:
        open_data(tmp_path)
    both = f"{tmp_path}/val.json and {tmp_path}/train.json"
    assert str(caught.value) == f"{both} differ in their classes; give both the same"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"images": []}, "train.json needs a list of names as its 'classes'; correct it"),
        ({"classes": [], "images": []}, "train.json needs a list of names as its 'classes'; correct it"),
        ([], "train.json needs a list of names as its 'classes'; correct it"),
        ({"classes": ["cat"]}, "train.json has no list 'images'; correct it"),
        (
            {"classes": ["cat"], "images": [["a.jpg", ["cat"], 1]]},
            "entry 0 of 'images' in train.json must be a photo and a list of labels; correct it",
        ),
        (
            {"classes": ["cat"], "images": [["a.jpg", [0]]]},
            "entry 0 of 'images' in train.json must be a photo and a list of labels; correct it",
        ),
        (
            {"classes": ["cat"], "images": [["a.jpg", ["dog"]]]},
            "entry 0 of train.json has the label 'dog', which the file does not declare; declare or correct it",
        ),
        (
            {"classes": ["cat"], "images": [["a.jpg", ["cat"]], ["b.jpg", ["cat"]]]},
            "1 of 2 photos are not in DATA: entry 1 of train.json names 'b.jpg'; correct the names, or name the folder "
            "of the photos with --reader.images",
        ),
        (
            {"classes": ["cat"], "images": [["../a.jpg", ["cat"]]]},
            "entry 0 of train.json names '../a.jpg', which is not inside the data folder; use a path relative to it",
        ),
        (
            {"classes": ["cat", "cat"], "images": [["a.jpg", ["cat"]]]},
            "train.json declares the label 'cat' twice or without a name; give each its own name",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path, content, message):
    assert refusal(Dor(), write(tmp_path, "train.json", content, "a.jpg")) == message


def test_a_folder_without_such_files_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        Dor().read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has no lists of photos with their labels; give the folder that has annotations/ in it, or the file"
    )
