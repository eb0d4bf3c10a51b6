"""What heads that pass messages between labels are told of them, from the training photos."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from polytag.data.loader import Loader
from polytag.heads.base import LabelHead
from polytag.inference import predict_logits
from polytag.labels.cooccurrence import conditional, label_graph
from polytag.labels.vectors import cooccurrence_vectors, image_vectors, random_vectors, word_vectors
from polytag.model import Classifier


@dataclass(frozen=True)
class Known:
    """What vectors can be made of.

    Args:
        model: as it is before training.
        photos: the training photos, not augmented.
        device: where the model is asked.
        seed: of what is random.
    """

    model: Classifier
    photos: Loader
    device: torch.device
    seed: int

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


def tell_labels(known: Known) -> list[str]:
    """Give the heads of a model that want them the label graph and vectors; what there is to say of those, a sentence.

    Raises:
        DataError: if a file of words cannot be used.
        OptionError: if an option of a head is out of its range.
    """
    notes = []
    labels = known.photos.data.labels
    for head in known.model.head.modules():
        if not isinstance(head, LabelHead):
            continue
        source = VECTORS.get(head.vectors_from)
        vectors = (
            source(known, head.vector_size)
            if source
            else word_vectors(Path(head.vectors_from), labels.classes, head.vector_size)
        )
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
