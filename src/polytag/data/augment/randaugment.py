"""RandAugment in the form that public multi-label code trains with: pairs of operations of random strength.

Paper: Cubuk, Zoph, Shlens, Le, "RandAugment: Practical Automated Data Augmentation with a Reduced Search Space",
NeurIPS 2020.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from polytag._checks import check_number
from polytag.data.augment.base import Augmentation, Pixels
from polytag.data.augment.cutout import cut_out

Operation = Callable[[Image.Image, float, np.random.Generator], Image.Image]
GREY = (128, 128, 128)


class RandAugment(Augmentation):
    """Some of 15 operations, each drawn with a strength of its own, each applied or not.

    Args:
        operations: how many are drawn.
        weakest, strongest: strengths to draw from, whole numbers in ``[0, 9]``.
        probability: with which each one that was drawn is applied, in ``[0, 1]``.
    """

    def __init__(self, operations: int = 2, weakest: int = 1, strongest: int = 9, probability: float = 0.5) -> None:
        check_number("operations", operations, 1, 100)
        check_number("weakest", weakest, 0, 9)
        check_number("strongest", strongest, weakest, 9)
        check_number("probability", probability, 0.0, 1.0)
        self.operations, self.probability = operations, probability
        self.weakest, self.strongest = weakest, strongest

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The photo, changed or not."""
        names = random.integers(len(OPERATIONS), size=self.operations)
        levels = random.integers(self.weakest, self.strongest + 1, size=self.operations)
        applied = random.random(self.operations) < self.probability
        if not applied.any():
            return image
        photo = Image.fromarray(image)
        for name, level in zip(names[applied], levels[applied], strict=True):
            photo = _LIST[name](photo, level / 9, random)
        return np.array(photo)


def _invert(photo: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    return ImageOps.invert(photo)


def _autocontrast(photo: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    return ImageOps.autocontrast(photo)


def _equalize(photo: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    return ImageOps.equalize(photo)


def _posterize(photo: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    return ImageOps.posterize(photo, round(8 - 4 * strength))


def _solarize(photo: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    return ImageOps.solarize(photo, round(256 * (1 - strength)))


def _cutout(photo: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    pixels: NDArray[np.uint8] = np.array(photo)
    cut_out(pixels, round(20 * strength), round(20 * strength), GREY, random)
    return Image.fromarray(pixels)


def _enhanced(kind: Callable[[Image.Image], ImageEnhance._Enhance]) -> Operation:
    """Towards or away from what the kind calls nothing (grey, flat, black, blurred), by at most 0.9."""

    def enhanced(photo: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
        return kind(photo).enhance(1 + 0.9 * strength * _sign(random))

    return enhanced


def _moved(across: tuple[float, float], down: tuple[float, float]) -> Operation:
    """Sheared by ``[1]`` of a pair, or shifted by ``[0]`` sides of the photo; at most, in each direction."""

    def moved(photo: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
        signed = strength * _sign(random)
        shift, shear = signed * across[0] * photo.width, signed * across[1]
        matrix = (1, shear, shift, signed * down[1], 1, signed * down[0] * photo.height)
        return photo.transform(photo.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST, fillcolor=GREY)

    return moved


def _rotate(photo: Image.Image, strength: float, random: np.random.Generator) -> Image.Image:
    return photo.rotate(30 * strength * _sign(random), Image.Resampling.NEAREST, fillcolor=GREY)


def _sign(random: np.random.Generator) -> int:
    return 1 if random.random() < 0.5 else -1


OPERATIONS: dict[str, Operation] = {
    "invert": _invert,
    "cutout": _cutout,
    "sharpness": _enhanced(ImageEnhance.Sharpness),
    "autocontrast": _autocontrast,
    "posterize": _posterize,
    "shear_x": _moved((0, 0.3), (0, 0)),
    "shear_y": _moved((0, 0), (0, 0.3)),
    "translate_x": _moved((150 / 331, 0), (0, 0)),
    "translate_y": _moved((0, 0), (150 / 331, 0)),
    "rotate": _rotate,
    "equalize": _equalize,
    "contrast": _enhanced(ImageEnhance.Contrast),
    "color": _enhanced(ImageEnhance.Color),
    "solarize": _solarize,
    "brightness": _enhanced(ImageEnhance.Brightness),
}
_LIST = list(OPERATIONS.values())
