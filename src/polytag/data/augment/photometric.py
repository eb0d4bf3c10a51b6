"""Light and colour as a camera might have seen them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from polytag._checks import check_number
from polytag.data.augment.base import Augmentation, Pixels

HUES = 256 / 360  # steps of Pillow's hue in a degree


class Photometric(Augmentation):
    """Brightness, contrast, saturation and hue moved at random, each or not.

    Args:
        brightness: added to every value, at most, of 255.
        contrast: factor of every value, at most ``1 +`` this, at least ``1 -`` this.
        saturation: the same, of the saturation.
        hue: added to the hue, at most, in degrees.
        probability: of each of the four, in ``[0, 1]``.
    """

    def __init__(
        self,
        brightness: float = 32.0,
        contrast: float = 0.5,
        saturation: float = 0.5,
        hue: float = 18.0,
        probability: float = 0.5,
    ) -> None:
        check_number("brightness", brightness, 0.0, 255.0)
        check_number("contrast", contrast, 0.0, 1.0)
        check_number("saturation", saturation, 0.0, 1.0)
        check_number("hue", hue, 0.0, 180.0)
        check_number("probability", probability, 0.0, 1.0)
        self.brightness, self.contrast, self.saturation, self.hue = brightness, contrast, saturation, hue
        self.probability = probability

    def __call__(self, image: Pixels, random: np.random.Generator) -> Pixels:
        """The photo, changed or not."""
        light, contrast, saturation, hue, last = random.random(5) < [*[self.probability] * 4, 0.5]
        added, factor, richer, turned = random.uniform(-1.0, 1.0, 4)
        values = np.arange(256.0)
        if light:
            values += self.brightness * added
        if contrast and not last:
            values *= 1 + self.contrast * factor
        image = _bytes(values)[image] if light or contrast else image
        more, angle = self.saturation * richer * saturation, self.hue * turned * hue
        if more or angle:
            image = _recoloured(image, 1 + more, angle)
        if contrast and last:
            image = _bytes(np.arange(256.0) * (1 + self.contrast * factor))[image]
        return image


def _recoloured(image: Pixels, saturation: float, angle: float) -> Pixels:
    hsv = np.array(Image.fromarray(image).convert("HSV"))  # (height, width, 3) of uint8
    hsv[..., 0] += np.uint8(round(angle * HUES) % 256)  # a circle: it wraps
    hsv[..., 1] = _bytes(np.arange(256.0) * saturation)[hsv[..., 1]]
    return np.array(Image.fromarray(hsv, "HSV").convert("RGB"))


def _bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
