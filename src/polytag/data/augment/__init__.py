"""What training photos go through: a crop, changes of colour and shape, mixing; each kind by its names."""

from polytag.data.augment.base import Augmentation, Crop, Mix, Unchanged
from polytag.data.augment.crops import MultiScale, Resized, Shift, Sides, Whole
from polytag.data.augment.mixes import CutMix, Mixup, Unmixed
from polytag.data.augment.photometric import Photometric
from polytag.data.augment.randaugment import RandAugment

__all__ = ["AUGMENTATIONS", "CROPS", "MIXES", "Augmentation", "Crop", "Mix"]

CROPS: dict[str, type[Crop]] = {
    "none": Whole,
    "sides": Sides,
    "resized": Resized,
    "multi_scale": MultiScale,
    "shift": Shift,
}

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "none": Unchanged,
    "randaugment": RandAugment,
    "photometric": Photometric,
}

MIXES: dict[str, type[Mix]] = {
    "none": Unmixed,
    "mixup": Mixup,
    "cutmix": CutMix,
}
