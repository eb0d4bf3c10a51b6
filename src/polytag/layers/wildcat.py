"""Pooling of class maps by their highest and lowest places.

Part of polytag.heads.decouple and polytag.heads.wildcat.
"""

import torch
from torch import Tensor, nn

from polytag._checks import check_number


class WildcatPooling(nn.Module):
    """``mean of the k+ highest + alpha * mean of the k- lowest`` places of each map.

    Args:
        highest: ``k+``: below 1 a share of the places, rounded, else a number of them; one place at least, all at most.
        lowest: ``k-``, the same; 0 for none.
        alpha: weight of the lowest, ``>= 0``.
        halve: divide by 2 where both are there, as WILDCAT's public code does and equation 3 of DecoupleNet does not.

    Raises:
        OptionError: if a number is out of its range.
    """

    def __init__(self, highest: float = 0.2, lowest: float = 0.2, alpha: float = 0.7, halve: bool = False) -> None:
        super().__init__()
        check_number("highest", highest, 1e-6, 1_000_000)
        check_number("lowest", lowest, 0.0, 1_000_000)
        check_number("alpha", alpha, 0.0, 1000.0)
        self.highest, self.lowest, self.alpha, self.halve = highest, lowest, alpha, halve

    def forward(self, maps: Tensor) -> Tensor:
        """``(batch, C, h, w)`` to ``(batch, C)``."""
        places = maps.flatten(2)  # (batch, C, h * w)
        top = places.topk(_count(self.highest, places.shape[2]), dim=2, sorted=False).values.mean(dim=2)  # (batch, C)
        if not (self.lowest and self.alpha):
            return top
        low = places.topk(_count(self.lowest, places.shape[2]), dim=2, largest=False, sorted=False).values
        pooled = top + self.alpha * low.mean(dim=2)  # (batch, C)
        return pooled / 2 if self.halve else pooled


def _count(k: float, places: int) -> int:
    return min(max(round(k * places if k < 1 else k), 1), places)


def upsampled(maps: Tensor) -> Tensor:
    """Twice as high and wide, bilinear: ``(batch, C, h, w)`` to ``(batch, C, 2 h, 2 w)``."""
    return torch.nn.functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
