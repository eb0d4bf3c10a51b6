"""Any timm model as a feature extractor: photos in, one feature map out, whatever the architecture calls it."""

import dataclasses
import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import timm
import torch
from huggingface_hub import hf_hub_url, try_to_load_from_cache
from huggingface_hub.utils import get_session  # type: ignore[attr-defined]
from timm.models import PretrainedCfg
from torch import Tensor, nn

from polytag._checks import check_number
from polytag.data.preprocessing import Preprocessing
from polytag.errors import OptionError, PolytagError, RunError

UNCOUNTED = {"VOLO": 1}  # class tokens that timm does not count among the prefix, by the class of the model


def preprocessing_defaults(name: str, image_size: int | tuple[int, int] | None = None) -> Preprocessing:
    """What the published weights of a timm model were trained on: image size, mean, std and interpolation.

    Args:
        name: of the model.
        image_size: another one, pixels a side or ``(height, width)``.

    Raises:
        OptionError: if timm has no model or no weights of this name.
    """
    config = _config(name)
    values = {"image_size": config.input_size[-2:], "mean": config.mean, "std": config.std}
    found = Preprocessing.from_dict({**values, "interpolation": config.interpolation})
    if image_size is None:
        return found
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    return dataclasses.replace(found, image_size=size)


class Backbone(nn.Module):
    """A timm model without its classifier: ``(batch, 3, h, w)`` to ``(batch, D, h', w')``.

    Tokens of transformers are put back on their grid, class tokens left out; channels come first. What the feature map
    does not depend on (the classifier, norms and layers after the pooling) is removed, so every weight is trained.

    Args:
        name: as in ``timm.list_models()``; weights other than the default ones as in ``resnet50.a1_in1k``.
        pretrained: take the published weights, from the cache of the hub or from the hub.
        image_size: pixels a side, or ``(height, width)``, 1 to 8192 each; the model's default unless given. Most
            convolutional models then also take other sizes, most transformers do not.

    Attributes:
        channels: ``D``.

    Raises:
        OptionError: if the name is not known, there are no weights, or the model cannot take this image size.
        RunError: if the weights cannot be fetched.
    """

    def __init__(self, name: str, pretrained: bool = False, image_size: int | tuple[int, int] | None = None) -> None:
        super().__init__()
        config = _config(name)
        self.name = name
        self.image_size = _size(image_size, config)
        self.fixed_size = bool(config.fixed_input_size)
        # Rehearsed without memory and arithmetic, so that no weights are fetched for what cannot work.
        with _refused_as(f"the backbone {name} cannot take photos of {_times(self.image_size)} pixels"):
            entry = timm.model_entrypoint(name.partition(".")[0])
            options, self.channels, used = _rehearse(name, self.image_size, self.fixed_size, entry)
        self.model = _pretrained(name, config, options) if pretrained else timm.create_model(name, **options)
        _remove_unused(self.model, used)

    def forward(self, images: Tensor) -> Tensor:
        """Args: ``images`` ``(batch, 3, h, w)``, normalised. Returns: ``(batch, D, h', w')``."""
        if self.fixed_size and tuple(images.shape[2:]) != self.image_size:
            raise OptionError(
                f"the backbone {self.name} was built for photos of {_times(self.image_size)} pixels, got "
                f"{_times(images.shape[2:])}; build it with the image_size of these photos"
            )
        return _feature_map(self.model, images)

    def published_keys(self) -> set[str]:
        """The state-dict keys of the whole timm model, its own classifier included: those of a weights file."""
        size: dict[str, Any] = {"img_size": self.image_size} if self.fixed_size else {}
        with torch.device("meta"):
            return set(timm.create_model(self.name, **size).state_dict())


def _config(name: str) -> PretrainedCfg:
    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        known = timm.list_models()
        near = difflib.get_close_matches(architecture, known, n=1)
        hint = f"did you mean {near[0]!r}" if near else "polytag list backbones shows them"
        raise OptionError(f"backbone must be one of the {len(known)} models of timm, got {name!r}; {hint}")
    if tag and not timm.is_model_pretrained(name):
        tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{architecture}.*")]
        raise OptionError(f"the weights of {architecture} must be one of {', '.join(tags) or 'none'}, got {tag!r}")
    return timm.get_pretrained_cfg(name) or PretrainedCfg()


def _size(image_size: int | tuple[int, int] | None, config: PretrainedCfg) -> tuple[int, int]:
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size or config.input_size[-2:]
    for side in (height, width):
        check_number("each side of image_size", side, 1, 8192)
    return height, width


