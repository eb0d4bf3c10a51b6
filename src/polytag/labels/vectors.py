"""One vector a label, near where labels are alike: from words, from what comes together, or from vectors of photos."""

import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from scipy.sparse.linalg import eigsh

from polytag._checks import check_number
from polytag._random import generator
from polytag._text import counted
from polytag.errors import DataError
from polytag.labels.cooccurrence import known_counts, rows_matrix, together
from polytag.labels.matrix import Labels

Vectors = NDArray[np.float64]
Table = Mapping[str, Vectors]

LENGTH = 6.5  # of vectors made here: about that of GloVe's 300 numbers for everyday words
_TABLES = (".npz", ".safetensors")
_BROKEN = (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile, zlib.error, SafetensorError)
_GIVE = "give a GloVe or word2vec text file, or an .npz or .safetensors file with a vector a label"


def random_vectors(classes: int, size: int, seed: int = 0) -> Vectors:
    """Directions drawn evenly, the same for the same seed: ``(classes, size)``."""
    return _of_length(generator(seed).standard_normal((classes, size)))


def cooccurrence_vectors(labels: Labels, size: int) -> Vectors:
    """Labels in the company of the same others get similar vectors: ``(classes, size)``.

    The factors of the positive pointwise mutual information ``max(0, log(P(i, j) / P(i) P(j)))`` by its eigenvectors,
    the largest first, times the roots of their values (Levy and Goldberg, NeurIPS 2014); zeros where there are fewer
    than ``size``, and for a label that is on no photo. A pair is counted on the photos on which both are known.

    Args:
        labels: of the training photos; 10,000 classes take 2 GB.
        size: numbers in a vector, ``>= 1``.
    """
    check_number("size", size, 1, 65536)
    both = together(labels)
    information = np.zeros(both.shape)
    first, second = np.nonzero(both)
    counts = both[first, second]
    one, two, known = known_counts(labels, first, second, counts)
    information[first, second] = np.log(counts * known / (one * two)).clip(min=0)
    if not information.any():  # no label tells anything of another
        return np.zeros((len(information), size))
    values, vectors = _eigen(information, size)
    return _of_length(_padded(vectors * np.sqrt(np.abs(values)), size))


def image_vectors(labels: Labels, features: NDArray[np.floating], size: int) -> Vectors:
    """Labels whose photos look alike get similar vectors: ``(classes, size)``.

    The mean over the photos of each label, less the mean over all photos; turned, which changes no angle between them,
    so that their largest directions come first, and cut or filled with zeros to ``size``. A label that is on no photo
    gets zeros.

    Args:
        labels: of ``n`` photos.
        features: a vector a photo, ``(n, D)``.
        size: numbers in a vector, ``>= 1``.
    """
    check_number("size", size, 1, 65536)
    centred = np.asarray(features, np.float64) - np.mean(features, axis=0, dtype=np.float64)
    sums = rows_matrix(labels.present, len(labels.classes)).T @ centred  # (classes, D)
    means = sums / np.maximum(labels.counts().present, 1)[:, None]
    left, values, _ = np.linalg.svd(means, full_matrices=False)
    return _of_length(_padded(_same_sign(left) * values, size))


def word_vectors(path: Path, classes: Sequence[str], size: int) -> Vectors:
    """Vectors of the labels' names from a file: ``(classes, size)``, as long as they are there.

    A name that is not in the file, whatever its case, gets the mean of those of its words that are.

    Args:
        path: text with a word and its numbers a line, by spaces or tabs (GloVe; word2vec with its first line of two
            numbers); .npz or .safetensors with an array ``(size,)`` a name; .npz with ``names`` ``(n,)`` and
            ``vectors`` ``(n, size)``.
        classes: names of the labels.
        size: numbers in a vector.

    Raises:
        DataError: if the file cannot be read, has vectors of another size or that are not finite, or knows no word of a
            label.
    """
    wanted = {
        form for name in classes for form in (*_forms(name), *_words(name), *(w for cut in _cuts(name) for w in cut))
    }
    if path.suffix not in _TABLES and not path.is_file():
        raise DataError(f"vectors must be cooccurrence, images, random or a file, and there is no {path}; {_GIVE}")
    try:
        found = _of_table(path, wanted) if path.suffix in _TABLES else _of_text(path, wanted, size)
    except _BROKEN as error:
        raise DataError(f"{path} cannot be read as vectors of words ({error}); {_GIVE}") from error
    for name, vector in found.items():
        if vector.shape != (size,):
            numbers = "x".join(map(str, vector.shape)) or "1"
            raise DataError(
                f"the vector of {name!r} in {path} has {numbers} numbers, and vector_size is {size}; say the file's "
                "size, or mend it"
            )
        if not np.isfinite(vector).all():
            raise DataError(f"the vector of {name!r} in {path} must be finite numbers, and some are not; mend the file")
    if not found:
        raise DataError(
            f"{path} has no vector for a word of any label, as {classes[0]!r}; {_GIVE}, rename the labels, or choose "
            "vectors cooccurrence"
        )
    found = {name.lower(): vector for name, vector in reversed(found.items())} | found
    rows = [_vector_of(name, found) for name in classes]
    if missing := [name for name, row in zip(classes, rows, strict=True) if row is None]:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise DataError(
            f"{path} knows no word of {counted(len(missing), 'label')}: {', '.join(missing[:5])}{more}; "
            "rename them, or choose vectors cooccurrence"
        )
    return np.array([row for row in rows if row is not None], np.float64)


