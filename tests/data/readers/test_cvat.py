"""What CVAT's XML promises: tags and drawn labels, declared classes, subsets as splits, and what is refused."""

import pytest
from label_files import names_and_labels, refusal, write

from polytag.data.open import open_data
from polytag.data.readers import Cvat
from polytag.errors import DataError

META = """<meta><task><name>t</name><labels>
<label><name>hat</name><type>tag</type></label><label><name>dog</name></label><label><name> cat</name></label>
<label><name>body</name><type>skeleton</type></label><label><name>nose</name><parent>body</parent></label>
</labels></task></meta>"""
IMAGES = """<image id="0" name="in/a.jpg" width="3"><tag label="cat"/>
<tag label="hat"><attribute name="x">1</attribute></tag></image>
<image id="1" name="b.jpg"><box label="dog" xtl="1"/><skeleton label="body"><points label="nose"/></skeleton>
<polygon label="dog"/></image><image id="2" name="c.jpg"/>"""


def document(images=IMAGES, meta=META):
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations><version>1.1</version>{meta}{images}</annotations>'


def test_a_photo_has_its_tags_and_what_is_drawn_on_it(tmp_path):
    path = write(tmp_path, "annotations.xml", document(), "in/a.jpg b.jpg c.jpg")
    data = open_data(tmp_path)
    assert data.classes == ("hat", "dog", "cat", "body")  # a joint of a skeleton is none
    assert names_and_labels(data) == [("in/a.jpg", ("hat", "cat")), ("b.jpg", ("dog", "body")), ("c.jpg", ())]
    assert data.split is None
    assert data.notes == ("annotations.xml: 4 labels on 3 photos",)
    assert names_and_labels(Cvat(shapes=False).read(path))[1] == ("b.jpg", ())


def test_a_project_declares_labels_too_and_a_file_need_not(tmp_path):
    project = META.replace("task>", "project>")
    path = write(tmp_path, "annotations.xml", document(meta=project), "in/a.jpg b.jpg c.jpg")
    assert Cvat().read(path).classes == ("hat", "dog", "cat", "body")
    path.write_text(document(meta=""))
    assert Cvat().read(path).classes == ("body", "cat", "dog", "hat")


def subsets(*names):
    images = (f'<image name="{n}.jpg" subset="{name}"><tag label="cat"/></image>' for n, name in enumerate(names))
    return document("".join(images))


def test_subsets_are_splits(tmp_path):
    data = Cvat().read(write(tmp_path, "x.xml", subsets("Train", "Validation", ""), "0.jpg 1.jpg 2.jpg"))
    assert data.split.tolist() == [0, 1, -1]
    assert data.notes[1:] == ("splits from the subsets: 1 train, 1 val, 1 in none",)


def test_other_subsets_are_none_and_this_is_noted(tmp_path):
    data = Cvat().read(write(tmp_path, "x.xml", subsets("Train", "default"), "0.jpg 1.jpg"))
    assert data.split is None
    assert data.notes[1:] == ("subsets are no splits, since one is called 'default'",)


@pytest.mark.parametrize("place", ["images/", ""])
def test_each_subset_of_a_project_may_have_a_folder_of_its_photos(tmp_path, place):
    photos = f"{place}Train/0.jpg {place}Test/1.jpg"
    path = write(tmp_path, "annotations.xml", subsets("Train", "Test"), photos)
    assert [name for name, _ in names_and_labels(Cvat().read(path))] == photos.split()
    elsewhere = Cvat(images=str(tmp_path / place)).read(path)
    assert [name for name, _ in names_and_labels(elsewhere)] == ["Train/0.jpg", "Test/1.jpg"]
    assert elsewhere.split.tolist() == [0, 2]


def test_a_folder_offers_the_files_of_cvat(tmp_path):
    write(tmp_path, "other.xml", "<annotation><object><name>cat</name></object></annotation>")
    write(tmp_path, "empty.xml", "")
    assert Cvat().candidates(tmp_path) == []
    path = write(tmp_path, "A.XML", document())
    assert Cvat().candidates(path) == [path]


def test_the_folder_of_photos_can_be_elsewhere(tmp_path):
    path = write(tmp_path, "x.xml", subsets(""), "in/there/0.jpg")
    assert Cvat(images=str(tmp_path / "in" / "there")).read(path).images.name(0) == "0.jpg"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings(tmp_path, encoding):
    text = document('<image name="0.jpg"><tag label="caf\u00e9"/></image>', meta="").replace("utf-8", encoding[:10])
    path = write(tmp_path, "x.xml", text.replace("utf-8-sig", "utf-8").encode(encoding), "0.jpg")
    assert Cvat().read(path).classes == ("caf\u00e9",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<annotations>", "x.xml is not valid XML (no element found: line 1, column 13); correct it or remove it"),
        ("", "x.xml is not valid XML (no element found: line 1, column 0); correct it or remove it"),
        (
            document().replace("utf-8", "klingon"),
            "x.xml is not valid XML (unknown encoding: klingon); correct it or remove it",
        ),
        (
            document().replace("utf-8", "shift_jis"),
            "x.xml is not valid XML (multi-byte encodings are not supported); correct it or remove it",
        ),
        (
            '<!DOCTYPE a [<!ENTITY x "y">]><annotations>&x;</annotations>',
            "x.xml declares a document type, which labels have no need of; remove the declaration",
        ),
        (document(""), "x.xml lists no photos; add an entry for each photo"),
        (document("<track label='cat'/>"), "x.xml lists no photos; add an entry for each photo"),
        (document('<image id="0"/>'), "image 0 of x.xml has no file name; fill it in or remove the entry"),
        (
            document('<image name="a.jpg"><tag/></image>'),
            "image 'a.jpg' of x.xml has a tag without a label; name it",
        ),
        (
            document('<image name="a.jpg"><tag label="bird"/></image>'),
            "image 0 of x.xml has the label 'bird', which the file does not declare; declare or correct it",
        ),
        (
            document('<image name="a.jpg"/><image name="../b.jpg"/>'),
            "image 1 of x.xml names '../b.jpg', which is not inside the data folder; use a path relative to it",
        ),
        (
            document('<image name="a.jpg"/><image id="&#10;" name="a.jpg"/>'),
            "'a.jpg' is listed twice, by image 0 of x.xml and by image 1 of x.xml; keep one of them",
        ),
        (
            document('<image name="a.jpg"/>'),
            "x.xml has 1 photos and no label on any of them; check where it has its labels",
        ),
        (
            document(meta=META.replace("dog", "hat")),
            "x.xml declares the label 'hat' twice or without a name; give each its own name",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(tmp_path, text, message):
    assert refusal(Cvat(), write(tmp_path, "x.xml", text, "a.jpg")) == message


def test_a_broken_file_that_is_named_is_refused_for_what_is_wrong(tmp_path):
    path = write(tmp_path, "x.xml", document()[:-3], "a.jpg")
    with pytest.raises(DataError, match=r"x\.xml is not valid XML \(unclosed token: "):
        open_data(path)
