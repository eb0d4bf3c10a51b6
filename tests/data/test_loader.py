"""What the loader promises: the same batches whoever decodes them, and threads that end with it."""

import gc
import itertools
import threading

import numpy as np
import pytest
import torch

from polytag._random import generator
from polytag.data.augment.base import Augmentation, Chain
from polytag.data.augment.crops import Shift, Sides
from polytag.data.augment.cutout import Cutout
from polytag.data.augment.flip import Flip
from polytag.data.augment.mixes import CutMix, Mixup
from polytag.data.labelled_set import ImageArrays, LabelledSet
from polytag.data.loader import Batch, Draw, Loader, ToDevice
from polytag.data.preprocessing import Preprocessing
from polytag.errors import DataError, OptionError
from polytag.labels import Labels

PREPROCESSING = Preprocessing((8, 6))
PHOTOS = [generator(n).integers(0, 256, (8 + n % 3, 6 + n % 2, 3), dtype=np.uint8) for n in range(23)]
DENSE = generator(99).integers(-1, 2, (23, 4))
DATA = LabelledSet(ImageArrays(PHOTOS), Labels.from_dense(DENSE, list("abcd")))
AUGMENTATION = Chain(Cutout(0.5), Flip())


def draws(count=12, key=(5, 0, 0)):
    rows = generator(1).integers(0, len(DATA), 4 * count)
    return [Draw(rows[n : n + 4], key, n) for n in range(0, 4 * count, 4)]


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("polytag-loader")]


@pytest.mark.parametrize("workers", [0, 2])
def test_all_photos_come_once_in_order_with_their_labels(workers):
    batches = list(Loader(DATA, PREPROCESSING, workers=workers).in_order(10))
    assert [len(batch.rows) for batch in batches] == [10, 10, 3]
    images, targets, rows = map(torch.cat, zip(*batches, strict=True))
    assert rows.tolist() == list(range(23))
    assert targets.tolist() == DENSE.tolist()
    assert (images.dtype, images.shape) == (torch.uint8, (23, 3, 8, 6))
    for photo, image in zip(PHOTOS, images.permute(0, 2, 3, 1).numpy(), strict=True):
        assert np.array_equal(image, PREPROCESSING.resize(photo))


def test_no_photos_give_no_batches():
    assert list(Loader(DATA.select([]), PREPROCESSING).in_order(10)) == []


