"""What the head of another run promises: classes matched by name, and what they share there comes along."""

import torch
from torch import nn

from polytag.heads.gat import GAT
from polytag.heads.linear import Linear
from polytag.heads.ml_decoder import MLDecoder
from polytag.model import Classifier
from polytag.weights import load_matching


def toy(classes, **options):
    return Classifier(nn.Conv2d(3, 4, 3), Linear(4, classes, **options))


def test_matches_the_classes_of_another_run_by_name():
    old, new = toy(3), toy(4)
    fresh = new.head.classifier.weight[1].clone()
    notes = load_matching(new, ["owl", "bee", "cat", "ant"], old.state_dict(), ["ant", "cat", "owl"])
    assert notes == [
        "backbone: all 2 entries taken from the run",
        "head: 3 of 4 classes are known to the run by name, 1 start afresh",
    ]
    for mine, theirs in ((0, 2), (2, 1), (3, 0)):
        assert torch.equal(new.head.classifier.weight[mine], old.head.classifier.weight[theirs])
        assert torch.equal(new.head.classifier.bias[mine], old.head.classifier.bias[theirs])
    assert torch.equal(new.head.classifier.weight[1], fresh)
    assert torch.equal(new.backbone.weight, old.backbone.weight)


def test_what_a_head_shares_between_classes_is_taken_even_where_no_class_is_known():
    old, new = toy(3, normalize=True, scale=10), toy(2, normalize=True)
    weight = new.head.classifier.weight.clone()
    notes = load_matching(new, ["x", "y"], old.state_dict(), ["a", "b", "c"])
    assert notes[1:] == ["head: 0 of 2 classes are known to the run by name, 2 start afresh"]
    assert new.head.scale.item() == 23  # an option of the new head, not a weight
    assert torch.equal(new.head.classifier.weight, weight)


def test_what_a_head_was_told_of_labels_is_not_taken_from_another_run():
    old, new = (Classifier(toy(2).backbone, GAT(4, classes, vector_size=4)) for classes in (3, 2))
    vectors = new.head.nodes.vectors.clone()
    notes = load_matching(new, ["c", "d"], old.state_dict(), ["a", "b", "c"])
    assert notes[1:] == ["head: 1 of 2 classes are known to the run by name, 1 start afresh"]
    assert torch.equal(new.head.nodes.vectors, vectors)
    assert torch.equal(new.head.first.weight, old.head.first.weight)
    assert torch.equal(new.head.around.classifier.weight[0], old.head.around.classifier.weight[2])


def decoding(classes, groups=100, seed=0):
    torch.manual_seed(seed)
    return Classifier(
        toy(2).backbone, MLDecoder(4, classes, groups=groups, width=8, attention_heads=2, hidden=8)
    ).eval()


def moved(old, new, old_names, new_names):
    """The notes, and how far logits of classes that both know are from each other, ``(classes,)``."""
    notes = load_matching(new, new_names, old.state_dict(), old_names)
    photos = torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        before, after = old(photos), new(photos)
    there = [old_names.index(name) for name in new_names if name in old_names]
    here = [row for row, name in enumerate(new_names) if name in old_names]
    return notes[1], (before[:, there] - after[:, here]).abs().amax(dim=0)


def test_classes_of_fewer_queries_find_theirs_where_each_has_one_of_its_own():
    """From a larger set, where seven labels share a query, to a smaller one, as the AAM paper pretrains."""
    old_names, new_names = [f"a{n}" for n in range(13)], ["a12", "a3", "b", "a4", "a0"]
    note, apart = moved(decoding(13, groups=2), decoding(5, seed=1), old_names, new_names)
    assert note == "head: 4 of 5 classes are known to the run by name, 1 start afresh"
    assert apart.max() < 1e-6


def test_classes_that_share_a_query_are_taken_if_they_shared_one_there():
    old_names = [f"a{n}" for n in range(8)]
    new_names = ["a7", "a0", "a1", "b", "a6", "a5"]  # three a query; in the run two
    note, apart = moved(decoding(8, groups=4), decoding(6, groups=2, seed=1), old_names, new_names)
    assert note == (
        "head: 5 of 6 classes are known to the run by name, 1 start afresh; "
        "2 that are known would share a query with others here and start afresh, too"
    )
    kept = apart < 1e-6
    assert kept.tolist() == [False, True, True, True, False]


def test_one_query_a_class_may_become_several_classes_a_query():
    old_names = [f"a{n}" for n in range(4)]
    note, apart = moved(decoding(4), decoding(6, groups=3, seed=1), old_names, [*old_names, "b", "c"])
    assert note.endswith("2 start afresh; 2 that are known would share a query with others here and start afresh, too")
    assert (apart < 1e-6).tolist() == [True, False, True, False]


def test_what_is_around_a_head_of_queries_changes_nothing():
    graph = {"vector_size": 4, "around": MLDecoder(4, 4, groups=2, width=8, attention_heads=2, hidden=8)}
    old = Classifier(toy(2).backbone, GAT(4, 4, **graph))
    new = Classifier(toy(2).backbone, GAT(4, 2, vector_size=4, around=decoding(2).head))
    notes = load_matching(new, ["c", "a"], old.state_dict(), ["a", "b", "c", "d"])
    assert notes[1] == "head: 2 of 2 classes are known to the run by name, 0 start afresh"
    assert torch.equal(new.head.around.queries, old.head.around.queries[[1, 0]])


def test_of_a_run_with_another_head_only_the_backbone_is_taken():
    old, new = toy(2, normalize=True), toy(2)
    weight = new.head.classifier.weight.clone()
    notes = load_matching(new, ["a", "b"], old.state_dict(), ["a", "b"])
    assert notes == [
        "backbone: all 2 entries taken from the run",
        "the head of the run is of another kind, so only its backbone is taken",
    ]
    assert torch.equal(new.backbone.weight, old.backbone.weight)
    assert torch.equal(new.head.classifier.weight, weight)


def test_queries_stay_where_no_class_is_known():
    old, new = decoding(4, groups=2), decoding(3, seed=1)
    queries, weight = new.head.queries.clone(), new.head.weight.clone()
    note, _ = moved(old, new, ["a", "b", "c", "d"], ["x", "y", "z"])
    assert note == "head: 0 of 3 classes are known to the run by name, 3 start afresh"
    assert torch.equal(new.head.queries, queries)
    assert torch.equal(new.head.weight, weight)
    assert torch.equal(new.head.embed.weight, old.head.embed.weight)
