"""What preprocessing promises: the same numbers for the same photo, everywhere and for ever."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from polytag._random import generator
from polytag.data.pixels import open_image
from polytag.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from polytag.errors import OptionError, RunError

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["turned.jpg", "cmyk.jpg", "deep.png", "palette.png", "lossless.webp"])
def test_five_photos_give_the_stored_numbers(name):
    """Within one grey level, since JPEG decoders of different versions may differ by that much.

    Stored by Pillow 13.0 with libjpeg-turbo 3.2: a JPEG turned by EXIF, a CMYK JPEG, a 16-bit grey PNG, a palette PNG
    with partly transparent entries, a lossless WebP; each 48 x 40, squashed to 24 x 20.
    """
    preprocessing = Preprocessing(image_size=(24, 20))
    result = preprocessing.normalize(preprocessing.resize(open_image(GOLDEN / name))[None])[0]
    with np.load(GOLDEN / "expected.npz") as expected:
        grey_levels = np.abs(result - expected[name]) * np.array(IMAGENET_STD)[:, None, None] * 255
    assert result.shape == (3, 24, 20)
    assert grey_levels.max() < 1.01  # and a little for rounding


def test_normalises_numbers_worked_by_hand():
    preprocessing = Preprocessing((1, 2), mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0))
    pixels = np.array([[[[255, 0, 51], [0, 255, 255]]]], np.uint8)  # (1, 1, 2, 3)
    expected = [[[[1, -1]], [[-1, 3]], [[0.1, 0.5]]]]
    np.testing.assert_allclose(preprocessing.normalize(pixels), expected, rtol=0, atol=1e-6)


def test_normalised_batches_are_contiguous_float32_and_equal_the_formula_in_float64():
    preprocessing = Preprocessing((5, 7))
    pixels = generator(1).integers(0, 256, (4, 5, 7, 3)).astype(np.uint8)
    result = preprocessing.normalize(pixels)
    expected = (pixels / 255 - np.array(IMAGENET_MEAN)) / np.array(IMAGENET_STD)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    np.testing.assert_allclose(result, expected.transpose(0, 3, 1, 2), rtol=0, atol=1e-6)


def test_scale_and_shift_give_the_very_same_numbers():
    preprocessing = Preprocessing((2, 128))
    pixels = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(1, 2, 128, 3)  # every grey
    scale, shift = preprocessing.scale_shift()
    assert (scale.dtype, scale.shape, shift.dtype, shift.shape) == (np.float32, (3,), np.float32, (3,))
    again = pixels.astype(np.float32) * scale + shift  # (1, 2, 128, 3)
    np.testing.assert_array_equal(again.transpose(0, 3, 1, 2), preprocessing.normalize(pixels))


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
def test_resizes_as_pillow_does_whatever_the_shape(interpolation):
    image = generator(2).integers(0, 256, (31, 50, 3)).astype(np.uint8)
    result = Preprocessing((16, 12), interpolation=interpolation).resize(image)
    expected = Image.fromarray(image).resize((12, 16), Image.Resampling[interpolation.upper()])
    np.testing.assert_array_equal(result, np.asarray(expected))
    assert (result.dtype, result.flags.c_contiguous, result.flags.writeable) == (np.uint8, True, True)


def test_shrinking_averages_instead_of_picking():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    result = Preprocessing((4, 4), interpolation="bilinear").resize(stripes)
    assert np.abs(result.astype(int) - 100).max() <= 2  # bilinear weights at the edges


def test_a_photo_of_the_right_size_stays_as_it_is_in_an_array_of_its_own():
    image = generator(3).integers(0, 256, (8, 6, 3)).astype(np.uint8)
    image.flags.writeable = False
    result = Preprocessing((8, 6)).resize(image[:, ::-1])
    np.testing.assert_array_equal(result, image[:, ::-1])
    assert result.flags.c_contiguous
    result[:] = 0
    assert image.any()


def test_survives_json_unchanged():
    before = Preprocessing((224, 192), (0.5, 0.4, 0.1 + 0.2), (0.1, 0.2, 1), "bilinear")
    stored = json.loads(json.dumps(before.to_dict()))
    assert stored == {
        "image_size": [224, 192],
        "mean": [0.5, 0.4, 0.1 + 0.2],
        "std": [0.1, 0.2, 1],
        "interpolation": "bilinear",
    }
    assert Preprocessing.from_dict(stored) == before


BAD = [
    ({"image_size": (0, 5)}, "each side of image_size must be between 1 and 8192, got 0"),
    ({"image_size": (5, 8193)}, "each side of image_size must be between 1 and 8192, got 8193"),
    ({"image_size": (224,)}, "image_size must be 2 whole numbers, got (224,)"),
    ({"image_size": 224}, "image_size must be 2 whole numbers, got 224"),
    ({"image_size": (224.0, 224)}, "image_size must be 2 whole numbers, got (224.0, 224)"),
    ({"image_size": (True, 224)}, "image_size must be 2 whole numbers, got (True, 224)"),
    ({"mean": (0.5, 0.5)}, "mean must be 3 numbers, got (0.5, 0.5)"),
    ({"mean": (0.5, 0.5, "0.5")}, "mean must be 3 numbers, got (0.5, 0.5, '0.5')"),
    ({"mean": (0.5, 0.5, 123.7)}, "each mean must be between 0 and 1, got 123.7"),
    ({"mean": (0.5, 0.5, float("nan"))}, "each mean must be between 0 and 1, got nan"),
    ({"std": (0.2, 0.2, 0)}, "each std must be between 0.001 and 1000, got 0"),
    ({"std": (0.2, 0.2, None)}, "std must be 3 numbers, got (0.2, 0.2, None)"),
    ({"interpolation": "box"}, "interpolation must be one of bilinear, bicubic, lanczos, got 'box'"),
    ({"interpolation": 3}, "interpolation must be one of bilinear, bicubic, lanczos, got 3"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_refuses_options_out_of_range(options, message):
    with pytest.raises(OptionError, match=rf"^{re.escape(message)}$"):
        Preprocessing(**{"image_size": (8, 8), **options})


@pytest.mark.parametrize(("options", "message"), BAD)
def test_refuses_the_same_in_a_run_folder(options, message):
    stored = Preprocessing((8, 8)).to_dict()
    stored |= {key: list(value) if isinstance(value, tuple) else value for key, value in options.items()}
    whole = f"the preprocessing of a run cannot be used: {message}"
    with pytest.raises(RunError, match=rf"^{re.escape(whole)}$"):
        Preprocessing.from_dict(stored)


@pytest.mark.parametrize(
    ("stored", "came"),
    [
        ({}, "nothing"),
        (None, "NoneType"),
        ([1, 2], "list"),
        ({"image_size": [8, 8], "mean": [0, 0, 0]}, "image_size, mean"),
        ({**Preprocessing((8, 8)).to_dict(), "crop": 0.9}, "image_size, mean, std, interpolation, crop"),
    ],
)
def test_refuses_a_run_folder_with_other_entries(stored, came):
    message = f"the preprocessing of a run must have image_size, mean, std, interpolation, got {came}"
    with pytest.raises(RunError, match=rf"^{message}$"):
        Preprocessing.from_dict(stored)
