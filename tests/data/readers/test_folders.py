"""What folders of labels promise: a photo in several of them has all their labels, and what is left out is noted."""

import pytest
from label_files import names_and_labels

from polytag.data.open import open_data
from polytag.data.readers import Folders
from polytag.errors import DataError


def photos(folder, **content):
    """Files by place, where ``__`` stands for a step down, with this content each."""
    for place, text in content.items():
        path = folder / f"{place.replace('__', '/')}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def refusal(path, **options):
    with pytest.raises(DataError) as caught:
        Folders(**options).read(path)
    return str(caught.value).replace(str(path), "DATA")


def test_a_photo_in_several_folders_has_all_of_their_labels(tmp_path):
    photos(tmp_path, cat__b="1", cat__a="2", hat__b="1", hat__other="2", dog__c="3")
    data = open_data(tmp_path)
    assert data.classes == ("cat", "dog", "hat")
    assert names_and_labels(data) == [
        ("cat/a.jpg", ("cat", "hat")),
        ("cat/b.jpg", ("cat", "hat")),
        ("dog/c.jpg", ("dog",)),
    ]
    assert data.split is None
    assert data.notes == (
        "3 folders of photos, 3 labels",
        "2 photos are in several folders and have all of their labels",
    )


def test_folders_of_one_name_in_each_split_are_one_label(tmp_path):
    photos(tmp_path, train__cat__a="1", train__hat__a="1", valid__cat__a="2", test__dog__a="1")
    data = open_data(tmp_path)
    assert names_and_labels(data) == [
        ("test/dog/a.jpg", ("dog",)),
        ("train/cat/a.jpg", ("cat", "hat")),
        ("valid/cat/a.jpg", ("cat",)),
    ]
    assert data.split.tolist() == [2, 0, 1]
    assert data.notes == (
        "3 folders of photos, 3 labels",
        "1 photo is in several folders and has all of their labels",
        "splits from the names of the folders: 1 train, 1 val, 1 test",
    )


def test_a_label_may_be_called_train(tmp_path):
    photos(tmp_path, train__a="1", bus__b="2")
    assert open_data(tmp_path).classes == ("bus", "train")


def test_folders_of_splits_alone_are_no_labels(tmp_path):
    photos(tmp_path, train__a="1", val__b="2")
    assert Folders().candidates(tmp_path) == []


def test_names_of_folders_may_hold_several_labels(tmp_path):
    (tmp_path / "cat, hat").mkdir()
    photos(tmp_path, cat__a="1", none__b="2")
    (tmp_path / "cat, hat" / "c.jpg").write_text("3")
    data = Folders(delimiter=",", none="none").read(tmp_path)
    assert names_and_labels(data) == [("cat/a.jpg", ("cat",)), ("none/b.jpg", ()), ("cat, hat/c.jpg", ("cat", "hat"))]
    data = Folders().read(tmp_path)
    assert data.classes == ("cat", "cat, hat", "none")
    assert data.notes[1:] == ("'none' is read as a label; --reader.none 'none' reads it as none",)


def test_what_is_hidden_is_no_photo_and_what_is_left_out_is_counted(tmp_path):
    photos(tmp_path, cat__a="1", cat__copy="1", hat__b="2", loose="3", _trash__x="4")
    (tmp_path / "_trash").rename(tmp_path / ".trash")
    (tmp_path / "cat" / "._a.jpg").write_text("resource fork")
    (tmp_path / "cat" / "notes.txt").write_text("5")
    (tmp_path / "empty").mkdir()
    data = open_data(tmp_path)
    assert names_and_labels(data) == [("cat/a.jpg", ("cat",)), ("hat/b.jpg", ("hat",))]
    assert data.notes == (
        "2 folders of photos, 2 labels",
        "1 copy of a photo in its own folder left out",
        "1 photo in no folder of a label left out",
    )


def test_loose_photos_of_splits_are_counted_too(tmp_path):
    photos(tmp_path, train__cat__a="1", train__loose="2", val__hat__b="3", val__loose="4")
    assert "2 photos in no folder of a label left out" in open_data(tmp_path).notes


def test_folders_beside_those_of_splits_are_noted(tmp_path):
    photos(tmp_path, train__cat__a="1", val__hat__b="3", bus__b="4")
    assert open_data(tmp_path).notes[1:] == (
        "folder 'bus' beside those of the splits left out",
        "splits from the names of the folders: 1 train, 1 val",
    )


def test_photos_deeper_than_the_folders_of_labels_are_counted_and_their_folder_is_named(tmp_path):
    photos(tmp_path, cat__2020__c="1", dog__a="2", hat__b="3", hat___old__x="4")
    (tmp_path / "hat" / "_old").rename(tmp_path / "hat" / ".old")
    data = open_data(tmp_path)
    assert data.classes == ("dog", "hat")
    assert data.notes == ("2 folders of photos, 2 labels", "1 photo in 'cat/2020', no folder of a label, left out")
    photos(tmp_path, dog__sub__d="5", dog__sub__deep__e="6", dog__sub__f="7")
    assert open_data(tmp_path).notes[1:] == ("4 photos in 'cat/2020' and 2 other folders, none of a label, left out",)


def test_photos_deeper_than_the_folders_of_labels_of_splits_are_counted_too(tmp_path):
    photos(tmp_path, train__cat__a="1", train__cat__sub__b="2", val__hat__c="3", bus__d="4", bus__sub__e="5")
    assert open_data(tmp_path).notes[1:-1] == (
        "folder 'bus' beside those of the splits left out",
        "2 photos in 'bus/sub' and 1 other folder, none of a label, left out",
    )


def test_labels_are_composed_and_noted_where_they_look_alike(tmp_path):
    for name in ("Cafe\u0301", "caf\u00e9"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_text(name)
    data = open_data(tmp_path)
    assert data.classes == ("Caf\u00e9", "caf\u00e9")
    assert data.notes[-1] == "labels 'Caf\u00e9' and 'caf\u00e9' differ only by case and are kept apart"


def test_one_folder_of_photos_is_no_candidate(tmp_path):
    photos(tmp_path, images__a="1")
    assert Folders().candidates(tmp_path) == []
    assert Folders().candidates(tmp_path / "images") == []


def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path):
    assert (
        refusal(tmp_path)
        == "DATA has no folders of labels with photos in them; give the folder that has one for each label"
    )
    photos(tmp_path, cat__a="1", none__b="2")
    assert refusal(tmp_path, none="nothing") == (
        "DATA has no folder 'nothing' with photos in it; correct --reader.none"
    )
    assert refusal(tmp_path / "cat" / "a.jpg") == "DATA is not a folder; give the folder that has one for each label"
    (tmp_path / "none").rename(tmp_path / "no\nne")
    assert refusal(tmp_path) == (
        "'no\\nne/b.jpg' has the label 'no\\nne', with a control character in it; remove that character"
    )


def test_only_folders_without_labels_are_refused(tmp_path):
    photos(tmp_path, none__b="2")
    assert refusal(tmp_path, none="none") == (
        "DATA has 1 photos and no label on any of them; check where it has its labels"
    )
