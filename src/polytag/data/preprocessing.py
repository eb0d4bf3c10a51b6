"""From a photo to what a model takes: together with ``pixels`` the one evaluation path. Needs Pillow and numpy only."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from polytag._checks import check_choice, check_number
from polytag.errors import OptionError, RunError

Interpolation = Literal["bilinear", "bicubic", "lanczos"]
Triple = tuple[float, float, float]

IMAGENET_MEAN: Triple = (0.485, 0.456, 0.406)
IMAGENET_STD: Triple = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """How a model wants its photos: ``normalize(resize(photo))``.

    Args:
        image_size: ``(height, width)``, each 1 to 8192; photos are squashed to it, whatever their shape, so that
            nothing at an edge is lost.
        mean: of red, green and blue, 0 to 1.
        std: the same, 0.001 to 1000.
        interpolation: Pillow's filter, with antialiasing.

    Raises:
        OptionError: if one of these is out of its range.
    """

    image_size: tuple[int, int]
    mean: Triple = IMAGENET_MEAN
    std: Triple = IMAGENET_STD
    interpolation: Interpolation = "bicubic"

    def __post_init__(self) -> None:
        for name, values, length in (("image_size", self.image_size, 2), ("mean", self.mean, 3), ("std", self.std, 3)):
            kinds = (int,) if name == "image_size" else (int, float)
            if not isinstance(values, tuple) or [type(value) in kinds for value in values] != [True] * length:
                whole = " whole" if name == "image_size" else ""
                raise OptionError(f"{name} must be {length}{whole} numbers, got {values!r}")
        for side in self.image_size:
            check_number("each side of image_size", side, 1, 8192)
        for value in self.mean:
            check_number("each mean", value, 0, 1)
        for value in self.std:
            check_number("each std", value, 0.001, 1000)
        check_choice("interpolation", self.interpolation, get_args(Interpolation))

    def resize(
        self, image: NDArray[np.uint8], box: tuple[float, float, float, float] | None = None
    ) -> NDArray[np.uint8]:
        """To the size that a model takes.

        Args:
            image: ``(any height, any width, 3)``.
            box: left, top, right and bottom of the part to take, as shares of the photo; all of it by default.

        Returns:
            ``(height, width, 3)``, contiguous, a new array.
        """
        height, width = self.image_size
        if box is None and image.shape == (height, width, 3):
            return image.copy()  # as in the other case, the caller's to change
        resample = Image.Resampling[self.interpolation.upper()]
        sides = (image.shape[1], image.shape[0])
        part = box and tuple(share * side for share, side in zip(box, sides * 2, strict=True))
        return np.array(Image.fromarray(image).resize((width, height), resample, part))

    def normalize(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Args: ``pixels`` ``(n, h, w, 3)``. Returns: ``(pixels / 255 - mean) / std``, ``(n, 3, h, w)``, contiguous."""
        scale, shift = (values[:, None, None] for values in self.scale_shift())  # (3, 1, 1)
        result = np.multiply(pixels.transpose(0, 3, 1, 2), scale, dtype=np.float32, order="C")  # (n, 3, h, w)
        result += shift
        return result

    def scale_shift(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``(3,)`` each, such that normalised = pixels * scale + shift: the same expression on every device."""
        mean, std = np.array(self.mean), np.array(self.std)
        return (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        """What ``config.json`` stores: numbers, lists and a name."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, stored: object) -> "Preprocessing":
        """The inverse of :meth:`to_dict`, for what a JSON file gave.

        Raises:
            RunError: if something is missing, unknown or out of its range.
        """
        names = [field.name for field in fields(cls)]
        if not isinstance(stored, Mapping) or set(stored) != set(names):
            came = ", ".join(map(str, stored)) if isinstance(stored, Mapping) else type(stored).__name__
            raise RunError(f"the preprocessing of a run must have {', '.join(names)}, got {came or 'nothing'}")
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()
        }
        try:
            return cls(**values)
        except OptionError as error:
            raise RunError(f"the preprocessing of a run cannot be used: {error}") from error
