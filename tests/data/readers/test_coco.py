"""What the COCO reader promises: labels from boxes, splits from file names, and what is refused."""

import json

import pytest

from polytag.data.readers import Coco
from polytag.errors import DataError, OptionError

CATEGORIES = [{"id": 7, "name": "dog"}, {"id": 3, "name": "traffic light"}, {"id": 9, "name": "cat"}]


def instances(images, pairs, categories=CATEGORIES):
    """COCO's JSON from file names by id and pairs of image and category."""
    return {
        "images": [{"id": number, "file_name": name} for number, name in images.items()],
        "annotations": [{"id": 50 + k, "image_id": i, "category_id": c} for k, (i, c) in enumerate(pairs)],
        "categories": categories,
    }


def write(folder, name, content, photos=""):
    for photo in photos.split():
        (folder / photo).parent.mkdir(parents=True, exist_ok=True)
        (folder / photo).touch()
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / name


def names_and_labels(data):
    return [(data.images.name(row), data.labels.names(row)) for row in range(len(data))]


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        Coco(**options).read(path)
    return str(caught.value).replace(str(path.parent) + "/", "").replace(str(path.parent), "DATA")


def test_a_photo_has_the_categories_of_its_boxes(tmp_path):
    content = instances({1: "a.jpg", 2: "b.jpg"}, [(1, 9), (1, 7), (1, 9)])
    content["annotations"][0] |= {"iscrowd": 1, "segmentation": {"counts": [1, 2], "size": [3, 3]}}  # crowds count
    data = Coco().read(write(tmp_path, "all.json", content, "a.jpg b.jpg"))
    assert data.classes == ("traffic light", "dog", "cat")  # by id, also without a box
    assert names_and_labels(data) == [("a.jpg", ("dog", "cat")), ("b.jpg", ())]
    assert data.split is None
    assert data.notes == ("all.json: 3 categories", "1 photos without instances kept")


def test_photos_without_a_box_can_be_dropped(tmp_path):
    path = write(tmp_path, "all.json", instances({1: "a.jpg", 2: "b.jpg"}, [(2, 9)]), "a.jpg b.jpg")
    data = Coco(unlabelled="drop").read(path)
    assert names_and_labels(data) == [("b.jpg", ("cat",))]
    assert data.notes[-1] == "1 photos without instances dropped"


@pytest.mark.parametrize("place", ["train2017/", "images/train2017/", "train/", "images/train/", "images/", ""])
def test_photos_are_found_where_coco_puts_them(tmp_path, place):
    content = instances({1: "a.jpg"}, [(1, 9)])
    path = write(tmp_path, "annotations/instances_train2017.json", content, f"{place}a.jpg")
    data = Coco().read(path)
    assert (data.images.root / data.images.name(0)) == tmp_path / place / "a.jpg"


def test_a_folder_with_a_file_for_each_split_is_one_set(tmp_path):
    for split, number in (("train2017", 1), ("val2017", 2)):
        content = instances({number: "x.jpg"}, [(number, 9)])
        write(tmp_path, f"annotations/instances_{split}.json", content, f"{split}/x.jpg")
        write(tmp_path, f"annotations/captions_{split}.json", content)
    assert Coco().candidates(tmp_path) == [tmp_path]
    data = Coco().read(tmp_path)
    assert names_and_labels(data) == [("train2017/x.jpg", ("cat",)), ("val2017/x.jpg", ("cat",))]
    assert data.split.tolist() == [0, 1]
    assert data.notes == (
        "instances_train2017.json and instances_val2017.json: 3 categories",
        "splits from the names of the files: 1 train, 1 val",
    )
    assert [*map(str, data.images.names)] == [*map(str, Coco().read(tmp_path / "annotations").images.names)]


def test_a_file_beside_the_photos_of_each_split_is_one_set(tmp_path):
    for split, label in (("train", 9), ("valid", 7), ("test", 9)):  # as Roboflow exports them
        write(tmp_path, f"{split}/_annotations.coco.json", instances({0: "x.jpg"}, [(0, label)]), f"{split}/x.jpg")
    data = Coco().read(tmp_path)
    assert names_and_labels(data) == [("test/x.jpg", ("cat",)), ("train/x.jpg", ("cat",)), ("valid/x.jpg", ("dog",))]
    assert data.split.tolist() == [2, 0, 1]
    assert data.notes[1:] == ("splits from the names of the files: 1 train, 1 val, 1 test",)
    assert names_and_labels(Coco().read(tmp_path / "train" / "_annotations.coco.json")) == [("x.jpg", ("cat",))]


def test_two_files_of_one_split_are_two_candidates(tmp_path):
    files = [write(tmp_path, f"annotations/instances_val{year}.json", instances({}, [])) for year in (2014, 2017)]
    assert Coco().candidates(tmp_path) == files
    with pytest.raises(DataError) as caught:
        Coco().read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has 2 annotation files that are not one a split: "
        "instances_val2014.json, instances_val2017.json; name one"
    )


def test_files_of_no_split_are_as_many_candidates(tmp_path):
    files = [write(tmp_path, f"{name}.json", instances({}, [])) for name in ("cats", "dogs")]
    assert Coco().candidates(tmp_path) == files


def test_only_files_with_the_three_lists_are_candidates(tmp_path):
    write(tmp_path, "dataset.json", {"images": 3})
    write(tmp_path, "empty.json", "")
    assert Coco().candidates(tmp_path) == []
    path = write(tmp_path, "_annotations.coco.json", instances({1: "a.jpg"}, [(1, 9)]))
    assert Coco().candidates(tmp_path) == [path]