def test_batches_do_not_depend_on_the_number_of_workers():
    expected = list(Loader(DATA, PREPROCESSING, AUGMENTATION, 0).batches(draws()))
    assert [batch.rows.tolist() for batch in expected] == [draw.rows.tolist() for draw in draws()]
    for workers in (1, 2, 7):
        found = list(Loader(DATA, PREPROCESSING, AUGMENTATION, workers).batches(draws()))
        for one, other in zip(expected, found, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_slow_photo_does_not_change_the_order():
    later = threading.Event()

    class Slow(ImageArrays):
        def load(self, index, at_least=None):
            if index == 0:
                assert later.wait(timeout=10)
            if index == 5:
                later.set()
            return super().load(index, at_least)

    loader = Loader(LabelledSet(Slow(PHOTOS), DATA.labels), PREPROCESSING, workers=2)
    assert [batch.rows.tolist() for batch in loader.in_order(4)][:2] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_augmentation_depends_on_the_pass_the_row_and_the_place():
    def look(row, key, first):
        (batch,) = Loader(DATA, PREPROCESSING, Cutout(0.5, 1.0), 0).batches([Draw(np.array([row]), key, first)])
        return batch.images

    first = look(3, (5, 0, 0), 0)
    assert torch.equal(first, look(3, (5, 0, 0), 0))
    for other in ((3, (5, 0, 1), 0), (3, (5, 1, 0), 0), (3, (6, 0, 0), 0), (3, (5, 0, 0), 1)):
        assert not torch.equal(first, look(*other))
    (together,) = Loader(DATA, PREPROCESSING, Cutout(0.5, 1.0), 0).batches([Draw(np.array([9, 3]), (5, 0, 0), 4)])
    assert torch.equal(together.images[1:], look(3, (5, 0, 0), 5))


@pytest.mark.parametrize(("augmentation", "at_least"), [(None, None), (Flip(), (8, 6))])
def test_only_training_may_decode_at_a_reduced_scale(augmentation, at_least):
    seen = []

    class Noting(ImageArrays):
        def load(self, index, at_least=None):
            seen.append(at_least)
            return super().load(index, at_least)

    list(Loader(LabelledSet(Noting(PHOTOS), DATA.labels), PREPROCESSING, augmentation, 0).batches(draws(1)))
    assert seen == [at_least] * 4


@pytest.mark.parametrize("workers", [1, 3])
def test_decodes_only_a_little_ahead(workers):
    source = iter(draws(30))
    batches = Loader(DATA, PREPROCESSING, workers=workers).batches(source)
    next(batches)
    batches.close()
    assert len(list(source)) == 30 - (workers + 2)


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_a_consumer_who_leaves_early_leaves_no_threads(taken):
    batches = Loader(DATA, PREPROCESSING, workers=3).batches(draws(30))
    assert len(list(itertools.islice(batches, taken))) == taken
    assert bool(threads()) == bool(taken)
    batches.close()
    assert threads() == []


def test_a_consumer_who_forgets_it_leaves_no_threads():
    for _ in Loader(DATA, PREPROCESSING, workers=3).batches(draws(30)):
        break
    gc.collect()
    assert threads() == []


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_photo_that_cannot_be_read_is_told_after_the_batches_before_it(workers):
    photos = [*PHOTOS]
    photos[9] = photos[9].astype(np.float32)
    seen = []
    batches = Loader(LabelledSet(ImageArrays(photos), DATA.labels), PREPROCESSING, workers=workers).in_order(4)
    with pytest.raises(
        DataError, match=r"^image-9 must be a \(height, width, 3\) array of uint8, got \(8, 7, 3\) of float32$"
    ):
        seen.extend(batches)
    assert [batch.rows[0].item() for batch in seen] == [0, 4]
    assert threads() == []


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_of_an_augmentation_or_a_source_is_not_disguised(workers):
    class Faulty(Augmentation):
        def __call__(self, image, random):
            raise ZeroDivisionError

    def source():
        yield from draws(2)
        raise KeyError("row")

    with pytest.raises(ZeroDivisionError):
        list(Loader(DATA, PREPROCESSING, Faulty(), workers).batches(draws()))
    with pytest.raises(KeyError):
        list(Loader(DATA, PREPROCESSING, workers=workers).batches(source()))
    assert threads() == []


@pytest.mark.parametrize("workers", [-1, 257])
def test_a_number_of_workers_out_of_range_is_refused(workers):
    with pytest.raises(OptionError, match=rf"^workers must be between 0 and 256, got {workers}$"):
        Loader(DATA, PREPROCESSING, workers=workers)


def test_pixels_are_normalised_by_hand():
    batch = Batch(torch.tensor([[[[0]], [[255]], [[51]]]], dtype=torch.uint8), torch.zeros(1, 2), torch.zeros(1))
    found = ToDevice(torch.device("cpu"), (0.5, 0.5, 0.0), (0.5, 0.25, 0.1))(batch)
    assert found.images.flatten().tolist() == pytest.approx([-1, 2, 2])


@pytest.mark.parametrize("channels_last", [False, True])
def test_pixels_are_the_very_same_as_in_the_one_evaluation_path(channels_last):
    (batch,) = Loader(DATA, PREPROCESSING).in_order(23)
    before = batch.images.clone()
    found = ToDevice(torch.device("cpu"), PREPROCESSING.mean, PREPROCESSING.std, channels_last)(batch)
    expected = PREPROCESSING.normalize(batch.images.permute(0, 2, 3, 1).numpy())
    assert np.array_equal(found.images.numpy(), expected)
    assert found.images.is_contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
    assert torch.equal(batch.images, before)
    assert (found.targets.dtype, found.targets.tolist()) == (torch.float32, DENSE.tolist())
    assert found.rows.tolist() == list(range(23))


def test_a_crop_is_resized_in_one_step_and_knows_the_shape_of_the_photo_before():
    seen = []

    class Left(Sides):
        def __call__(self, image, aspect, resize, random):
            seen.append((image.shape, aspect))
            return resize(image, (0.0, 0.0, 0.5, 1.0))

    (batch,) = Loader(DATA, PREPROCESSING, None, 0, Left()).batches([Draw(np.array([2]), (5, 0, 0))])
    photo = DATA.images.load(2)
    half = PREPROCESSING.resize(np.ascontiguousarray(photo), (0.0, 0.0, 0.5, 1.0))
    assert np.array_equal(batch.images[0].permute(1, 2, 0).numpy(), half)
    assert seen == [(photo.shape, photo.shape[1] / photo.shape[0])]

    squashed = ImageArrays(np.zeros((3, 6, 8, 3), np.uint8), aspects=[0.5, 2.0, 3.0])
    data = LabelledSet(squashed.select([2, 1]), DATA.labels.select([0, 1]))
    list(Loader(data, PREPROCESSING, None, 0, Left()).batches([Draw(np.array([0, 1]), (5, 0, 0))]))
    assert seen[1:] == [((6, 8, 3), 3.0), ((6, 8, 3), 2.0)]


@pytest.mark.parametrize("mix", [Mixup(), CutMix()])
def test_mixed_photos_do_not_depend_on_how_a_pass_is_cut_into_batches(mix):
    loader = Loader(DATA, PREPROCESSING, Flip(), 2, Sides(0.5), mix)
    rows = np.array([4, 1, 3, 3, 0, 2])
    (whole,) = loader.batches([Draw(rows, (5, 0, 7), 0, rows)])
    parts = list(loader.batches([Draw(rows[n : n + 2], (5, 0, 7), n, rows) for n in (0, 2, 4)]))
    for name in ("images", "targets", "rows"):
        assert torch.equal(getattr(whole, name), torch.cat([getattr(part, name) for part in parts]))
    assert not torch.equal(whole.images[2], whole.images[3])  # the same row at two places
    soft = whole.targets[(whole.targets > 0) & (whole.targets < 1)]
    assert len(soft) > 0


@pytest.mark.parametrize(("crop", "size"), [(Sides(0.5), (10, 14)), (Shift(1), (5, 7)), (None, (5, 7))])
def test_a_photo_is_decoded_as_sharp_as_its_crop_needs(crop, size, monkeypatch):
    asked = []

    def load(self, index, at_least=None):
        asked.append(at_least)
        return np.zeros((40, 40, 3), np.uint8)

    monkeypatch.setattr(ImageArrays, "load", load)
    loader = Loader(DATA, Preprocessing((5, 7)), Flip(), 0, crop)
    list(loader.batches([Draw(np.array([0]), (5, 0, 0))]))
    assert asked == [size]
