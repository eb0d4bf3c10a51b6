"""What heads are told of the labels: graph and vectors from the training photos alone, for heads within heads, too."""

import numpy as np
import pytest
import torch
from torch import nn
from toys import PREPROCESSING, tiny_set

from polytag.data.loader import Loader
from polytag.errors import DataError
from polytag.heads.gat import GAT
from polytag.heads.linear import Linear
from polytag.heads.ml_gcn import MLGCN
from polytag.labels.cooccurrence import conditional, label_graph
from polytag.labels.vectors import cooccurrence_vectors, image_vectors, random_vectors
from polytag.model import Classifier
from polytag.relations import Known, read_words, tell_labels

DATA = tiny_set(40)


def known(head, seed=0):
    torch.manual_seed(3)
    model, words = Classifier(nn.Conv2d(3, 6, 3), head), read_words(head, DATA.classes)
    return Known(model, Loader(DATA, PREPROCESSING, None, 0), torch.device("cpu"), seed, words)


def pooled(model):
    """The means of feature maps, a photo at a time."""
    rows = []
    for batch in Loader(DATA, PREPROCESSING, None, 0).in_order(1):
        image = (batch.images.float() / 255 - 0.5) / 0.5
        rows.append(model.backbone(image).mean(dim=(2, 3)).detach().numpy()[0])
    return np.array(rows)


@pytest.mark.parametrize("source", ["cooccurrence", "images", "random"])
def test_vectors_come_from_where_the_head_wants_them(source):
    head = GAT(6, 4, vectors=source, vector_size=5, threshold=0.3, share=0.1, graph_mode="paper")
    what = known(head, seed=7)
    notes = tell_labels(what)
    expected = {
        "cooccurrence": lambda: cooccurrence_vectors(DATA.labels, 5),
        "images": lambda: image_vectors(DATA.labels, pooled(what.model), 5),
        "random": lambda: random_vectors(4, 5, 7),
    }[source]()
    np.testing.assert_allclose(head.nodes.vectors, expected, atol=1e-4)
    graph = label_graph(conditional(DATA.labels), 0.3, 0.1, "paper")
    np.testing.assert_allclose(head.nodes.graph, graph, rtol=1e-6)
    edges = np.count_nonzero(graph) - 4
    assert 0 < edges < 12
    assert notes == [
        f"label graph: {edges} of 12 edges, where a label brings another one with 30% or more; vectors: {source}"
    ]


def test_words_come_from_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("".join(f"{word} {n} {n + 1}\n" for n, word in enumerate("abcd")))
    head = MLGCN(6, 4, vectors=str(path), vector_size=2)
    tell_labels(known(head))
    assert head.nodes.vectors.tolist() == [[0, 1], [1, 2], [2, 3], [3, 4]]
    with pytest.raises(DataError, match=r"and vector_size is 300; say the file's size"):
        known(MLGCN(6, 4, vectors=str(path)))


def test_a_head_within_a_head_is_told_too_and_others_want_nothing():
    inner = MLGCN(6, 4, vector_size=3)
    outer = GAT(6, 4, inner, vector_size=3)
    assert len(tell_labels(known(outer))) == 1  # both the same, said once
    assert torch.equal(outer.nodes.vectors, inner.nodes.vectors)
    np.testing.assert_allclose(inner.nodes.vectors, cooccurrence_vectors(DATA.labels, 3), atol=1e-5)
    assert tell_labels(known(Linear(6, 4))) == []
