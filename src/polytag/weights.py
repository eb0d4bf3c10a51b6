"""Weights from elsewhere: a file of a timm model, or a run of one's own with other classes."""

import argparse
import math
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from polytag.backbones import Backbone
from polytag.errors import RunError
from polytag.model import Classifier
from polytag.run import CONFIG, WEIGHTS, Run

State = Mapping[str, Tensor]

_PICKLED = (".pth", ".pt", ".bin", ".ckpt", ".tar")
# Where training scripts keep the state dict; of two, the running average is the one that they evaluate.
_AVERAGES = ("state_dict_ema", "model_ema", "ema_state_dict", "params_ema", "ema")
_WRAPPERS = (*_AVERAGES, "state_dict", "model_state_dict", "model_state", "model", "net", "params")
_DEEPEST = 4  # wrappers in each other
_PREFIXES = ("module.", "_orig_mod.", "model.")
_ADVICE = "give weights of the same model, or start from scratch with --weights none"


def load_weights(model: Classifier, weights: str | Path, classes: Sequence[str]) -> list[str]:
    """Load what ``weights`` names into a freshly built model.

    Args:
        model: what to load into.
        weights: a weights file, or a run folder or its weights; "pretrained" and "none" leave the model as it is.
        classes: the names that the logits of ``model`` stand for.

    Returns:
        What was taken and what was not, a sentence each.

    Raises:
        RunError: if there is no such file or folder, or it does not fit.
    """
    if weights in ("pretrained", "none"):
        return []
    path = Path(weights)
    if not path.exists():
        raise RunError(f"weights must be pretrained, none, a weights file or a run folder; there is no {path}")
    if path.name == WEIGHTS and (path.parent / CONFIG).exists():  # of a run, which tells what they are
        path = path.parent
    if not path.is_dir():
        return load_backbone(model, path)
    run = Run.open(path)
    return load_matching(model, classes, run.load_weights(), run.classes)


def load_backbone(model: Classifier, path: Path) -> list[str]:
    """Load a weights file of the backbone (for a timm model: as timm publishes it), all of it or nothing.

    Returns:
        What was taken and what was not, a sentence each.

    Raises:
        RunError: if the file cannot be read or does not fit; see :func:`read_weights`.
    """
    return _load_backbone(model.backbone, read_weights(path), str(path))


def load_matching(model: Classifier, classes: Sequence[str], state: State, state_classes: Sequence[str]) -> list[str]:
    """Load the weights of another run: its backbone, and of its head the classes that both know by name.

    Where classes share a part of the head, as those of one query of ML-Decoder do, a class is taken where that part can
    be taken with it: of the classes here that share one, those that shared one there, as many as can be.

    Args:
        model: what to load into; classes that the run does not know keep their fresh weights.
        classes: the names that the logits of ``model`` stand for.
        state: the state dict of the other :class:`~polytag.model.Classifier`.
        state_classes: the names that its logits stand for.

    Returns:
        What was taken and what was not, a sentence each. A head of another kind is not taken.

    Raises:
        RunError: if the backbone is another one.
    """
    trunk = "backbone.model." if isinstance(model.backbone, Backbone) else "backbone."
    notes = _load_backbone(model.backbone, _below(trunk, state), "the run")
    groups, told = model.head.group_dims(), model.head.told()
    dims = {key: dim for key, dim in model.head.class_dims().items() if key not in groups}
    own, other = (
        {k: v for k, v in of.items() if k not in told} for of in (model.head.state_dict(), _below("head.", state))
    )
    expected = {key: _resized(value, dims.get(key, ()), len(state_classes)) for key, value in own.items()}
    found = {key: tuple(value.shape) for key, value in other.items()}
    if _one_of_each(expected, groups) != _one_of_each(found, groups):
        return [*notes, "the head of the run is of another kind, so only its backbone is taken"]

    position = {name: place for place, name in enumerate(state_classes)}
    taken = {row: position[name] for row, name in enumerate(classes) if name in position}
    known, fresh = len(taken), len(classes) - len(taken)
    for key, share in groups.items():
        parts, taken = _kept_together(taken, share, math.ceil(len(state_classes) / len(other[key])))
        own[key][[*parts]] = other[key][[*parts.values()]].to(own[key])
    rows, places = torch.tensor([*taken]), torch.tensor([*taken.values()])
    for key, value in own.items():
        if key in dims and taken:
            value[_slices(dims[key], rows)] = other[key][_slices(dims[key], places)].to(value)
        elif key not in dims and key not in groups and (value.ndim or not value.is_floating_point()):
            value.copy_(other[key])  # single numbers, as a scale, are options, not weights
    alone = f"; {known - len(taken)} that are known would share a query with others here and start afresh, too"
    told_of = f"head: {known} of {len(classes)} classes are known to the run by name, {fresh} start afresh"
    return [*notes, told_of + (alone if len(taken) < known else "")]


def _one_of_each(shapes: Mapping[str, tuple[int, ...]], groups: Collection[str]) -> dict[str, tuple[int, ...]]:
    """The same but for how many slices there are of what several classes share."""
    return {key: shape[1:] if key in groups else shape for key, shape in shapes.items()}


