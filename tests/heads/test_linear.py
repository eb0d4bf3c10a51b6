"""What the linear head promises: its poolings, its formula, cosines that stay cosines, its errors."""

import math

import pytest
import torch

from polytag.errors import OptionError
from polytag.heads.linear import Linear
from polytag.layers.cosine import automatic_scale

MAP = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]], [[-1.0, -1.0], [-1.0, 1.0]]]])  # means 3 and -0.5, maxima 6 and 1


@pytest.mark.parametrize(("pooling", "expected"), [("avg", [3.0, -0.5]), ("max", [6.0, 1.0]), ("avg_max", [9.0, 0.5])])
def test_pools_to_numbers_worked_by_hand(pooling, expected):
    assert Linear(2, 1, pooling).embed(MAP).tolist() == [expected]


def test_gives_the_weighted_sum_and_the_bias():
    head = Linear(2, 2)
    head.load_state_dict(
        {"classifier.weight": torch.tensor([[1.0, 2], [0, 4]]), "classifier.bias": torch.tensor([0.5, 1])}
    )
    assert head(MAP).tolist() == [[3 - 1 + 0.5, -2 + 1]]


def cosine_head(weight, **options):
    head = Linear(2, len(weight), normalize=True, **options)
    head.classifier.weight.data = torch.tensor(weight)
    return head


def test_normalised_logits_are_cosines_times_the_scale():
    head = cosine_head([[2.0, 0.0], [3.0, 3.0], [-5.0, 0.0], [0.0, 7.0]])
    expected = [23.0, 23 * math.sqrt(0.5), -23.0, 0.0]
    assert head.classify(torch.tensor([[4.0, 0.0]]))[0].tolist() == pytest.approx(expected)
    assert head.classify(torch.tensor([[4e-3, 0.0]]))[0].tolist() == pytest.approx(expected)


def test_the_scale_travels_with_the_weights_and_there_is_no_bias():
    state = Linear(3, 2, normalize=True, scale=10).state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == {"scale": (), "classifier.weight": (2, 3)}
    other = Linear(3, 2, normalize=True)
    other.load_state_dict(state)
    assert other.scale.item() == 10


def test_fresh_normalised_weights_have_length_one():
    weight = Linear(64, 9, normalize=True).classifier.weight
    torch.testing.assert_close(weight.norm(dim=1), torch.ones(9))
    assert weight.requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_cosines_never_leave_their_range_whatever_the_type(dtype):
    seed = torch.Generator().manual_seed(0)
    vectors = torch.randn(200, 37, generator=seed).to(dtype)
    head = Linear(37, 200, normalize=True, scale=1).to(dtype)
    head.classifier.weight.data = vectors * 3  # each photo lies exactly on one class
    logits = head.classify(vectors)
    assert logits.abs().max() <= 1
    torch.testing.assert_close(logits.diagonal().double(), torch.ones(200).double(), rtol=0, atol=1e-2)


def test_a_vector_of_zeros_gets_logits_of_zero_and_a_finite_gradient():
    head, vectors = Linear(4, 3, normalize=True), torch.zeros(2, 4, requires_grad=True)
    logits = head.classify(vectors)
    logits.sum().backward()
    assert logits.tolist() == [[0, 0, 0]] * 2
    assert vectors.grad.abs().max() <= 23 * 3
    assert not head.classifier.weight.grad.any()


def test_cosines_stay_exact_under_autocast():
    seed = torch.Generator().manual_seed(0)
    head, vectors = Linear(64, 9, normalize=True), torch.randn(5, 64, generator=seed)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(head.classify(vectors), head.classify(vectors).float())
        rounded = head.classify(vectors)
    assert torch.equal(rounded, head.classify(vectors))


def test_gradient_turns_the_vector_towards_the_class():
    vectors = torch.tensor([[1.0, 1.0]], requires_grad=True)
    cosine_head([[1.0, 0.0]]).classify(vectors).sum().backward()
    right, up = vectors.grad[0].tolist()
    assert right > 0 > up
    assert right == pytest.approx(-up)  # never along the vector itself


def test_dropout_leaves_the_embedding_alone_and_evaluation_too():
    head = Linear(2, 3, dropout=1.0)
    assert head.embed(MAP).tolist() == [[3.0, -0.5]]
    assert head(MAP).tolist() == [head.classifier.bias.tolist()]
    head.eval()
    assert head(MAP).tolist() != [head.classifier.bias.tolist()]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"pooling": "mean"}, "pooling must be one of avg, max, avg_max, got 'mean'"),
        ({"scale": -1}, "scale must be at least 1e-06, got -1"),
        ({"dropout": 1.5}, "dropout must be between 0 and 1, got 1.5"),
    ],
)
def test_refuses_options_out_of_range(option, message):
    with pytest.raises(OptionError, match=rf"^{message}$"):
        Linear(2, 3, **option)


def test_a_scale_of_0_follows_from_the_classes():
    assert Linear(4, 500, normalize=True, scale=0.0).scale.item() == pytest.approx(automatic_scale(500))