@lru_cache(maxsize=32)  # a second each time, and a student asks for as many models as it has teachers
def _rehearse(
    name: str, size: tuple[int, int], fixed_size: bool, entry: object
) -> tuple[dict[str, Any], int, set[str]]:
    """The arguments for timm, the channels ``D``, and the names of the parameters that the feature map depends on.

    ``entry`` is what timm has under this name: another one is rehearsed anew.
    """
    options: dict[str, Any] = {"num_classes": 0, "global_pool": ""} | ({"img_size": size} if fixed_size else {})
    with torch.device("meta"), torch.enable_grad():
        try:
            model = timm.create_model(name, **options)
        except AssertionError:  # a few refuse to go without their pooling, which the feature map does not pass
            del options["global_pool"]
            model = timm.create_model(name, **options)
        features = _feature_map(model.eval(), torch.empty(2, 3, *size))
        weights = {key: weight for key, weight in model.named_parameters() if weight.requires_grad}
        gradients = torch.autograd.grad(features.sum(), list(weights.values()), allow_unused=True)
    unused = {key for key, gradient in zip(weights, gradients, strict=True) if gradient is None}
    return options, features.shape[1], {key for key, _ in model.named_parameters()} - unused


def _remove_unused(model: nn.Module, used: set[str]) -> None:
    # Distributed training would wait for the gradients of what forward_features never calls.
    for path, module in reversed(list(model.named_modules())):
        own = {f"{path}.{key}" for key, _ in module.named_parameters(recurse=False)}
        if own and path and used.isdisjoint(own):
            model.set_submodule(path, nn.Identity())


def _feature_map(model: Any, images: Tensor) -> Tensor:
    features: Any = model.forward_features(images)
    if isinstance(features, Tensor) and features.ndim == 4:
        return features.permute(0, 3, 1, 2) if getattr(model, "output_fmt", "NCHW") == "NHWC" else features
    if not isinstance(features, Tensor) or features.ndim != 3:
        raise OptionError(f"the backbone {type(model).__name__} gives no feature map; choose another one")
    prefix = getattr(model, "num_prefix_tokens", UNCOUNTED.get(type(model).__name__, 0))
    patches: Any = features[:, prefix:]  # (batch, h' * w', D)
    height, width = images.shape[2:]
    # Patches are square and those cut off at the right and bottom do not count: rounding is exact on the shorter side.
    count = patches.shape[1]
    short = round((count * min(height, width) / max(height, width)) ** 0.5)
    rows, columns = (short, count // short) if height <= width else (count // short, short)
    if rows * columns != count:
        raise OptionError(f"the backbone {type(model).__name__} gives {count} tokens, not a grid; choose another one")
    grid: Tensor = patches.transpose(1, 2).unflatten(2, (rows, columns))  # (batch, D, h', w')
    return grid


def _pretrained(name: str, config: PretrainedCfg, options: dict[str, Any]) -> Any:
    if not config.has_weights:
        raise OptionError(
            f"the backbone {name} has no published weights; give a file with --weights PATH, or start from scratch "
            "with --weights none"
        )
    try:
        return timm.create_model(name, pretrained=True, **options, **_cached_or_reachable(config))
    # The hub raises errors of its own, of two HTTP libraries and of the system, without a common base.
    except Exception as error:
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise RunError(
            f"the weights of {name} cannot be fetched ({reason}; no network?); give a file with --weights PATH, or "
            "start from scratch with --weights none"
        ) from error


def _cached_or_reachable(config: PretrainedCfg) -> dict[str, Any]:
    """Where the hub's file is already here, timm's argument that says so: it would ask the hub first otherwise."""
    if not config.hf_hub_id:
        return {}
    repository, _, revision = config.hf_hub_id.partition("@")
    files = [config.hf_hub_filename] if config.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
    cached = [try_to_load_from_cache(repository, file, revision=revision or None) for file in files]
    found = next((path for path in cached if isinstance(path, str)), None)
    if found is None:
        # One attempt: where there is no network, the hub's own retries take three quarters of a minute.
        get_session().head(hf_hub_url(repository, files[0]), timeout=5)
    plain = not config.hf_hub_filename and not config.custom_load
    return {"pretrained_cfg_overlay": {"file": found}} if found and plain else {}


@contextmanager
def _refused_as(what: str) -> Iterator[None]:
    try:
        yield
    except PolytagError:
        raise
    except (AssertionError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise OptionError(f"{what}{reason and f' ({reason})'}; choose another image_size") from error


def _times(size: tuple[int, ...]) -> str:
    return " x ".join(map(str, size))
