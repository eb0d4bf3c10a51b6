"""What the VOC reader promises: labels from objects, what difficult ones are, splits from lists, what is refused."""

import pytest

from polytag.data.readers import Voc
from polytag.errors import DataError, OptionError


def annotate(folder, stem, *objects, photo=True):
    """One photo with objects; a name that ends in ``?`` is difficult."""
    xml = "".join(
        f"<object><name>{name.rstrip('?')}</name><difficult>{int(name.endswith('?'))}</difficult>"
        "<part><name>head</name></part></object>"
        for name in objects
    )
    write(folder, f"Annotations/{stem}.xml", f"<annotation><filename>{stem}.jpg</filename>{xml}</annotation>")
    if photo:
        write(folder, f"JPEGImages/{stem}.jpg", "")


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def names_and_labels(data):
    return [(data.images.name(row), data.labels.names(row)) for row in range(len(data))]


def refusal(folder):
    with pytest.raises(DataError) as caught:
        Voc().read(folder)
    return str(caught.value).replace(str(folder), "DATA")


def test_a_photo_has_the_names_of_its_objects(tmp_path):
    annotate(tmp_path, "2007_02", "dog", "aeroplane", "dog")
    annotate(tmp_path, "2007_01")
    data = Voc().read(tmp_path)
    assert data.classes == ("aeroplane", "dog")  # parts of objects are no objects
    assert names_and_labels(data) == [("JPEGImages/2007_01.jpg", ()), ("JPEGImages/2007_02.jpg", ("aeroplane", "dog"))]
    assert data.split is None
    assert data.notes == (
        "Annotations: 2 names of objects on 2 photos",
        "file names completed with their ending, such as 'JPEGImages/2007_01.jpg'",
    )


@pytest.mark.parametrize(("difficult", "value"), [("unknown", -1), ("present", 1), ("absent", 0)])
def test_a_label_on_difficult_objects_only_is_what_the_option_says(tmp_path, difficult, value):
    annotate(tmp_path, "1", "dog?", "cat", "cat?")  # one cat is not difficult: present in any case
    annotate(tmp_path, "2", "dog", "cow?")
    data = Voc(difficult=difficult).read(tmp_path)
    assert data.classes == ("cat", "cow", "dog")
    assert data.labels.dense().tolist() == [[1, 0, value], [0, value, 1]]
    assert data.notes[-1] == f"2 labels on difficult objects only: read as {difficult}"


@pytest.mark.parametrize(
    ("lists", "split"),
    [
        ({"train": "1", "val": "2", "trainval": "1 2", "test": "3"}, [0, 1, 2]),
        ({"trainval": "1 2", "test": "3"}, [0, 0, 2]),
        ({"trainval": "1 2 3"}, [0, 0, 0]),
    ],
)
def test_splits_come_from_the_lists(tmp_path, lists, split):
    for stem in "123":
        annotate(tmp_path, stem, "dog")
    for name, stems in lists.items():
        write(tmp_path, f"ImageSets/Main/{name}.txt", "\n".join(stems.split()) + "\n\n")
    write(tmp_path, "ImageSets/Main/dog_train.txt", "1 -1\n")  # one class only: not needed
    assert Voc().read(tmp_path).split.tolist() == split


def test_photos_in_no_list_are_left_out(tmp_path):
    annotate(tmp_path, "1", "dog")
    annotate(tmp_path, "2", "person")
    write(tmp_path, "ImageSets/Main/train.txt", "1\n")
    data = Voc().read(tmp_path)
    assert names_and_labels(data) == [("JPEGImages/1.jpg", ("dog",))]
    assert data.classes == ("dog",)
    assert data.notes[-2:] == (
        "splits from ImageSets/Main: 1 train",
        "1 photos left out, in no list of ImageSets/Main",
    )


def test_the_folder_of_photos_can_be_elsewhere(tmp_path):
    annotate(tmp_path, "1", "dog", photo=False)
    write(tmp_path, "photos/1.png", "")
    data = Voc(images=str(tmp_path / "photos")).read(tmp_path)
    assert (data.images.root, data.images.name(0)) == (tmp_path / "photos", "1.png")


