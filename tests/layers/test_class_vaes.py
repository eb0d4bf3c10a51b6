"""What the VAEs of all classes promise: each class by itself, in as many operations for 80 classes as for 8."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.utils._python_dispatch import TorchDispatchMode

from polytag.errors import OptionError
from polytag.layers.class_vaes import ClassLinear, ClassVAEs, divergence, orders, shuffled, shuffled_labels

D, C, SIZE, LATENT, HIDDEN, BATCH = 6, 5, 4, 3, 7, 8
DOUBLE = {"dtype": torch.float64}


def made(classes=C):
    torch.manual_seed(0)
    return ClassVAEs(D, classes, SIZE, LATENT, HIDDEN).double()


def of_class(layer, c, x):
    """A layer of one class, as torch's own linear layer has it."""
    return torch.nn.functional.linear(x, layer.weight[c].T, layer.bias.view(len(layer.weight), -1)[c])


def one_by_one(vaes, vectors, noise):
    """The formulas, one class after the other."""
    found = []
    for c in range(vaes.classes):
        rows = slice(c * HIDDEN, (c + 1) * HIDDEN)
        seen = torch.nn.functional.linear(vectors, vaes.widen.weight[rows], vaes.widen.bias[rows]).relu()
        features = of_class(vaes.narrow, c, seen)
        mean_and_log = of_class(vaes.encoder[2], c, of_class(vaes.encoder[0], c, features).relu())
        mean, log_variance = mean_and_log[:, :LATENT], mean_and_log[:, LATENT:]
        codes = mean + torch.sqrt(torch.exp(log_variance)) * noise[c]
        decoded = of_class(vaes.decoder[2], c, of_class(vaes.decoder[0], c, codes).relu())
        found.append((features, mean, log_variance, codes, decoded, of_class(vaes.classifier, c, codes)[:, 0]))
    *class_first, logits = (torch.stack(parts) for parts in zip(*found, strict=True))
    return (*class_first, logits.T)


def test_all_at_once_is_a_loop_over_classes_and_so_are_the_gradients():
    vaes, vectors = made(), torch.randn(BATCH, D, **DOUBLE)
    noise = torch.randn(C, BATCH, LATENT, **DOUBLE)
    results = [vaes(vectors, noise), one_by_one(vaes, vectors, noise)]
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    weights = dict(vaes.named_parameters())
    gradients = [
        torch.autograd.grad(sum(part.square().sum() for part in parts), list(weights.values())) for parts in results
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-9)


def test_shapes_are_those_of_the_paper_with_classes_first():
    seen = made()(torch.randn(BATCH, D, **DOUBLE))
    assert [tuple(part.shape) for part in seen] == [
        (C, BATCH, SIZE),
        (C, BATCH, LATENT),
        (C, BATCH, LATENT),
        (C, BATCH, LATENT),
        (C, BATCH, SIZE),
        (BATCH, C),
    ]


def test_a_class_does_not_see_the_others():
    vaes, vectors = made(), torch.randn(BATCH, D, **DOUBLE)
    noise = torch.zeros(C, BATCH, LATENT, **DOUBLE)
    before = vaes(vectors, noise)
    with torch.no_grad():
        vaes.widen.weight[2 * HIDDEN : 3 * HIDDEN] += 1
        vaes.classifier.weight[4] += 1
    after = vaes(vectors, noise)
    changed = [not torch.equal(one, other) for one, other in zip(before.features, after.features, strict=True)]
    assert changed == [False, False, True, False, False]
    told = [not torch.equal(before.logits[:, c], after.logits[:, c]) for c in range(C)]
    assert told == [False, False, True, False, True]


def test_codes_vary_as_the_encoder_says():
    vaes, vectors = made(), torch.randn(1, D, **DOUBLE).expand(20_000, D)
    torch.manual_seed(1)
    seen = vaes(vectors)
    deviation = (0.5 * seen.log_variance[:, 0]).exp()
    torch.testing.assert_close(seen.codes.mean(dim=1), seen.mean[:, 0], rtol=0, atol=0.05)
    torch.testing.assert_close(seen.codes.std(dim=1), deviation, rtol=0.03, atol=0)
    torch.manual_seed(1)
    assert torch.equal(vaes(vectors).codes, seen.codes)


