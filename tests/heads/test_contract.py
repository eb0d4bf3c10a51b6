"""What every head promises: one logit a class from maps of any size, and weights whose classes can be told apart."""

import inspect
import shutil

import pytest
import torch

from polytag.errors import OptionError
from polytag.heads import HEADS
from polytag.heads.base import Head, LookingHead, MapHead, VectorHead

CHANNELS, CLASSES = 16, 5


@pytest.fixture(params=HEADS)
def kind(request):
    return HEADS[request.param]


@pytest.fixture
def head(kind):
    torch.manual_seed(0)
    return kind(CHANNELS, CLASSES).eval()


def features(batch=3, height=4, width=6):
    return torch.randn(batch, CHANNELS, height, width, generator=torch.Generator().manual_seed(1))


def test_channels_and_classes_are_all_that_must_be_said_and_every_option_is_typed(kind):
    channels, classes, *options = inspect.signature(kind).parameters.values()
    assert (channels.name, classes.name) == ("in_channels", "num_classes")
    assert issubclass(kind, Head)
    for argument in (channels, classes, *options):
        assert argument.kind is argument.POSITIONAL_OR_KEYWORD
        assert argument.annotation is not argument.empty
        assert (argument.default is argument.empty) == (argument in (channels, classes))


@pytest.mark.parametrize(("batch", "height", "width"), [(3, 4, 4), (2, 3, 7), (1, 7, 3), (1, 1, 1)])
def test_gives_one_logit_a_class_for_maps_of_any_size(head, batch, height, width):
    logits = head(features(batch, height, width))
    assert (logits.shape, logits.dtype) == ((batch, CLASSES), torch.float32)
    assert logits.isfinite().all()


def test_every_weight_is_trained(head):
    logits = head.train()(features())
    logits.sum().backward()
    assert [key for key, weight in head.named_parameters() if weight.requires_grad and weight.grad is None] == []


def test_the_logits_of_a_photo_do_not_depend_on_the_rest_of_the_batch(head):
    together = head(features())
    alone = torch.cat([head(one) for one in features().split(1)])
    torch.testing.assert_close(alone, together, rtol=1e-4, atol=1e-5)


def test_memory_order_changes_nothing(head):
    there = features().to(memory_format=torch.channels_last)
    torch.testing.assert_close(
        head.to(memory_format=torch.channels_last)(there), head(features()), rtol=1e-4, atol=1e-5
    )


def test_is_one_graph_to_a_compiler(head):
    compiled = torch.compile(head, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(features()), head(features()))


@pytest.mark.skipif(shutil.which("g++") is None, reason="code for a CPU is made by g++")
@pytest.mark.parametrize("name", ["linear", "csra", "wildcat", "decouple"])  # those that are compiled in seconds
def test_what_a_compiler_makes_of_a_head_answers_and_learns_the_same(name):
    torch.manual_seed(0)
    head = HEADS[name](CHANNELS, CLASSES).eval()
    weights = list(head.parameters())
    found = []
    for run in (head, torch.compile(head, fullgraph=True)):
        logits = run(features())
        found.append((logits, torch.autograd.grad(logits.square().sum(), weights)))
    torch.testing.assert_close(found[1], found[0], rtol=1e-3, atol=1e-4)


def test_is_exported_for_any_batch_and_any_map_of_some_size(head):
    batch, height, width = (torch.export.Dim(name, min=1, max=64) for name in ("batch", "height", "width"))
    program = torch.export.export(head, (features(),), dynamic_shapes=({0: batch, 2: height, 3: width},)).module()
    for shape in ((5, 4, 6), (1, 7, 3), (2, 1, 9)):  # below 8 places, a share of them is one for some heads: a guard
        torch.testing.assert_close(program(features(*shape)), head(features(*shape)), rtol=1e-4, atol=1e-5)


def test_maps_of_classes_are_finite_and_depend_on_the_photo(head):
    if not isinstance(head, MapHead):
        pytest.skip("no maps of classes")
    maps = head.class_maps(features())
    assert maps.shape[:2] == (3, CLASSES)
    assert maps.isfinite().all()
    assert not torch.equal(maps[0], maps[1])


