"""What every loss promises: one number a batch, summed over classes, averaged over images, blind to unknowns."""

import inspect

import pytest
import torch

from polytag.errors import OptionError
from polytag.labels import Labels
from polytag.losses import LOSSES, Loss

CLASSES = ("cat", "dog", "owl", "fox")
LABELS = Labels.from_dense(
    [[1, 0, 0, 1], [0, 1, 0, 0], [1, 0, 1, -1], [1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0]], CLASSES
)
TARGETS = torch.tensor([[1, 0, 0, -1], [0, 1, 0, 1], [-1, 0, 1, 0]], dtype=torch.int8)
UNKNOWN = TARGETS < 0


@pytest.fixture(params=LOSSES)
def loss(request):
    built = LOSSES[request.param]()
    built.prepare(LABELS)
    return built


def logits(dtype=torch.float64):
    seed = torch.Generator().manual_seed(0)
    return (2 * torch.randn(TARGETS.shape, generator=seed)).to(dtype).requires_grad_()


def gradient(loss, z, targets):
    (found,) = torch.autograd.grad(loss(z, targets), z)
    return found


def test_every_argument_is_named_typed_and_defaulted(loss):
    assert isinstance(loss, Loss)
    for argument in inspect.signature(type(loss)).parameters.values():
        assert argument.kind is argument.POSITIONAL_OR_KEYWORD
        assert argument.default is not argument.empty
        assert argument.annotation is not argument.empty


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_returns_one_number_in_full_precision_and_a_gradient_in_the_type_of_the_logits(loss, dtype, expected):
    z = logits(dtype)
    value = loss(z, TARGETS)
    assert (value.shape, value.dtype) == ((), expected)
    value.backward()
    assert (z.grad.shape, z.grad.dtype) == (z.shape, dtype)


def test_is_never_negative(loss):
    seed = torch.Generator().manual_seed(1)
    for scale in (0.1, 1, 10, 1000):
        z = scale * torch.randn(50, 4, generator=seed)
        assert loss(z, torch.randint(-1, 2, (50, 4), generator=seed)).item() >= 0


def test_averages_over_the_batch(loss):
    z = logits()
    torch.testing.assert_close(loss(torch.cat([z, z]), torch.cat([TARGETS, TARGETS])), loss(z, TARGETS))


def test_averages_over_images_without_known_labels_too(loss):
    z = logits()
    padded = loss(torch.cat([z, z]), torch.cat([TARGETS, torch.full_like(TARGETS, -1)]))
    torch.testing.assert_close(padded, loss(z, TARGETS) / 2)


@pytest.mark.parametrize("strange", [0.0, 100.0, -100.0, 1e4, -1e4, 1e30, -1e30])
def test_unknown_labels_change_nothing_whatever_their_logit(loss, strange):
    plain = logits(torch.float32)
    other = plain.detach().masked_fill(UNKNOWN, strange).requires_grad_()
    torch.testing.assert_close(loss(other, TARGETS), loss(plain, TARGETS))
    found = gradient(loss, other, TARGETS)
    assert not found[UNKNOWN].any()
    torch.testing.assert_close(found, gradient(loss, plain, TARGETS))


def test_a_batch_without_known_labels_costs_nothing(loss):
    z = logits()
    value = loss(z, torch.full_like(TARGETS, -1))
    value.backward()
    assert value.item() == 0
    assert not z.grad.any()


@pytest.mark.parametrize("share", [0.001, 0.3, 0.75, 1.0])
def test_a_label_of_mixed_photos_costs_what_both_cost_by_their_shares(loss, share):
    z = logits()
    soft = torch.where(TARGETS == 1, torch.tensor(share, dtype=torch.float64), TARGETS.double())
    absent = torch.where(TARGETS == 1, 0, TARGETS)
    if loss.weighs_photos:  # then by the weight of the mixed photo
        assert 0 < loss(z, soft).item() < torch.inf
        assert gradient(loss, z, soft).isfinite().all()
        return
    torch.testing.assert_close(loss(z, soft), share * loss(z, TARGETS) + (1 - share) * loss(z, absent))
    expected = share * gradient(loss, z, TARGETS) + (1 - share) * gradient(loss, z, absent)
    torch.testing.assert_close(gradient(loss, z, soft), expected)


def test_gradient_pulls_present_labels_up_and_absent_ones_down(loss):
    found = gradient(loss, torch.zeros(TARGETS.shape, requires_grad=True), TARGETS)
    assert (found[TARGETS == 1] < 0).all()
    assert (found[TARGETS == 0] > 0).all()


@pytest.mark.parametrize("size", [1.0, 100.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_every_type_agrees_with_float64_up_to_the_extremes(loss, dtype, size):
    signs = torch.tensor([[1, 1, -1, -1], [-1, 1, 1, -1], [1, -1, -1, 1]])
    z = (size * signs).to(dtype).requires_grad_()
    exact = z.detach().double().requires_grad_()
    value, expected = loss(z, TARGETS), loss(exact, TARGETS)
    torch.testing.assert_close(value.double(), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient(loss, z, TARGETS), gradient(loss, exact, TARGETS).to(dtype))


def test_works_on_the_meta_device(loss):
    z = torch.zeros(3, 4, device="meta", requires_grad=True)
    value = loss.to("meta")(z, torch.zeros(3, 4, device="meta"))
    value.backward()
    assert (value.shape, value.device.type, z.grad.shape) == ((), "meta", (3, 4))


def test_leaves_its_inputs_as_they_are(loss):
    z, targets = logits(torch.float32), TARGETS.float()
    before = z.detach().clone()
    loss(z, targets).backward()
    assert torch.equal(z, before)
    assert torch.equal(targets, TARGETS.float())


def test_names_the_shape_of_logits_that_are_not_a_matrix(loss):
    with pytest.raises(OptionError, match=r"^scores must have shape \(batch, classes\), got \(4,\)$"):
        loss(torch.zeros(4), torch.zeros(4))


def test_says_what_to_do_with_targets_of_another_shape(loss):
    with pytest.raises(OptionError) as error:
        loss(torch.zeros(2, 4), torch.zeros(2))
    assert str(error.value) == (
        "targets must have the shape of scores (2, 4), got (2,); "
        "lists of label names are turned into a matrix with polytag.Labels.from_names(...).dense()"
    )
