"""What the page of an inspection promises: everything in it, pictures of copies inside, names as text."""

import re

import numpy as np
import pytest

from polytag.data.inspection import inspect_data
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.labels import Labels
from polytag.report.inspection import inspection_page, summary

NAMES = ["<b>cat</b>", "dog"]


@pytest.fixture(scope="module")
def found():
    random = np.random.default_rng(0)
    photos = [np.kron(random.integers(0, 256, (12, 12, 3)), np.ones((8, 8, 1))).astype(np.uint8) for _ in range(3)]
    images = ImageArrays([*photos, photos[0]], ["a.jpg", "b.jpg", "c.jpg", "<i>.jpg"])
    labels = Labels.from_dense([[1, 1], [0, 1], [1, 0], [0, 1]], NAMES)
    return inspect_data(LabelledSet(images, labels, np.array([0, 0, 1, 2], np.int8), notes=["read from <here>"]))


def test_the_page_has_every_part(found):
    page = inspection_page(found, "my <data>")
    heads = re.findall("<h2>(.+?)</h2>", page)
    assert heads == [
        "What stands out",
        "Photos of each label",
        "Labels of a photo",
        "Labels that come together",
        "Photos that are the same, or overlap",
        "How it was read",
    ]
    assert summary(found) == "4 photos, 2 labels: 2 train, 1 val, 1 test"
    assert "the same; their labels differ: train, test" in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert page.count("<svg") == 4


def test_names_are_text(found):
    page = inspection_page(found, "my <data>")
    assert "<b>cat" not in page
    assert "<i>.jpg" not in page
    assert "&lt;i&gt;.jpg" in page
    assert "read from &lt;here&gt;" in page


def test_labels_alone_make_a_page_too(found):
    page = inspection_page(inspect_data(found.data, pixels=False), "labels")
    assert "data:image" not in page
    assert "overlap" not in page


def test_labels_in_groups_are_drawn_and_listed():
    dense = np.kron(np.eye(2, dtype=np.int8), np.ones((6, 2), np.int8))
    names = ["sea", "sand", "desk", "lamp", "nowhere"]
    labels = Labels.from_dense(np.pad(dense, ((0, 0), (0, 1))), names)
    images = ImageArrays(np.zeros((12, 4, 4, 3), np.uint8))
    page = inspection_page(inspect_data(LabelledSet(images, labels), pixels=False), "rooms")
    assert "Joined where they come together, in 2 groups" in page
    assert '<th scope="row">1</th><td>sea, sand</td>' in page
    assert '<th scope="row">2</th><td>desk, lamp</td>' in page
