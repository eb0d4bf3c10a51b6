"""What making ready promises: every photo opened once, the bad ones named, the good ones with their own labels."""

import numpy as np
import pytest
from toys import PREPROCESSING, tiny_set

from polytag.data import ready as module
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.preprocessing import Preprocessing
from polytag.data.ready import Progress, ready
from polytag.errors import DataError, OptionError
from polytag.labels import Labels

SIZE = Preprocessing((4, 5))
ITEMS = 7


class Counted(ImageArrays):
    """Photos that count how often each is read."""

    def __init__(self, arrays, names=()):
        super().__init__(arrays, names)
        self.read = [0] * len(arrays)

    def load(self, index, at_least=None):
        assert at_least is None  # decoded completely
        self.read[index] += 1
        return super().load(index, at_least)


def photos(bad=()):
    """Photos whose pixels are their number; the bad ones have no colours."""
    arrays = [np.full((9, 9) if n in bad else (9, 9, 3), n, np.uint8) for n in range(ITEMS)]
    labels = Labels.from_dense(np.eye(ITEMS), [f"class {n}" for n in range(ITEMS)])
    images = Counted(arrays, [f"{n}.jpg" for n in range(ITEMS)])
    return LabelledSet(images, labels, np.arange(ITEMS, dtype=np.int8) % 3, np.arange(ITEMS) // 2, ["a note"])


def result(*arguments, **options):
    """What was told on the way, and what came out."""
    steps, told = ready(*arguments, **options), []
    while True:
        try:
            told.append(next(steps))
        except StopIteration as end:
            return told, end.value


@pytest.mark.parametrize("cache", ["auto", "memory"])
@pytest.mark.parametrize("workers", [0, 3])
def test_photos_are_read_once_and_kept_resized(cache, workers):
    data = photos()
    _, found = result(data, SIZE, workers, cache)
    assert data.images.read == [1] * ITEMS
    for row in range(ITEMS):
        assert np.array_equal(found.images.load(row), np.full((4, 5, 3), row))
        assert found.images.name(row) == f"{row}.jpg"
    assert data.images.read == [1] * ITEMS
    assert found.fingerprint() == data.fingerprint()
    assert found.notes == ("a note",)


def test_kept_photos_are_resized_on_the_one_evaluation_path():
    array = np.random.Generator(np.random.Philox(0)).integers(0, 256, (1, 30, 40, 3), dtype=np.uint8)
    data = LabelledSet(ImageArrays(array), Labels.from_dense([[1]], ["a"]))
    _, found = result(data, SIZE)
    assert np.array_equal(found.images.load(0), SIZE.resize(array[0]))


def test_without_a_cache_photos_are_only_looked_at():
    data = photos()
    told, found = result(data, SIZE, cache="none")
    assert found is data
    assert data.images.read == [1] * ITEMS
    assert told == [Progress("checking photos", ITEMS, ITEMS)]


def test_more_photos_than_memory_are_refused_with_their_size(monkeypatch):
    def full(shape, dtype):
        raise MemoryError(f"{shape}")

    monkeypatch.setattr(module.np, "empty", full)
    with pytest.raises(DataError) as refusal:
        result(photos(), Preprocessing((8192, 8192)), cache="memory")
    assert str(refusal.value) == (
        "the photos take 1 GB decoded, for which there is not enough memory; use --cache none or a smaller --image-size"
    )


@pytest.mark.parametrize(("limit", "kept"), [(ITEMS * 4 * 5 * 3, True), (ITEMS * 4 * 5 * 3 - 1, False)])
def test_auto_keeps_what_fits(limit, kept, monkeypatch):
    monkeypatch.setattr(module, "CACHE_LIMIT", limit)
    data = photos()
    _, found = result(data, SIZE)
    assert (found is not data) == kept


def test_progress_counts_to_the_end(monkeypatch):
    monkeypatch.setattr(module, "REPORT_EVERY", 3)
    told, _ = result(photos(), SIZE)
    assert told == [Progress("decoding photos", done, ITEMS) for done in (3, 6, 7)]


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_bad_photos_stop_it_by_name(cache):
    with pytest.raises(DataError) as error:
        result(photos(bad=(2, 5)), SIZE, cache=cache)
    lines = str(error.value).split("\n")
    assert (
        lines[0] == "2 of 7 photos cannot be read; repair or remove them, or leave them out with --on-bad-image skip:"
    )
    assert lines[1:] == [f"  {n}.jpg must be a (height, width, 3) array of uint8, got (9, 9) of uint8" for n in (2, 5)]


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_bad_photos_may_be_left_out_and_the_others_keep_what_is_theirs(cache):
    data = photos(bad=(0, 5))
    _, found = result(data, SIZE, cache=cache, on_bad_image="skip")
    rows = [1, 2, 3, 4, 6]
    assert [found.images.name(n) for n in range(5)] == [f"{n}.jpg" for n in rows]
    assert [found.images.load(n).max() for n in range(5)] == rows
    assert found.labels.dense().tolist() == np.eye(ITEMS)[rows].tolist()
    assert (found.split.tolist(), found.groups.tolist()) == ([1, 2, 0, 1, 0], [0, 1, 1, 2, 3])
    sentences = [f"{n}.jpg must be a (height, width, 3) array of uint8, got (9, 9) of uint8" for n in (0, 5)]
    assert found.notes == ("a note", *(f"left out: {sentence}" for sentence in sentences))
    assert data.notes == ("a note",)


def test_of_many_bad_photos_the_first_are_named_and_the_others_counted(monkeypatch):
    monkeypatch.setattr(module, "NAMED", 2)
    _, found = result(photos(bad=(0, 2, 3, 5)), SIZE, on_bad_image="skip")
    assert [note.split()[2] for note in found.notes[1:3]] == ["0.jpg", "2.jpg"]
    assert found.notes[3] == "left out, too: 2 more photos that cannot be read"


def test_nothing_but_bad_photos_cannot_be_left_out():
    with pytest.raises(DataError, match=r"^7 of 7 photos cannot be read; "):
        result(photos(bad=range(ITEMS)), SIZE, on_bad_image="skip")


def test_a_fault_of_the_program_is_not_taken_for_a_bad_photo():
    class Faulty(ImageArrays):
        def load(self, index, at_least=None):
            raise ZeroDivisionError

    data = LabelledSet(Faulty(np.zeros((1, 4, 5, 3), np.uint8)), Labels.from_dense([[1]], ["a"]))
    with pytest.raises(ZeroDivisionError):
        result(data, SIZE, on_bad_image="skip")


def test_no_photos_are_ready_at_once():
    told, found = result(photos().select([]), SIZE)
    assert (told, len(found)) == ([], 0)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ({"cache": "disk"}, "cache must be one of auto, memory, none, got 'disk'"),
        ({"on_bad_image": "ignore"}, "on_bad_image must be one of stop, skip, got 'ignore'"),
    ],
)
def test_other_words_are_refused(option, sentence):
    with pytest.raises(OptionError) as refusal:
        list(ready(tiny_set(4), PREPROCESSING, **option))
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("cache", ["memory", "none"])
def test_the_shape_that_a_photo_had_is_known_where_it_is_kept_squashed(cache):
    wide = LabelledSet(ImageArrays([np.zeros((9, 18, 3), np.uint8)] * 2), Labels.from_dense(np.eye(2), "ab"))
    _, found = result(wide, SIZE, 0, cache)
    assert found.images.aspect(1) == (2.0 if cache == "memory" else None)
