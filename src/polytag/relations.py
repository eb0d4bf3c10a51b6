"""What heads that pass messages between labels are told of them, from the training photos."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from polytag.data.loader import Loader
from polytag.heads.base import Head, LabelHead
from polytag.inference import predict_logits
from polytag.labels.cooccurrence import conditional, label_graph
from polytag.labels.vectors import cooccurrence_vectors, image_vectors, random_vectors, word_vectors
from polytag.model import Classifier

Words = Mapping[tuple[str, int], NDArray[Any]]


@dataclass(frozen=True)
class Known:
    """What vectors can be made of.

    Args:
        model: as it is before training.
        photos: the training photos, not augmented.
        device: where the model is asked.
        seed: of what is random.
        words: vectors of the labels by file and size; see :func:`read_words`.
    """

    model: Classifier
    photos: Loader
    device: torch.device
    seed: int
    words: Words

    def features(self) -> NDArray[Any]:
        """The mean of the feature map of each photo, ``(photos, D)``."""
        pooled = nn.Sequential(self.model.backbone, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return predict_logits(pooled.to(self.device), self.photos, self.device)


VECTORS: Mapping[str, Callable[[Known, int], NDArray[Any]]] = {
    "cooccurrence": lambda known, size: cooccurrence_vectors(known.photos.data.labels, size),
    "images": lambda known, size: image_vectors(known.photos.data.labels, known.features(), size),
    "random": lambda known, size: random_vectors(len(known.photos.data.classes), size, known.seed),
}
"""Sources of label vectors by name; any other name is a file of words."""


def read_words(head: Head, classes: Sequence[str]) -> Words:
    """The vectors ``(classes, size)``, by file and size, that a head, or one within it, wants from files of words.

    Raises:
        DataError: if a file cannot be used.
    """
    wanted = {(each.vectors_from, each.vector_size) for each in head.modules() if isinstance(each, LabelHead)}
    return {(name, size): word_vectors(Path(name), classes, size) for name, size in wanted if name not in VECTORS}


def tell_labels(known: Known) -> list[str]:
    """Give the heads of a model that want them the label graph and vectors; what there is to say of those, a sentence.

    Raises:
        OptionError: if an option of a head is out of its range.
    """
    notes = []
    labels = known.photos.data.labels
    for head in known.model.head.modules():
        if not isinstance(head, LabelHead):
            continue
        source = VECTORS.get(head.vectors_from)
        size = head.vector_size
        vectors = source(known, size) if source else known.words[head.vectors_from, size]
        wanted = head.wanted_graph
        graph = label_graph(conditional(labels), *wanted) if wanted else None
        head.tell(None if graph is None else torch.from_numpy(graph), torch.from_numpy(vectors))
        note = f"label vectors: {head.vectors_from}"
        if graph is not None and wanted:
            edges, possible = int((graph > 0).sum()) - len(graph), len(graph) * (len(graph) - 1)
            note = (
                f"label graph: {edges} of {possible} edges, where a label brings another one with "
                f"{wanted.threshold:.0%} or more; vectors: {head.vectors_from}"
            )
        notes.append(note)
    return list(dict.fromkeys(notes))  # several heads may be told the same