def test_the_folder_of_photos_can_be_elsewhere(tmp_path):
    path = write(tmp_path, "labels/all.json", instances({1: "a.jpg"}, [(1, 9)]), "photos/a.jpg")
    assert Coco(images=str(tmp_path / "photos")).read(path).images.root == tmp_path / "photos"


GOOD = instances({1: "a.jpg"}, [(1, 9)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "[1, 2",
            "x.json is not valid JSON (Expecting ',' delimiter: line 1 column 6 (char 5)); export or download it again",
        ),
        ([1, 2], "x.json has no list 'images'; COCO annotations have images, annotations and categories"),
        ({"images": []}, "x.json has no list 'categories'; COCO annotations have images, annotations and categories"),
        (GOOD | {"images": [{"id": 1}]}, "entry 0 of 'images' in x.json needs text as its 'file_name'; correct it"),
        (
            GOOD | {"categories": [{"id": 9, "name": " "}]},
            "entry 0 of 'categories' in x.json needs text as its 'name'; correct it",
        ),
        (GOOD | {"images": [7]}, "entry 0 of 'images' in x.json needs a whole number as its 'id'; correct it"),
        (GOOD | {"images": GOOD["images"] * 2}, "x.json lists image 1 twice; remove one of them"),
        (
            GOOD | {"images": [{"id": 1, "file_name": "../a.jpg"}]},
            "image 1 of x.json names '../a.jpg', which is not inside the data folder; use a path relative to it",
        ),
        (
            GOOD | {"images": [{"id": 1, "file_name": "\ud800.jpg"}]},
            "image 1 of x.json names '\\ud800.jpg', which cannot be the name of a photo; correct it",
        ),
        (
            GOOD | {"categories": [*CATEGORIES, {"id": 4, "name": " cat"}]},
            "x.json lists category 4 ('cat') twice; give each its own id and name",
        ),
        (
            GOOD | {"categories": [{"id": 9, "name": "c\nat"}]},
            "category 9 of x.json has the label 'c\\nat', with a control character in it; remove that character",
        ),
        (
            instances({1: "a.jpg"}, [(1, 9), (1, 5)]),
            "annotation 51 of x.json has the category_id 5, which is not listed; "
            "remove the annotation or add what it points to",
        ),
        (
            instances({1: "a.jpg"}, [(2, 9)]),
            "annotation 50 of x.json has the image_id 2, which is not listed; "
            "remove the annotation or add what it points to",
        ),
        (instances({1: "a.jpg"}, []), "x.json has 1 photos and no label on any of them; check where it has its labels"),
        (
            instances({1: "a.jpg", 4: "a.jpg"}, [(1, 9)]),
            "'a.jpg' is listed twice, by image 1 of x.json and by image 4 of x.json; keep one of them",
        ),
        (
            instances({1: "a.jpg", 4: "b.jpg"}, [(1, 9)]),
            "1 of 2 photos are not in DATA: image 4 of x.json names 'b.jpg'; "
            "correct the names, or name the folder of the photos with --reader.images",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, content, message):
    assert refusal(write(tmp_path, "x.json", content, "a.jpg")) == message


def test_a_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        Coco().read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has no COCO annotations; give the folder that has annotations/ in it, or the file"
    )


def test_deep_nesting_is_refused(tmp_path):
    assert refusal(write(tmp_path, "x.json", "[" * 200_000)).startswith("x.json is not valid JSON (maximum recursion")


def test_splits_with_different_categories_are_refused(tmp_path):
    files = [
        write(tmp_path, f"instances_{split}.json", GOOD | {"categories": categories}, "a.jpg")
        for split, categories in (("train", CATEGORIES), ("val", CATEGORIES[1:]))
    ]
    with pytest.raises(DataError) as caught:
        Coco().read(tmp_path)
    assert (
        str(caught.value) == f"{files[1]} and {files[0]} differ in their categories; give both the same ids and names"
    )


def test_refuses_another_fate_for_photos_without_instances():
    with pytest.raises(OptionError, match=r"^unlabelled must be one of keep, drop, got 'skip'$"):
        Coco(unlabelled="skip")


ROBOFLOW = [
    {"id": 0, "name": "cat", "supercategory": "none"},
    {"id": 1, "name": "cat", "supercategory": "cat"},
    {"id": 2, "name": "dog", "supercategory": "cat"},
]


def test_a_category_that_only_stands_above_others_is_left_out(tmp_path):
    for split, photo, pairs in (("train", "a.jpg", [(1, 1)]), ("valid", "b.jpg", [(1, 2)])):
        content = instances({1: photo}, pairs, ROBOFLOW)
        write(tmp_path, f"{split}/_annotations.coco.json", content, f"{split}/{photo}")
    data = Coco().read(tmp_path)
    assert data.classes == ("cat", "dog")
    assert names_and_labels(data) == [("train/a.jpg", ("cat",)), ("valid/b.jpg", ("dog",))]
    assert "'cat' stands above other categories and has no instance: left out" in data.notes


def test_a_category_above_others_that_has_instances_is_a_label(tmp_path):
    above = [{"id": 0, "name": "animal", "supercategory": "none"}, {"id": 1, "name": "cat", "supercategory": "animal"}]
    path = write(tmp_path, "x.json", instances({1: "a.jpg"}, [(1, 0)], above), "a.jpg")
    assert Coco().read(path).classes == ("animal", "cat")
    alone = [{"id": 0, "name": "animal", "supercategory": "none"}, {"id": 1, "name": "cat", "supercategory": "none"}]
    assert Coco().read(write(tmp_path, "x.json", instances({1: "a.jpg"}, [(1, 1)], alone))).classes == ("animal", "cat")