class Counted(TorchDispatchMode):
    """Operations that reach a device."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.count += 1
        return function(*args, **(kwargs or {}))


def operations(classes):
    vaes = made(classes)
    with Counted() as mode:
        seen = vaes(torch.randn(BATCH, D, **DOUBLE))
        order = orders(BATCH, classes, torch.device("cpu"))
        parts = shuffled(seen.decoded, order).sum() + divergence(seen.mean, seen.log_variance).sum()
        (parts + seen.logits.sum()).backward()
    return mode.count


def test_more_classes_are_not_more_operations():
    assert operations(8) == operations(80) < 200


def test_the_divergence_is_that_of_torch_and_worked_by_hand():
    mean, log_variance = torch.randn(4, 5, 3, **DOUBLE), torch.randn(4, 5, 3, **DOUBLE)
    normal = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(normal, Normal(torch.zeros_like(mean), torch.ones_like(mean))).sum(dim=2)
    torch.testing.assert_close(divergence(mean, log_variance), expected, rtol=1e-12, atol=1e-12)
    # 1/2 (1 + 4 - 1 - log 4) + 1/2 (0 + 1 - 1 - 0), and nothing where it is the standard distribution.
    by_hand = divergence(torch.tensor([[1.0, 0.0], [0.0, 0.0]]), torch.tensor([[math.log(4), 0.0], [0.0, 0.0]]))
    assert by_hand.tolist() == pytest.approx([0.5 * (4 - math.log(4)), 0.0])


def test_the_divergence_is_never_negative_and_pulls_to_the_standard_distribution():
    mean = torch.linspace(-3, 3, 7).view(-1, 1).requires_grad_()
    log_variance = torch.linspace(-4, 4, 9).view(1, -1).requires_grad_()
    value = divergence(mean[..., None], log_variance[..., None])
    assert (value >= 0).all()
    assert divergence(torch.full((1,), 1e-4), torch.full((1,), 1e-4)).item() == pytest.approx(0.75e-8, rel=1e-3)
    value.sum().backward()
    assert torch.equal(mean.grad.sign(), mean.detach().sign())
    assert torch.equal(log_variance.grad.sign(), log_variance.detach().sign())


def test_in_half_precision_the_divergence_is_computed_in_float32():
    mean, log_variance = torch.randn(3, 4).bfloat16(), torch.randn(3, 4).bfloat16()
    value = divergence(mean, log_variance)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, divergence(mean.float(), log_variance.float()))
    with torch.autocast("cpu", torch.bfloat16):
        seen = made().float()(torch.randn(BATCH, D))
    assert all(part.isfinite().all() for part in seen)


def test_features_and_labels_stay_together_when_they_are_shuffled():
    torch.manual_seed(3)
    order = orders(BATCH, C, torch.device("cpu"))
    assert torch.equal(order.sort(dim=1).values, torch.arange(BATCH).expand(C, -1))
    assert len({tuple(row) for row in order.tolist()}) == C  # an order of its own for each class
    label = torch.tensor([-1.0, 0.0, 0.25, 1.0])[torch.randint(0, 4, (BATCH, C))]  # unknown, absent, mixed, present
    marks = torch.arange(C)[:, None] * 100 + torch.arange(BATCH)  # which class and photo a feature is of
    features = torch.stack([marks.float(), label.T], dim=2)  # (C, BATCH, 2)
    moved, followed = shuffled(features, order), shuffled_labels(label, order)
    assert torch.equal(moved[:, :, 1].T, followed)
    for c in range(C):
        assert moved[c, :, 0].tolist() == [100 * c + row for row in order[c].tolist()]
        assert sorted(moved[c, :, 0].tolist()) == features[c, :, 0].tolist()


def test_a_batch_of_one_stays_as_it_is():
    order = orders(1, C, torch.device("cpu"))
    features, labels = torch.randn(C, 1, SIZE), torch.randn(1, C)
    assert torch.equal(shuffled(features, order), features)
    assert torch.equal(shuffled_labels(labels, order), labels)


def test_a_layer_begins_like_torch_s_own_and_its_bias_does_not_decay():
    torch.manual_seed(0)
    layer = ClassLinear(50, 16, 8)
    for weights in (layer.weight, layer.bias):
        assert weights.abs().max().item() == pytest.approx(0.25, rel=0.02)
    assert layer.bias.ndim == 1


@pytest.mark.parametrize("name", ["size", "latent", "hidden"])
def test_sizes_out_of_range_are_refused(name):
    with pytest.raises(OptionError) as refusal:
        ClassVAEs(D, C, **{"size": 4, "latent": 3, "hidden": 7, name: 0})
    assert str(refusal.value) == f"{name} must be between 1 and 65536, got 0"
