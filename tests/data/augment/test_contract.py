"""What every augmentation promises: photos of one size, as a function of the generator that it is handed."""

import inspect

import numpy as np
import pytest

from polytag._random import generator
from polytag.data.augment import AUGMENTATIONS, CROPS, MIXES
from polytag.data.augment.base import Augmentation, Chain, Crop, Example, Mix
from polytag.data.augment.cutout import Cutout
from polytag.data.augment.flip import Flip
from polytag.data.preprocessing import Preprocessing

PHOTO = generator(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
SAME_SIZE = [Flip(), Cutout(0.5, 1.0), Chain(Flip(), Cutout()), *(entry() for entry in AUGMENTATIONS.values())]
RESIZE = Preprocessing((16, 24)).resize


@pytest.mark.parametrize("augmentation", SAME_SIZE, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("shape", [(12, 20, 3), (1, 1, 3), (1, 50, 3)])
def test_size_and_type_stay_and_the_argument_too(augmentation, shape):
    assert isinstance(augmentation, Augmentation)
    photo = generator(1).integers(0, 256, shape, dtype=np.uint8)
    before = photo.copy()
    for number in range(40):
        found = augmentation(photo, generator(number))
        assert (found.shape, found.dtype) == (shape, np.uint8)
        assert np.array_equal(photo, before)


@pytest.mark.parametrize("augmentation", SAME_SIZE, ids=lambda each: type(each).__name__)
def test_an_augmentation_is_a_function_of_the_generator(augmentation):
    for number in range(40):
        assert np.array_equal(augmentation(PHOTO, generator(number)), augmentation(PHOTO, generator(number)))


@pytest.mark.parametrize("name", CROPS)
@pytest.mark.parametrize("shape", [(12, 20, 3), (1, 1, 3), (60, 3, 3), (16, 24, 3)])
def test_a_crop_gives_the_size_that_is_asked_for_and_leaves_its_argument(name, shape):
    crop = CROPS[name]()
    assert isinstance(crop, Crop)
    photo = generator(1).integers(0, 256, shape, dtype=np.uint8)
    before = photo.copy()
    for number in range(40):
        first, again = (crop(photo, shape[1] / shape[0], RESIZE, generator(number)) for _ in range(2))
        assert (first.shape, first.dtype, first.flags.writeable) == ((16, 24, 3), np.uint8, True)
        assert np.array_equal(first, again)
        first += 1
        assert np.array_equal(photo, before)


@pytest.mark.parametrize("name", MIXES)
def test_a_mixture_has_the_size_of_its_parts_and_leaves_them(name):
    mix = MIXES[name]()
    assert isinstance(mix, Mix)
    one = Example(PHOTO, np.array([1, 0, -1, 0], np.float32))
    other = Example(255 - PHOTO, np.array([0, 0, 1, -1], np.float32))
    before = [part.copy() for part in (*one, *other)]
    for number in range(40):
        pixels, targets = mix(one, lambda: other, generator(number))
        again, _ = mix(one, lambda: other, generator(number))
        assert (pixels.shape, pixels.dtype) == (PHOTO.shape, np.uint8)
        assert (targets.shape, targets.dtype) == ((4,), np.float32)
        assert ((targets == -1) | ((targets >= 0) & (targets <= 1))).all()
        assert np.array_equal(pixels, again)
    assert all(np.array_equal(a, b) for a, b in zip((*one, *other), before, strict=True))


@pytest.mark.parametrize("entry", [*CROPS.values(), *AUGMENTATIONS.values(), *MIXES.values()])
def test_every_argument_is_named_and_defaulted(entry):
    for argument in inspect.signature(entry).parameters.values():
        assert argument.kind is argument.VAR_POSITIONAL or argument.default is not argument.empty


def test_a_chain_applies_its_parts_in_order():
    class Brighter(Augmentation):
        def __call__(self, image, random):
            return image + np.uint8(random.integers(1, 9))

    once = Brighter()(PHOTO, generator(4))
    random = generator(4)
    assert np.array_equal(Chain(Brighter(), Flip(1.0))(PHOTO, generator(4)), once[:, ::-1])
    twice = Brighter()(Brighter()(PHOTO, random), random)
    assert np.array_equal(Chain(Brighter(), Brighter())(PHOTO, generator(4)), twice)
