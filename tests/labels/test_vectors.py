"""What label vectors promise: alike labels are near each other; words come from files of several kinds."""

import re

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from polytag.errors import DataError
from polytag.labels import Labels
from polytag.labels.vectors import LENGTH, cooccurrence_vectors, image_vectors, random_vectors, word_vectors

NAMES = ("bus", "car", "fork", "spoon", "never")
# Bus and car come together, as do fork and spoon; nothing is "never".
LABELS = Labels.from_dense(
    np.array([[1, 1, 0, 0, 0]] * 4 + [[0, 0, 1, 1, 0]] * 3 + [[1, 0, 0, 0, 0], [0, 0, 0, 1, 0], [0, 1, 0, 1, 0]]), NAMES
)


def cosine(vectors, one, other):
    return vectors[one] @ vectors[other] / LENGTH**2


@pytest.mark.parametrize("size", [3, 5, 12])
def test_labels_of_the_same_company_are_near(size):
    vectors = cooccurrence_vectors(LABELS, size)
    assert vectors.shape == (5, size)
    np.testing.assert_allclose(np.linalg.norm(vectors[:4], axis=1), LENGTH)
    assert not vectors[4].any()
    assert cosine(vectors, 0, 1) > cosine(vectors, 0, 2) + 0.3
    assert cosine(vectors, 2, 3) > cosine(vectors, 1, 2) + 0.3


def test_with_room_for_all_they_are_the_factors_of_the_mutual_information():
    dense = LABELS.dense()[:, :4].astype(float)
    both = dense.T @ dense / len(dense)
    alone = np.diag(both)
    with np.errstate(divide="ignore"):
        information = np.maximum(np.log(both / np.outer(alone, alone)), 0)
    values, vectors = np.linalg.eigh(information)
    factors = vectors * np.sqrt(np.abs(values))
    factors *= LENGTH / np.linalg.norm(factors, axis=1, keepdims=True)
    found = cooccurrence_vectors(LABELS, 9)[:4]
    np.testing.assert_allclose(found @ found.T, factors @ factors.T, atol=1e-9)


def test_photos_of_which_nothing_is_known_change_no_vector():
    more = np.vstack([LABELS.dense(), np.full((5, len(LABELS.classes)), -1)])
    found = cooccurrence_vectors(Labels.from_dense(more, LABELS.classes), 3)
    np.testing.assert_allclose(found, cooccurrence_vectors(LABELS, 3), atol=1e-12)


def test_few_of_many_directions_are_the_largest_ones():
    random = np.random.default_rng(0)
    labels = Labels.from_dense(random.integers(0, 2, (60, 24)), tuple(f"{n:02}" for n in range(24)))
    few, all_of_them = cooccurrence_vectors(labels, 3), cooccurrence_vectors(labels, 24)  # by another solver
    cut = all_of_them[:, :3]
    np.testing.assert_allclose(few, LENGTH * cut / np.linalg.norm(cut, axis=1, keepdims=True), atol=1e-6)


def test_without_any_company_they_are_zeros():
    dense = np.zeros((5, 40), int)
    dense[:, 0] = 1
    for size in (5, 40):
        vectors = cooccurrence_vectors(Labels.from_dense(dense, [f"{n:02}" for n in range(40)]), size)
        assert vectors.shape == (40, size)
        assert not vectors.any()


def test_labels_whose_photos_look_alike_are_near():
    features = np.array([[1.0, 0, 0]] * 4 + [[0, 1, 0]] * 3 + [[1, 0, 0.1], [0, 1, 0.1], [0.5, 0.5, 0]])
    vectors = image_vectors(LABELS, features, 7)
    dense = LABELS.dense()[:, :4].astype(float)
    means = (dense.T @ (features - features.mean(0))) / dense.sum(0)[:, None]
    means *= LENGTH / np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors[:4] @ vectors[:4].T, means @ means.T, atol=1e-9)
    assert vectors.shape == (5, 7)
    assert not vectors[4].any()


def test_random_ones_are_a_function_of_the_seed():
    assert np.array_equal(random_vectors(4, 6, 1), random_vectors(4, 6, 1))
    assert not np.array_equal(random_vectors(4, 6, 1), random_vectors(4, 6, 2))
    np.testing.assert_allclose(np.linalg.norm(random_vectors(4, 6), axis=1), LENGTH)


WORDS = {"car": [1.0, 2.0], "traffic": [0.0, 4.0], "light": [2.0, 0.0], "t-shirt": [5.0, 5.0], "hot_dog": [7.0, 7.0]}
ASKED = ("car", "Traffic light", "t-shirt", "hot dog", "light (red)")
EXPECTED = [[1, 2], [1, 2], [5, 5], [7, 7], [2, 0]]


def written(path):
    lines = [" ".join([word, *map(str, vector)]) + "\n" for word, vector in WORDS.items()]
    if path.name == "marked.txt":
        path.write_text("".join(lines), encoding="utf-8-sig")
    elif path.name == "glove.txt":
        path.write_text("".join(lines))
    elif path.name == "tabs.txt":
        path.write_text("\n" + "".join(lines).replace(" ", "\t"), encoding="utf-8-sig")
    elif path.name == "word2vec.txt":
        path.write_text(f"{len(WORDS)} 2\n" + "".join(line.replace("\n", " \n") for line in lines))
    elif path.name == "each.npz":
        np.savez(path, **{word: np.array(vector) for word, vector in WORDS.items()})
    elif path.name == "table.npz":
        np.savez(path, names=np.array(list(WORDS)), vectors=np.array(list(WORDS.values())))
    elif path.name == "half.safetensors":
        save_torch({word: torch.tensor(vector, dtype=torch.bfloat16) for word, vector in WORDS.items()}, path)
    else:
        save_file({word: np.array(vector) for word, vector in WORDS.items()}, path)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "glove.txt",
        "marked.txt",
        "tabs.txt",
        "word2vec.txt",
        "each.npz",
        "table.npz",
        "each.safetensors",
        "half.safetensors",
    ],
)
def test_words_are_read_from_files_of_any_kind(tmp_path, name):
    np.testing.assert_array_equal(word_vectors(written(tmp_path / name), ASKED, 2), EXPECTED)