def test_only_a_folder_with_annotations_is_a_candidate(tmp_path):
    assert Voc().candidates(tmp_path) == []
    annotate(tmp_path, "1", "dog")
    assert Voc().candidates(tmp_path) == [tmp_path]
    assert Voc().candidates(tmp_path / "Annotations" / "1.xml") == []


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (
            "<annotation><object>",
            "DATA/Annotations/1.xml is not valid XML (no element found: line 1, column 20); correct it or remove it",
        ),
        (
            "<annotation><object/></annotation>",
            "DATA/Annotations/1.xml has an object without a name; name it or remove it",
        ),
        (
            "<annotation><object><name>d\to</name></object></annotation>",
            "1.xml has the label 'd\\to', with a control character in it; remove that character",
        ),
        (
            "<annotation/>",
            "DATA has 1 photos and no label on any of them; check where it has its labels",
        ),
        (
            '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><annotation>&b;</annotation>',
            "DATA/Annotations/1.xml declares a document type, which labels have no need of; remove the declaration",
        ),
    ],
)
def test_annotations_that_cannot_be_read_are_refused_in_one_sentence(tmp_path, xml, message):
    annotate(tmp_path, "1")
    write(tmp_path, "Annotations/1.xml", xml)
    assert refusal(tmp_path) == message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
def test_a_document_type_is_refused_in_any_encoding_and_reads_no_other_file(tmp_path, encoding):
    annotate(tmp_path, "1", "dog")
    secret = tmp_path / "secret.txt"
    secret.write_text("dog")
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [<!ENTITY s SYSTEM "file://{secret}">]>'
    xml = text + "<annotation><object><name>&s;</name></object></annotation>"
    (tmp_path / "Annotations" / "1.xml").write_bytes(xml.encode(encoding))
    assert refusal(tmp_path).endswith("declares a document type, which labels have no need of; remove the declaration")


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (
            {"train": "1\n\n9"},
            "line 3 of DATA/ImageSets/Main/train.txt names '9', which has no XML file in Annotations; add it",
        ),
        ({"train": "1", "val": "1"}, "'1' is in train and in val.txt; keep it in one of them"),
    ],
)
def test_lists_that_do_not_fit_are_refused(tmp_path, lists, message):
    annotate(tmp_path, "1", "dog")
    for name, text in lists.items():
        write(tmp_path, f"ImageSets/Main/{name}.txt", text)
    assert refusal(tmp_path) == message


def test_a_folder_without_annotations_is_refused(tmp_path):
    assert refusal(tmp_path) == (
        "DATA has no Annotations/*.xml; give the folder that has Annotations and JPEGImages in it"
    )


def test_missing_photos_are_named(tmp_path):
    annotate(tmp_path, "1", "dog")
    annotate(tmp_path, "2", "dog", photo=False)
    assert refusal(tmp_path) == (
        "1 of 2 photos are not in DATA: Annotations/2.xml names 'JPEGImages/2'; "
        "correct the names, or name the folder of the photos with --reader.images"
    )


def test_refuses_another_meaning_of_difficult():
    with pytest.raises(OptionError, match=r"^difficult must be one of unknown, present, absent, got 'hard'$"):
        Voc(difficult="hard")


def test_names_with_spaces_and_folders_are_found_in_lists(tmp_path):
    annotate(tmp_path, "my photo", "cat")
    annotate(tmp_path, "in/b", "dog")
    annotate(tmp_path, "c", "dog")
    write(tmp_path, "Annotations/.ipynb_checkpoints/c.xml", "<annotation/>")
    write(tmp_path, "ImageSets/Main/train.txt", "\ufeffmy photo\n'in/b'\n")
    write(tmp_path, "ImageSets/Main/val.txt", "c  1\n")
    data = Voc().read(tmp_path)
    assert names_and_labels(data) == [
        ("JPEGImages/c.jpg", ("dog",)),
        ("JPEGImages/in/b.jpg", ("dog",)),
        ("JPEGImages/my photo.jpg", ("cat",)),
    ]
    assert data.split.tolist() == [1, 0, 0]