def _vector_of(name: str, found: Table) -> Vectors | None:
    for form in _forms(name):
        if form in found:
            return found[form]
    words = [word for word in _words(name) if word in found]
    if not words:  # as VOC writes it, tvmonitor
        words = next((list(cut) for cut in _cuts(name) if all(word in found for word in cut)), [])
    return np.mean([found[word] for word in words], axis=0) if words else None


def _forms(name: str) -> tuple[str, ...]:
    """How a whole name may be written in a file; word2vec joins words by underscores."""
    spaced = _composed(" ".join(name.split()))
    return tuple(dict.fromkeys(form for text in (spaced, spaced.lower()) for form in (text, text.replace(" ", "_"))))


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\W_]+", _composed(name.lower())) if word]


def _composed(text: str) -> str:
    """In the one of Unicode's forms in which é is a single letter: names of files may be in the other."""
    return unicodedata.normalize("NFC", text)


def _cuts(name: str) -> list[tuple[str, str]]:
    """Two words that a name of one word may be made of, no part shorter than two letters, the most even cuts first."""
    (word,) = words if len(words := _words(name)) == 1 else ("",)
    places = sorted(range(2, len(word) - 1), key=lambda place: (abs(2 * place - len(word)), place))
    return [(word[:place], word[place:]) for place in places]


def _is_wanted(name: str, wanted: set[str]) -> bool:
    return not wanted.isdisjoint((_composed(name), _composed(name.lower())))


def _of_table(path: Path, wanted: set[str]) -> dict[str, Vectors]:
    if path.suffix == ".safetensors":
        with safe_open(path, "pt") as file:  # as tensors, since numpy has no bfloat16
            names = [name for name in file.keys() if _is_wanted(name, wanted)]  # noqa: SIM118
            return {_composed(name): file.get_tensor(name).double().numpy() for name in names}
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        pairs: Iterable[tuple[str, Any]] = ((name, arrays[name]) for name in arrays if _is_wanted(name, wanted))
        if {"names", "vectors"} <= set(arrays):
            names = arrays["names"]
            texts = np.char.decode(names, "utf-8") if names.dtype.kind == "S" else names
            pairs = zip(map(str, texts), arrays["vectors"], strict=True)
        return {_composed(name): np.asarray(vector, np.float64) for name, vector in pairs if _is_wanted(name, wanted)}


def _of_text(path: Path, wanted: set[str], size: int) -> dict[str, Vectors]:
    """Only the words that are wanted, so that a file of gigabytes takes little memory.

    A line that begins with a wanted word and then has more than numbers is that of several words, the last ``size``
    fields being its numbers, as in GloVe's larger files.
    """
    found: dict[str, Vectors] = {}
    begin = {form.split()[0] for form in wanted}
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        _skip_sizes(file)
        for line in file:
            word = _composed((line.split(maxsplit=1) or [""])[0])
            if not _is_wanted(word, begin):
                continue
            fields = line.split()
            numbers = fields[1:]
            if len(numbers) > size and not _are_numbers(numbers[:-size]):
                word, numbers = _composed(" ".join(fields[:-size])), fields[-size:]
            if _is_wanted(word, wanted) and word not in found:
                found[word] = np.array(numbers, np.float64)
    return found


def _are_numbers(fields: Sequence[str]) -> bool:
    try:
        return bool(np.array(fields, np.float64).size)
    except ValueError:
        return False


def _skip_sizes(file: TextIO) -> None:
    """Past the first line of word2vec, how many words and numbers there are."""
    if not re.fullmatch(r"\d+\s+\d+\s*", file.readline()):
        file.seek(0)


def _eigen(matrix: Vectors, size: int) -> tuple[Vectors, Vectors]:
    """At most ``size`` eigenvalues, the largest magnitudes first, and their vectors, of a symmetric matrix."""
    if size < len(matrix) // 4:
        start = generator(0).standard_normal(len(matrix))
        values, vectors = eigsh(matrix, size, v0=start)
    else:
        values, vectors = np.linalg.eigh(matrix)
    order = np.argsort(-np.abs(values), kind="stable")[:size]
    return values[order], _same_sign(vectors[:, order])


def _same_sign(columns: Vectors) -> Vectors:
    """Each column so that its largest entry is positive: an eigenvector has no sign of its own."""
    largest = np.abs(columns).argmax(axis=0)
    signs = np.sign(columns[largest, np.arange(columns.shape[1])])
    return np.asarray(columns * np.where(signs == 0, 1, signs))


def _padded(vectors: Vectors, size: int) -> Vectors:
    cut = vectors[:, :size]
    return np.pad(cut, ((0, 0), (0, size - cut.shape[1])))


def _of_length(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(LENGTH * vectors / np.where(lengths > 0, lengths, 1))
