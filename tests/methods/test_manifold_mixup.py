"""What mixup of vectors promises: vectors and labels mixed by one share, unknown ones kept, and a plain model."""

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from toys import tiny_set

from polytag import Predictor, Training
from polytag.build import build_model
from polytag.data.loader import Batch
from polytag.errors import OptionError
from polytag.losses import BCE
from polytag.method import Context
from polytag.methods.manifold_mixup import ManifoldMixup, mixed_labels


def built(head="linear", **options):
    method = ManifoldMixup(build_model("test_resnet", head, 4, image_size=(64, 64)), BCE(), **options)
    method.prepare(tiny_set(8), Context(Accelerator(cpu=True), 0))
    return method.eval()


def batch(size=6):
    random = torch.Generator().manual_seed(0)
    images = torch.randn(size, 3, 64, 64, generator=random)
    return Batch(images, torch.randint(-1, 2, (size, 4), generator=random).float(), torch.arange(size))


def seeded(method, given, seed=0):
    torch.manual_seed(seed)
    return method.losses(given)["classify"]


def test_vectors_and_labels_are_mixed_by_one_share():
    method, given = built(), batch()
    vectors = method.model.embed(given.images)
    torch.manual_seed(3)
    share, other = torch.distributions.Beta(2.0, 2.0).sample().item(), torch.randperm(6)
    assert 0.05 < share < 0.95
    mixed = share * vectors + (1 - share) * vectors[other]
    y, z = given.targets, given.targets[other]
    labels = torch.where((y < 0) | (z < 0), -1, share * y + (1 - share) * z)
    torch.testing.assert_close(seeded(method, given, 3), method.loss(method.model.classify(mixed), labels))


def test_labels_by_hand():
    targets = torch.tensor([[1.0, 0, 1, -1], [0, 0, 1, 1]])
    mixed = mixed_labels(targets, torch.tensor([1, 0]), torch.tensor(0.75))
    assert mixed.tolist() == [[0.75, 0, 1, -1], [0.25, 0, 1, -1]]


def test_every_weight_learns_and_draws_follow_the_seed_of_the_step():
    method, given = built(), batch()
    one, same, other = (seeded(method, given, seed) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert one != other
    one.backward()
    assert all(p.grad.abs().sum() > 0 for p in method.model.head.parameters())
    assert all(p.grad is not None for p in method.model.backbone.parameters())


def test_a_batch_of_one_is_that_photo_and_bf16_does():
    method, given = built(), batch(1)
    expected = method.loss(method.model(given.images), given.targets)
    torch.testing.assert_close(seeded(method, given), expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert seeded(method, given).item() == pytest.approx(expected.item(), rel=0.05)


def test_a_run_holds_the_plain_model(tmp_path):
    data = tiny_set(24)
    quick = {"backbone": "test_efficientnet", "weights": "none", "image_size": 64, "epochs": 1, "workers": 0}
    run = Training(data=data, out=tmp_path / "run", method="manifold_mixup", **quick).finish()
    assert np.isfinite(Predictor(run, workers=0).predict_proba(data)).all()


def test_what_cannot_be_used_is_refused():
    with pytest.raises(OptionError) as refusal:
        built(alpha=0.0)
    assert str(refusal.value) == "alpha must be between 0.01 and 100, got 0.0"
    with pytest.raises(OptionError) as refusal:
        ManifoldMixup(torch.nn.Linear(2, 2), BCE())
    assert str(refusal.value) == "manifold_mixup works on a Classifier, a backbone with a head, got another module"
    with pytest.raises(OptionError) as refusal:
        built("wildcat")
    assert str(refusal.value) == (
        "manifold_mixup needs a head with embed and classify, which works by one vector a photo, and Wildcat does not; "
        "choose one that does, such as linear"
    )
