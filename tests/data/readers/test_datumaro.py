"""What Datumaro's JSON promises: labels of all annotations, photos wherever Datumaro puts them, and what is refused."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import Datumaro
from polytag.errors import DataError


def item(name, *labels, **more):
    return {"id": name, "annotations": [{"type": "label", "label_id": label} for label in labels]} | more


def content(*items, classes=("hat", "dog", "cat")):
    labels = [{"name": name, "parent": "", "attributes": []} for name in classes]
    return {"info": {}, "categories": {"label": {"labels": labels}}, "items": list(items)}


def test_a_photo_has_the_labels_of_its_annotations(tmp_path):
    first = item("a", 2, 1, image={"path": "a.jpg", "size": [3, 4]})
    second = item("in/b", 0, 0, media={"path": "in/b.jpg"})
    second["annotations"] += [
        {"type": "caption", "caption": "x"},
        {"type": "bbox", "label_id": 1, "bbox": [0, 0, 1, 1]},
    ]
    path = write(tmp_path, "x.json", content(first, second, item("c")), "images/a.jpg images/in/b.jpg images/c.png")
    data = open_data(path)
    assert data.classes == ("hat", "dog", "cat")
    assert names_and_labels(data) == [
        ("images/a.jpg", ("dog", "cat")),
        ("images/in/b.jpg", ("hat", "dog")),
        ("images/c.png", ()),  # by its id
    ]
    assert data.split is None
    assert data.notes == ("x.json: 3 labels", "file names completed with their ending, such as 'images/c.png'")


@pytest.mark.parametrize("place", ["images/train", "images", "train", "."])
def test_photos_are_found_where_datumaro_puts_them(tmp_path, place):
    path = write(tmp_path, "annotations/train.json", content(item("a", 0, image={"path": "a.jpg"})), f"{place}/a.jpg")
    data = open_data(path)
    assert (data.images.root / data.images.name(0)).samefile(tmp_path / place / "a.jpg")


def test_a_file_for_each_subset_is_one_set(tmp_path):
    for split, label in (("train", 0), ("val", 1), ("test", 2)):
        entry = item("x", label, image={"path": "x.jpg"})
        write(tmp_path, f"annotations/{split}.json", content(entry), f"images/{split}/x.jpg")
    data = open_data(tmp_path)
    assert names_and_labels(data) == [
        ("images/test/x.jpg", ("cat",)),
        ("images/train/x.jpg", ("hat",)),
        ("images/val/x.jpg", ("dog",)),
    ]
    assert data.split.tolist() == [2, 0, 1]
    assert data.notes[1:] == ("splits from the names of the files: 1 train, 1 val, 1 test",)


def test_the_folder_of_photos_can_be_elsewhere(tmp_path):
    path = write(tmp_path, "x.json", content(item("a", 0)), "there/images/a.jpg")
    data = Datumaro(images=str(tmp_path / "there")).read(path)
    assert data.images.root == tmp_path / "there"
    assert data.images.name(0) == "images/a.jpg"


def test_subsets_with_different_labels_are_refused(tmp_path):
    first = write(tmp_path, "train.json", content(item("a", 0)), "a.jpg")
    second = write(tmp_path, "val.json", content(item("a", 0), classes=("dog",)))
    with pytest.raises(DataError) as caught:
        Datumaro().read(tmp_path)
    assert str(caught.value) == f"{second} and {first} differ in their labels; give both the same list"


def test_a_folder_without_such_a_file_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        Datumaro().read(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has no Datumaro annotations; give the folder that has annotations/ in it, or the file"
    )


GOOD = content(item("a", 0))
MEDIA = "item 'a' of x.json needs text as the path of its image; correct it"


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ([], "x.json has no list 'labels'; export it again"),
        (GOOD | {"categories": {"label": ["cat"]}}, "x.json has no list 'labels'; export it again"),
        (GOOD | {"categories": ["label"]}, "x.json has no list 'labels'; export it again"),
        (
            GOOD | {"categories": {"label": {"labels": ["cat"]}}},
            "entry 0 of 'labels' in x.json needs text as its 'name'; correct it",
        ),
        (GOOD | {"items": None}, "x.json has no list 'items'; export it again"),
        (
            GOOD | {"items": [{"id": 3, "annotations": []}]},
            "entry 0 of 'items' in x.json needs text as its 'id'; correct it",
        ),
        (
            GOOD | {"items": [{"id": "a", "annotations": None}]},
            "entry 0 of 'items' in x.json needs a list as its 'annotations'; correct it",
        ),
        (content(item("a", 0, image="a.jpg")), MEDIA),
        (content(item("a", 0, media={"path": 3})), MEDIA),
        (content(item("a", 3)), "item 'a' of x.json has the label_id 3; it must be between 0 and 2"),
        (content(item("a", "cat")), "item 'a' of x.json has the label_id 'cat'; it must be between 0 and 2"),
        (content(item("a", True)), "item 'a' of x.json has the label_id True; it must be between 0 and 2"),
        (
            content(item("a", 0, image={"path": "../a.jpg"})),
            "item 'a' of x.json names '../a.jpg', which is not inside the data folder; use a path relative to it",
        ),
        (
            content(item("a", 0), item("a", 1)),
            "'a.jpg' is listed twice, by item 'a' of x.json and by item 'a' of x.json; keep one of them",
        ),
        (content(), "x.json lists no photos; add an entry for each photo"),
        (content(item("a")), "x.json has 1 photos and no label on any of them; check where it has its labels"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, whole, message):
    assert refusal(Datumaro(), write(tmp_path, "x.json", whole, "a.jpg")) == message