@pytest.mark.parametrize("name", ["words.txt", "each.npz"])
def test_a_name_is_found_whatever_its_case(tmp_path, name):
    words = {"DOG": [0.0], "Dog": [1.0], "cat": [3.0], "Cat": [4.0]}
    if name == "each.npz":
        np.savez(tmp_path / name, **words)
    else:
        (tmp_path / name).write_text("".join(f"{word} {number}\n" for word, (number,) in words.items()))
    found = word_vectors(tmp_path / name, ("dog", "Dog", "cat", "CAT", "big dog"), 1)
    assert found.tolist() == [[0], [1], [3], [3], [0]]


@pytest.mark.parametrize(
    ("name", "classes", "size", "message"),
    [
        ("glove.txt", ("car", "tram", "ufo"), 2, "PATH knows no word of 2 labels: tram, ufo; rename them, or choose "),
        ("glove.txt", ("car",), 3, "the vector of 'car' in PATH has 2 numbers, and vector_size is 3"),
        (
            "none.txt",
            ("car",),
            2,
            "vectors must be cooccurrence, images, random or a file, and there is no PATH; give ",
        ),
        (
            "bad.txt",
            ("car",),
            2,
            "PATH cannot be read as vectors of words (could not convert string to float: 'is'); ",
        ),
        (
            "words.npz",
            ("car",),
            2,
            "PATH cannot be read as vectors of words (could not convert string to float: np.str_('a')); ",
        ),
        ("cut.npz", ("car",), 2, "PATH cannot be read as vectors of words (File is not a zip file); "),
        ("nan.npz", ("car",), 2, "the vector of 'car' in PATH must be finite numbers, and some are not; mend the file"),
        ("bad.npz", ("car",), 2, "PATH cannot be read as vectors of words ("),
        ("bad.safetensors", ("car",), 2, "PATH cannot be read as vectors of words ("),
    ],
)
def test_refuses_a_file_that_does_not_help(tmp_path, name, classes, size, message):
    path = tmp_path / name
    if name == "glove.txt":
        written(path)
    elif name == "words.npz":
        np.savez(path, car=np.array(["a", "b"]))
    elif name == "nan.npz":
        np.savez(path, car=np.array([1.0, np.nan]), other=np.array(["a"]))
    elif name == "cut.npz":
        np.savez(path, car=np.array([1.0, 2.0]))
        path.write_bytes(path.read_bytes()[:-30])
    elif name.startswith("bad"):
        path.write_text("car is fast\n")
    with pytest.raises(DataError, match=f"^{re.escape(message.replace('PATH', str(path)))}"):
        word_vectors(path, classes, size)


def test_letters_with_an_accent_are_the_same_in_either_form_of_unicode(tmp_path):
    path = tmp_path / "words.txt"
    composed, apart = "caf\u00e9", "cafe\u0301"
    path.write_text(f"{apart} 1 2\nna\u00efve 3 4\n", encoding="utf-8")
    assert word_vectors(path, [composed, "nai\u0308ve"], 2).tolist() == [[1, 2], [3, 4]]
    np.savez(tmp_path / "words.npz", **{apart: np.array([5.0, 6])})
    assert word_vectors(tmp_path / "words.npz", [composed], 2).tolist() == [[5, 6]]


def test_lines_of_several_words_are_read_and_stand_in_no_others_way(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("dog house 9 9\n. . . 8 8\ndog\u00a0food 7 7\ndining table 1 2\ndog 3 4\n2 5 6\n", encoding="utf-8")
    assert word_vectors(path, ["Dining table", "dog", "2"], 2).tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("text", ["", "2 3\n", "dog,1,2,3\n"])
def test_a_file_without_any_vector_of_use_says_what_would_be_one(text, tmp_path):
    path = tmp_path / "words.txt"
    path.write_text(text)
    with pytest.raises(
        DataError, match=r"has no vector for a word of any label, as 'dog'; give a GloVe or word2vec text"
    ):
        word_vectors(path, ["dog", "cat"], 3)


def test_names_in_one_word_are_cut_in_two_that_the_file_has(tmp_path):
    """As VOC 2007 writes some of its twenty."""
    words = ["din", "ing", "dining", "table", "potted", "plant", "tv", "monitor", "mot", "orbike", "motorbike"]
    path = tmp_path / "words.txt"
    path.write_text("".join(f"{word} {number} {number * number}\n" for number, word in enumerate(words)))
    at = {word: np.array([number, number * number]) for number, word in enumerate(words)}
    found = word_vectors(path, ["diningtable", "pottedplant", "tvmonitor", "motorbike"], 2)
    expected = [(at["dining"] + at["table"]) / 2, (at["potted"] + at["plant"]) / 2, (at["tv"] + at["monitor"]) / 2]
    np.testing.assert_array_equal(found, [*expected, at["motorbike"]])
    with pytest.raises(DataError, match=r"knows no word of 1 label: dininghall;"):
        word_vectors(path, ["dininghall"], 2)


def test_names_may_be_bytes(tmp_path):
    np.savez(tmp_path / "words.npz", names=np.array([b"cat", "k\u00e4tzchen".encode()]), vectors=np.eye(2))
    np.testing.assert_array_equal(word_vectors(tmp_path / "words.npz", ["k\u00e4tzchen", "cat"], 2), [[0, 1], [1, 0]])