def _kept_together(places: Mapping[int, int], here: int, there: int) -> tuple[dict[int, int], dict[int, int]]:
    """Which of the other run's shared slices goes where, and which classes keep their place with it.

    Args:
        places: of the other run's classes, by those of the model.
        here: classes in a row that share a slice in the model.
        there: the same in the other run.
    """
    counts: dict[int, Counter[int]] = defaultdict(Counter)
    for row, place in places.items():
        counts[row // here][place // there] += 1
    parts = {part: count.most_common(1)[0][0] for part, count in counts.items()}
    return parts, {row: place for row, place in places.items() if parts[row // here] == place // there}


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors in a weights file, under the names that the model itself has for them.

    Wrappers (``{"state_dict": ...}``) and prefixes (``module.``) of training scripts are taken off.

    Args:
        path: .safetensors, or one of torch's own formats, of which only plain tensors and numbers are read.

    Raises:
        RunError: if the file is missing, damaged, of another kind, needs code to run, or holds numbers that are not
            finite.
    """
    if path.suffix not in (".safetensors", *_PICKLED):
        raise RunError(f"a weights file must end in .safetensors, {', '.join(_PICKLED[:-1])} or .tar, got {path}")
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pickled(path)
    state = _unwrapped(content)
    if not state:
        raise RunError(f"{path} holds no weights; {_ADVICE}")
    for key, value in state.items():
        if value.is_floating_point() and not value.isfinite().all():
            raise RunError(f"{path} holds numbers that are not finite, first in {key}; give another weights file")
    while prefix := next((prefix for prefix in _PREFIXES if all(key.startswith(prefix) for key in state)), None):
        state = _below(prefix, state)
    return state


def _unwrapped(content: Any, depth: int = 0) -> dict[str, Tensor]:
    """The first state dict within wrappers, a running average before others; empty where there is none."""
    if not isinstance(content, Mapping) or depth > _DEEPEST:
        return {}
    for wrapper in _WRAPPERS:
        if found := _unwrapped(content.get(wrapper), depth + 1):
            return found
    # torch's own average counts how many it has averaged
    return {str(key): value for key, value in content.items() if isinstance(value, Tensor) and key != "n_averaged"}


def _read_safetensors(path: Path) -> Any:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path} cannot be read as safetensors ({error}); fetch it again") from error


def _read_pickled(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):  # the arguments that many scripts save beside
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle can fail in every way
        if code := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise RunError(
                f"{path} is refused, since it would run code ({code[1]}); save its state dict alone as .safetensors"
            ) from error
        known = error.strerror if isinstance(error, OSError) and error.filename else None
        reason = known.lower() if known else "it is damaged or no weights file"
        raise RunError(f"{path} cannot be read: {reason}; fetch it again") from error


def _load_backbone(backbone: nn.Module, state: State, source: str) -> list[str]:
    name, target, published = type(backbone).__name__, backbone, set(backbone.state_dict())
    if isinstance(backbone, Backbone):
        name, target, published = backbone.name, backbone.model, backbone.published_keys()
    own = target.state_dict()
    fitting, misfits = _match(own, state, published)
    if misfits and (converted := _converted(target, state)):
        fitting, remaining = _match(own, converted, published)
        misfits = misfits if remaining else []
    if misfits:
        matching = sum(key in state and state[key].shape == value.shape for key, value in own.items())
        raise RunError(
            f"{source} does not fit the backbone {name}: {matching} of {len(own)} entries match, and {misfits[0]}; "
            + _ADVICE
        )
    target.load_state_dict(fitting, strict=False)  # what may be missing is in _match
    notes = [f"backbone: all {len(fitting)} entries taken from {source}"]
    if left_out := [key for key in state if key not in own and key in published]:
        notes.append(f"left out, as they come after the feature map: {_few(left_out)}")
    if fresh := [key for key in own if key not in fitting and not key.endswith(".num_batches_tracked")]:
        notes.append(f"not among the published weights of {name}, so they start afresh: {_few(fresh)}")
    return notes


def _match(own: State, state: State, published: set[str]) -> tuple[State, list[str]]:
    """The entries that belong to the backbone, and what is wrong with them, a clause each."""
    # Published models have parts that a backbone lacks, and where it has a norm before the pooling, one after it.
    fitting = {key: value for key, value in state.items() if key in own or key not in published}
    misfits = []
    for key, value in own.items():
        if key not in fitting:
            if key in published and not key.endswith(".num_batches_tracked"):  # counted since PyTorch 0.4.1 only
                misfits.append(f"{key} is missing")
        elif fitting[key].shape != value.shape:
            misfits.append(f"{key} has the shape {tuple(fitting[key].shape)}, not {tuple(value.shape)}")
    misfits += [f"{key} is no part of it" for key in fitting if key not in own]
    return fitting, misfits


def _converted(model: nn.Module, state: State) -> State:
    """The same by timm's own converter, where it has one: from original names, or to another image size."""
    convert: Callable[..., State] | None = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    try:
        return {} if convert is None else convert(dict(state), model)
    except Exception:  # it expects weights of this model and fails in every way on others, where _match says why
        return {}


def _below(prefix: str, state: State) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _resized(value: Tensor, dims: tuple[int, ...], size: int) -> tuple[int, ...]:
    return tuple(size if axis in dims else length for axis, length in enumerate(value.shape))


def _slices(dims: tuple[int, ...], rows: Tensor) -> tuple[slice | Tensor, ...]:
    """The index of some classes along one dimension, or along several as in a table."""
    found: list[slice | Tensor] = [slice(None)] * (max(dims) + 1)
    for place, dim in enumerate(dims):
        found[dim] = rows.view(-1, *[1] * (len(dims) - 1 - place))
    return tuple(found)


def _few(keys: list[str]) -> str:
    return ", ".join(keys if len(keys) <= 4 else [*keys[:3], f"and {len(keys) - 3} more"])