def test_looks_are_shares_of_the_places(head):
    if not isinstance(head, LookingHead):
        pytest.skip("does not look")
    looks = head.looks(features())
    assert looks.shape == (3, CLASSES, 4, 6)
    assert (looks >= 0).all()
    torch.testing.assert_close(looks.sum(dim=(2, 3)), torch.ones(3, CLASSES))


def test_every_head_shows_where_a_label_is(kind):
    head = kind(CHANNELS, CLASSES)
    assert isinstance(head, (MapHead, LookingHead))


def test_works_on_the_meta_device(kind):
    with torch.device("meta"):
        logits = kind(CHANNELS, CLASSES)(torch.empty(2, CHANNELS, 4, 6))
    assert (logits.shape, logits.device.type) == ((2, CLASSES), "meta")


def test_is_close_to_float32_under_bf16_autocast(head):
    exact = head(features())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = head(features()).float()
    torch.testing.assert_close(rough, exact, rtol=0.05, atol=0.05 * exact.abs().max().item())


def test_works_in_bf16_alone_forward_and_backward(head):
    exact = head(features())
    rough = head.bfloat16()(features().bfloat16())
    assert rough.dtype == torch.bfloat16
    torch.testing.assert_close(rough.float(), exact, rtol=0.05, atol=0.05 * exact.abs().max().item())
    head.train()(features().bfloat16()).float().square().sum().backward()
    for key, weight in head.named_parameters():
        if weight.requires_grad:
            assert weight.grad.dtype == torch.bfloat16, key
            assert weight.grad.isfinite().all(), key


def test_another_number_of_classes_changes_only_what_class_dims_names(kind):
    small, large = kind(CHANNELS, CLASSES), kind(CHANNELS, CLASSES + 2)
    few, many = small.state_dict(), large.state_dict()
    assert small.class_dims() == large.class_dims()
    assert small.class_dims() or small.told()
    assert few.keys() == many.keys() >= {*small.class_dims(), *small.told()}
    changed = {
        (key, dim): (few[key].shape[dim], many[key].shape[dim])
        for key in few
        for dim in range(few[key].ndim)
        if few[key].shape[dim] != many[key].shape[dim] and key not in small.told()
    }
    named = {(key, dim) for key, dims in small.class_dims().items() for dim in dims}
    assert changed == dict.fromkeys(named, (CLASSES, CLASSES + 2))


def test_a_state_dict_is_all_that_another_one_needs(kind, head):
    torch.manual_seed(1)
    other = kind(CHANNELS, CLASSES).eval()
    other.load_state_dict(head.state_dict())
    assert torch.equal(other(features()), head(features()))


def test_a_head_in_two_halves_is_one_after_the_other(head):
    if not isinstance(head, VectorHead):
        pytest.skip("no vector between two halves")
    vectors = head.embed(features())
    assert vectors.shape == (3, CHANNELS)
    assert torch.equal(head.classify(vectors), head(features()))


def test_folded_it_answers_the_same_and_folded_twice_as_once(head):
    head.double()
    expected = head(features().double())
    folded = head.fold()
    torch.testing.assert_close(folded(features().double()), expected, rtol=1e-9, atol=1e-9)
    assert type(folded.fold()) is type(folded)
    torch.testing.assert_close(folded.fold()(features().double()), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(head(features().double()), expected)  # itself it has not changed


def test_a_weighted_one_answers_as_on_weighted_features(head):
    weights = torch.rand(CHANNELS, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    head.double()
    expected = head(features().double() * weights[:, None, None])
    torch.testing.assert_close(head.weighted(weights)(features().double()), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", [(2, CHANNELS + 1, 4, 4), (2, CHANNELS), (2, CHANNELS, 4)])
def test_refuses_what_is_no_feature_map(head, shape):
    with pytest.raises(OptionError) as error:
        head(torch.zeros(shape))
    assert str(error.value) == f"features must have shape (batch, {CHANNELS}, height, width), got {shape}"


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0, CLASSES), "in_channels must be at least 1, got 0"),
        ((CHANNELS, 0), "num_classes must be at least 1, got 0"),
    ],
)
def test_refuses_to_be_built_for_nothing(kind, numbers, message):
    with pytest.raises(OptionError) as error:
        kind(*numbers)
    assert str(error.value) == message
