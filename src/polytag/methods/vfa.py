"""Variational feature augmentation: what each label contributes to a photo's vector, put together anew across a batch.

Paper: Chen, Wang, Xue, Ding, Sun, "Enhance via Decoupling: Improving Multi-Label Classifiers with Variational
Feature Augmentation".

=================  ====================================================================================
section            code
=================  ====================================================================================
2.2 eq. 1 to 3     ``layers/class_vaes.py``; terms ``kl``, ``decode`` (eq. 2) and ``binary`` (eq. 3)
2.3 eq. 4          :func:`~polytag.layers.class_vaes.shuffled`, labels following; :func:`shuffled_pairs` counts
2.3 eq. 5, 6       ``aggregate``; term ``reconstruct``
2.3 eq. 7          terms ``classify`` and ``augmented``
3 PETA, RAP, COCO  sizes that follow the number of classes; the baseline is ``--recipe par``
=================  ====================================================================================

Equation 2 prints the divergence with its sign turned; here it is a loss, at least 0. No code of the paper is public and
its text leaves sizes, weights, gradients and schedule open: the defaults are ours, and each is an option.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from polytag._checks import check_choice, check_number, check_type
from polytag._random import drawn_from, torch_seed
from polytag.data.labelled_set import LabelledSet
from polytag.data.loader import Batch
from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.labels.cooccurrence import together
from polytag.layers.class_vaes import ClassVAEs, divergence, orders, shuffled, shuffled_labels
from polytag.losses import BCE
from polytag.losses.base import make_ready
from polytag.method import Context, Method
from polytag.model import Classifier, on_vectors
from polytag.samplers import Sampler
from polytag.samplers.uniform import Uniform

FEW = 60  # classes up to which the sizes are those for pedestrian attributes (26 to 51), above it those for COCO (80)


class VFA(Method):
    """The classifier also learns from vectors whose parts, one a label, come from different photos of the batch.

    A VAE a label says what of the photo's vector is its own; these parts are shuffled label by label, their labels with
    them, and put together again. Works with heads that have ``embed`` and ``classify``. A run keeps the plain model
    alone; training takes about ``C * D * hidden`` numbers more.

    Args:
        model: a classifier whose head works by one vector ``(batch, D)`` a photo, such as linear.
        loss: of the photos and of the augmented vectors.
        sampler: what a pass draws, built from the training labels.
        beta: weight ``>= 0`` of the loss of augmented vectors.
        begin: share of the training, in ``[0, 1]``, after which they count; before it only the VAEs warm up on them.
        ramp: share of the training over which their weight then rises to ``beta``; early reconstructions are noise.
        fine_tune: two stages: from the first epoch after ``begin`` on the backbone rests, the classifier learns alone.
        gradient: "stopped": augmented vectors teach the head alone, VAEs and backbone do not see each other's losses
            (SAM's place nearby, though, is one for all weights);
            "joint": every loss reaches every weight before it.
        shuffle: what is shuffled and aggregated: what the VAEs have "decoded", the "input" that they have encoded, or
            "nothing": what is decoded is put together as it was, so that no pair of labels is new.
        norm: of equations 2 and 6: "mse", the mean square over the numbers of a vector, or "l2", its length.
        over_classes: equation 2 as the "mean" over classes, like equation 3, or as the "sum" that is printed.
        kl: weight ``>= 0`` of the divergence of the codes, eq. 2.
        decode: weight ``>= 0`` of how far what is decoded is from what was encoded, eq. 2.
        binary: weight ``>= 0`` of the loss of the classifiers on codes, eq. 3.
        reconstruct: weight ``>= 0`` of how far the aggregated vector is from the photo's, eq. 6.
        rate: factor ``> 0`` of the learning rate of what only training needs, VAEs and aggregation.
        size: numbers of a label's part; 0 for 64, or 32 where there are over 60 classes.
        latent: numbers of a code; 0 for 16, or 8.
        hidden: numbers between the layers that make a label's part of the vector; 0 for 256, or 128.
        aggregate: numbers between the layers that put a vector together; 0 for ``D / 2``.

    Raises:
        OptionError: if an option is out of its range, weights that rise would not arrive, nothing would be left for
            the first of two stages, or the head does not work by one vector a photo.
    """

    model: Classifier
    share: Tensor

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Tensor, Tensor], Tensor],
        sampler: Callable[[Labels], Sampler] = Uniform,
        beta: float = 0.5,
        begin: float = 0.0,
        ramp: float = 0.2,
        fine_tune: bool = False,
        gradient: Literal["stopped", "joint"] = "stopped",
        shuffle: Literal["decoded", "input", "nothing"] = "decoded",
        norm: Literal["mse", "l2"] = "mse",
        over_classes: Literal["mean", "sum"] = "mean",
        kl: float = 0.005,
        decode: float = 1.0,
        binary: float = 1.0,
        reconstruct: float = 1.0,
        rate: float = 4.0,
        size: int = 0,
        latent: int = 0,
        hidden: int = 0,
        aggregate: int = 0,
    ) -> None:
        super().__init__()
        weights = {"kl": kl, "decode": decode, "binary": binary, "reconstruct": reconstruct}
        sizes = {"size": size, "latent": latent, "hidden": hidden, "aggregate": aggregate}
        for name, weight in {"beta": beta, **weights}.items():
            check_number(name, weight, 0.0, 1e6)
        for name, value in {"begin": begin, "ramp": ramp}.items():
            check_number(name, value, 0.0, 1.0)
        check_number("rate", rate, 1e-6, 1e6)
        for name, number in sizes.items():
            check_type(name, number, int)
            check_number(name, number, 0, 65536)
        if begin + ramp > 1:
            raise OptionError(
                f"begin and ramp are {begin:g} and {ramp:g}, so that augmented vectors would never count in full; "
                "let them be at most 1 together"
            )
        if fine_tune and not begin:
            raise OptionError("fine_tune lets the backbone rest from begin on, and begin is 0; set it to 0.5, say")
        check_choice("gradient", gradient, ("stopped", "joint"))
        check_choice("shuffle", shuffle, ("decoded", "input", "nothing"))
        check_choice("norm", norm, ("mse", "l2"))
        check_choice("over_classes", over_classes, ("mean", "sum"))
        self.model = on_vectors("vfa", model)
        channels, classes = self.model.head.in_channels, self.model.head.num_classes
        few = classes <= FEW
        usual = {"size": 64 if few else 32, "latent": 16 if few else 8, "hidden": 256 if few else 128}
        usual["aggregate"] = max(channels // 2, 1)
        self.loss, self.sampler = loss, sampler
        self.weights, self.sizes = weights, {name: sizes[name] or usual[name] for name in sizes}
        self.beta, self.begin, self.ramp, self.fine_tune, self.rate = beta, begin, ramp, fine_tune, rate
        self.joint, self.shuffle, self.norm = gradient == "joint", shuffle, norm
        self.over_classes, self.binary_loss = over_classes, BCE()
        self.vaes: ClassVAEs | None = None  # made when training begins: a run that is opened needs none
        self.aggregate: nn.Sequential | None = None
        # Outside of a training augmented vectors count in full. A buffer, as a compiled method bakes numbers in.
        self.register_buffer("share", torch.ones(()), persistent=False)

    def prepare(self, train_set: LabelledSet, context: Context) -> None:
        """Gives the loss the head and the training labels, and makes VAEs whose weights are a function of the seed."""
        make_ready(self.loss, self.model, train_set.labels, context.accelerator.device)
        channels, classes = self.model.head.in_channels, self.model.head.num_classes
        size, middle = self.sizes["size"], self.sizes["aggregate"]
        like = next(self.model.parameters())
        with drawn_from(torch_seed(context.seed, 2)):  # on the CPU: the same for every device
            vaes = ClassVAEs(channels, classes, size, self.sizes["latent"], self.sizes["hidden"])
            layers = nn.Linear(classes * size, middle), nn.ReLU(inplace=True), nn.Linear(middle, channels)
        self.vaes, self.aggregate = vaes.to(like), nn.Sequential(*layers).to(like)

    def samplers(self, labels: Labels) -> tuple[Sampler, ...]:
        """The one sampler."""
        return (self.sampler(labels),)

    def begin_step(self, done: float) -> None:
        """Sets how much augmented vectors count."""
        share = (done - self.begin) / self.ramp if self.ramp else float(done >= self.begin)
        self.share.fill_(min(max(share, 0.0), 1.0))

    def rests(self, done: float) -> bool:
        """In the second of two stages."""
        return self.fine_tune and done >= self.begin

    def lr_factors(self) -> dict[str, float]:
        """Of what only training needs."""
        return {"vaes.": self.rate, "aggregate.": self.rate}

    def losses(self, *batches: Batch) -> dict[str, Tensor]:
        """``classify`` and ``augmented`` of equation 7, ``kl``, ``decode``, ``binary``, ``reconstruct``, weighted."""
        (batch,) = batches
        if self.vaes is None or self.aggregate is None:
            raise OptionError("vfa does not know the training photos yet; call prepare before losses")
        vectors = self.model.embed(batch.images)  # (batch, D)
        seen = vectors if self.joint else vectors.detach()
        own = self.vaes(seen)
        parts = own.features if self.shuffle == "input" else own.decoded  # (C, batch, size)
        order = orders(len(vectors), len(parts), vectors.device)  # (C, batch)
        if self.shuffle == "nothing":
            order = order.sort(dim=1).values
        targets = shuffled_labels(batch.targets, order)  # (batch, C)
        with torch.set_grad_enabled(self.joint and torch.is_grad_enabled()):
            augmented = self._aggregated(shuffled(parts, order))  # (batch, D)
        terms = {
            "kl": self._per_class(divergence(own.mean, own.log_variance)),
            "decode": self._per_class(self._distance(own.decoded, own.features)),
            "binary": self.binary_loss(own.logits, batch.targets) / len(parts),
            "reconstruct": self._distance(self._aggregated(parts), seen).mean(),
        }
        return {
            "classify": self.loss(self.model.classify(vectors), batch.targets),
            "augmented": self.beta * self.share * self.loss(self.model.classify(augmented), targets),
            **{name: self.weights[name] * term for name, term in terms.items()},
        }

    def _aggregated(self, parts: Tensor) -> Tensor:
        """Equation 5: ``(C, batch, size)`` to ``(batch, D)``."""
        assert self.aggregate is not None
        return self.aggregate(parts.transpose(0, 1).flatten(1))  # type: ignore[no-any-return]

    def _distance(self, one: Tensor, other: Tensor) -> Tensor:
        """``(..., numbers)`` to ``(...)``, at least in float32."""
        kind = torch.promote_types(one.dtype, torch.float32)
        apart = one.to(kind) - other.to(kind)
        if self.norm == "mse":
            return apart.square().mean(dim=-1)
        return torch.linalg.vector_norm(apart, dim=-1)  # type: ignore[no-any-return]

    def _per_class(self, values: Tensor) -> Tensor:
        """The mean over the batch of ``(C, batch)``, and the mean or sum over classes."""
        return values.mean() if self.over_classes == "mean" else values.sum() / values.shape[1]


class Pairs(NamedTuple):
    """How often two labels are on one photo, ``(C, C)`` each; on the diagonal, how often one is."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]  # shuffling: in what stands for one pass
    new: tuple[tuple[int, int], ...]  # pairs of classes, the lower one first, that no photo has and that came about


def shuffled_pairs(labels: Labels, batch_size: int, seed: int) -> Pairs:
    """Which labels come together before and after shuffling each batch of one pass, label by label.

    Args:
        labels: of the training photos.
        batch_size: photos of a batch, ``>= 1``; the last batch has what is left.
        seed: of the order of photos and of the shuffles.

    Raises:
        OptionError: if there is no photo in a batch.
    """
    check_number("batch_size", batch_size, 1, 2**31)
    before, classes = together(labels), len(labels.classes)
    after = torch.zeros(classes, classes, dtype=torch.float64)
    rows = Uniform(labels).draw(seed, 0)
    for step, start in enumerate(range(0, len(rows), batch_size)):
        targets = torch.from_numpy(labels.dense(rows[start : start + batch_size]))  # (batch, C)
        with drawn_from(torch_seed(seed, step, 0, 0)):
            order = orders(len(targets), classes, targets.device)
        present = (shuffled_labels(targets, order) == 1).double()
        after += present.T @ present
    counts = after.numpy().astype(np.int64)
    new = np.argwhere(np.triu((before == 0) & (counts > 0), 1))
    return Pairs(before, counts, tuple((int(one), int(other)) for one, other in new))
